import { spawnSync } from 'node:child_process';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { Answer } from '../../src/protocol/answer.js';
import { requestExamples } from '../../src/protocol/request-examples.js';
import { demandOf, REQUESTS, type Row, requestNames } from '../../src/protocol/requests.js';
import { hasRights } from '../../src/protocol/roles.js';
import { drawPart } from '../../src/sim/line.js';
import { openToRead } from '../../src/sqlite/database.js';
import { answerOf, answerOver, stationsRun } from '../answer-of.js';
import { childrenOf } from '../children-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program, type Running, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const asks = suite('inspectord ask');

type Line = AsyncDisposable & {
	readonly path: string;
	readonly config: string;
	readonly box: () => Running;
	/** Asks on the box. */
	ask(...words: string[]): ReturnType<typeof program>;
	ready(): Promise<unknown>;
};

/** A box with one station, in a folder whose path may be very long. */
async function line(more: string, deeper = ''): Promise<Line> {
	const folder = await temporaryFolder();
	const path = join(folder.path, deeper);
	await mkdir(join(path, 'pictures'), { recursive: true });
	for (let i = 0; i < 4; i += 1)
		await writeFile(join(path, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	const config = join(path, 'line.yaml');
	await writeFile(
		config,
		`box: t\nhealth: { everyMs: 1000 }\n${more}\nstations:\n  s: { camera: { source: pictures, loop: true }, recipe: r }\nrecipes:\n  r: { model: bundle, threads: 1, trigger: { everyMs: 100 }, alarms: { seen: { score: { above: 1.0e-9, clearBelow: 1.0e-10, parts: 1 } } } }\n`,
	);
	const boxes: Running[] = [];
	const box = () => {
		const running = start('run', '--config', config);
		boxes.push(running);
		return running;
	};
	const ask = (...words: string[]) => program('ask', ...words, '--config', config);
	return {
		path,
		config,
		box,
		ask,
		ready: () => stationsRun(join(path, 't-state')),
		[Symbol.asyncDispose]: async () => {
			for (const running of boxes) await running[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

const NOBODY = 'mqtt: { url: "mqtt://127.0.0.1:9" }';

asks('is answered on the box without a broker, also where the path is too long for a socket', async () => {
	await using here = await line(NOBODY, `${'deep'.repeat(30)}/x`);
	const none = await here.ask('state');
	assert.is(none.code, 1);
	assert.match(none.err, /no daemon runs there/);
	const box = here.box();
	await here.ready();
	const socket = join(here.path, 't-state/ask.sock');
	assert.is((await stat(socket)).mode & 0o777, 0o600);
	const state = join(here.path, 't-state');
	await eventually('its health is told', async () => (await answerOf(state, 'health')).code === 'ok');
	assert.is((await here.ask('health')).code, 0);
	const checked = await here.ask('selfcheck');
	assert.match(checked.err, /^1\/1 {2}s passed$/m);
	const found = await here.ask('events', 'station=s', 'verdict=accept', 'limit=2');
	assert.ok(JSON.parse(found.out).events.length <= 2);
	assert.is(JSON.parse((await here.ask('state')).out).stations[0].station, 's');
	const diagnostics = JSON.parse((await here.ask('diagnostics')).out);
	assert.is(diagnostics.stations[0].provider, 'cpu');
	assert.match(JSON.stringify(diagnostics.troubles), /no broker at/);
	assert.is((await here.ask('selfcheck', 'station=t')).code, 2);
	const first = await here.ask('state', '--id', 'one', '--json');
	assert.is((await here.ask('state', '--id', 'one', '--json')).out, first.out);
	assert.match(
		(await here.ask('health', '--id', 'one')).err,
		/conflict: Id "one" belongs to another request/,
	);
	box.child.kill('SIGTERM');
	assert.is((await box.ended).code, 0);
	assert.is((await here.ask('state')).code, 1);
});

for (const [what, words, message] of [
	['a request that is none', ['stat'], /no request "stat"\nDid you mean "state"\?/],
	['a key that is none', ['events', 'statoin=s'], /statoin: unknown key, did you mean "station"\?/],
	['a value that is none', ['events', 'limit=many'], /limit: expected/],
	['every fault', ['events', 'limit=0', 'verdict=maybe'], /verdict: .*\n?.*limit: /s],
	['what is no pair', ['events', 'station'], /Cannot understand "station"/],
	['what is no JSON', ['events', '{station'], /no JSON/],
	['no daemon', ['state'], /which daemon/],
	[
		'a password of nobody',
		['state', '--broker', 'mqtt://127.0.0.1:9', '--box', 't', '--password-file', '/dev/null'],
		/of nobody without --user/,
	],
	['no box', ['state', '--broker', 'mqtt://127.0.0.1:9'], /which box/],
	[
		'an address that is none',
		['state', '--broker', 'http://x', '--box', 't'],
		/begins with http:\/\/, which is written ws:\/\//,
	],
	['a box that is none', ['state', '--broker', 'mqtt://x', '--box', '+'], /no box "\+"/],
	[
		'a root that is none',
		['state', '--broker', 'mqtt://x', '--box', 't', '--root', '#'],
		/Cannot use --root "#"/,
	],
	[
		'a role that is none',
		['state', '--broker', 'mqtt://127.0.0.1:9', '--box', 't', '--as', 'boss'],
		/"boss"/,
	],
] as const) {
	asks(`refuses ${what} before anybody is asked`, async () => {
		const { code, err } = await program('ask', ...words);
		assert.is(code, 2, err);
		assert.match(err, message);
	});
}

asks('tells what can be asked, and of each request with what', async () => {
	const all = await program('ask');
	assert.is(all.code, 0);
	assert.match(all.out, /^ {2}threshold +.*values/m);
	const one = await program('ask', 'threshold', '--help');
	assert.is(one.code, 0);
	assert.match(one.out, /^ {2}values=list of number$/m);
	assert.match(one.out, /--password-file FILE/);
});

asks('knows itself to the broker by a user and a file with the password', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const passwords = join(folder.path, 'passwords');
	const made = spawnSync('mosquitto_passwd', ['-b', '-c', passwords, 'desk', 'geheim']);
	if (made.status !== 0) return console.log('skipped: mosquitto_passwd is not installed');
	const port = await freePort();
	await using _broker = await startMosquitto(port, folder.path, [
		'allow_anonymous false',
		`password_file ${passwords}`,
	]);
	const file = join(folder.path, 'password');
	await writeFile(file, 'geheim\n');
	const ask = (password: string) =>
		program(
			...['ask', 'state', '--broker', `mqtt://127.0.0.1:${port}`, '--box', 't', '--user', 'desk'],
			...['--password-file', password, '--timeout', '2'],
		);
	// Nobody answers there, but the broker lets it ask.
	assert.match((await ask(file)).err, /There is no answer to "state" within 2 s/);
	await writeFile(`${file}-wrong`, 'falsch\n');
	const refused = await ask(`${file}-wrong`);
	assert.match(refused.err, /Cannot ask over the broker/);
	assert.not.match(refused.err, /falsch/);
});

asks('is answered over a broker, by what the role may', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using here = await line(`mqtt: { url: "${broker.url}" }\ncontrol: { remote: operator }`);
	await using subscriber = await listen(broker.url);
	const box = here.box();
	await here.ready();
	const from = (role: string, ...words: string[]) =>
		program('ask', ...words, '--broker', broker.url, '--box', 't', '--as', role, '--timeout', '20');
	assert.is(JSON.parse((await from('viewer', 'state')).out).box, 't');
	for (const name of requestNames) {
		const { ask }: Row = REQUESTS[name];
		const example = requestExamples[name][0]!.ask;
		const { code, text } = await answerOver(broker.url, { box: 't', role: 'viewer' }, name, example);
		const { role } = demandOf(REQUESTS[name], ask.parse(example));
		assert.is(code === 'denied', !hasRights('viewer', role), `${name}: ${text}`);
		if (code === 'denied') assert.match(text, new RegExp(`is for ${role}s: it was asked as viewer`));
	}
	const checked = await from('operator', 'selfcheck');
	assert.is(checked.code, 0, checked.err);
	assert.match(checked.err, /1\/1 {2}s passed/);
	const silent = await program(
		'ask',
		'state',
		'--broker',
		broker.url,
		'--box',
		't',
		'--as',
		'engineer',
		'--timeout',
		'2',
	);
	assert.match(silent.err, /There is no answer to "state" within 2 s/);
	box.child.kill('SIGTERM');
	await box.ended;
	assert.equal(breaches(subscriber.heard.filter(({ topic }) => !topic.includes('/request/'))), []);
});

asks('is answered where the request says, and nowhere that is not for answers', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using here = await line(`mqtt: { url: "${broker.url}" }`);
	await using subscriber = await listen(broker.url);
	const { client } = subscriber;
	const five = await connectAsync(broker.url, { protocolVersion: 5 });
	await using _five = { [Symbol.asyncDispose]: () => five.endAsync(true) };
	const correlated: (string | undefined)[] = [];
	five.on('message', (_topic, _payload, { properties }) =>
		correlated.push(properties?.correlationData?.toString()),
	);
	await five.subscribeAsync('inspectord/t/answer/five', { qos: 1 });
	// The broker keeps it for a box that comes later.
	const kept = JSON.stringify({ id: 'kept', client: 'kept' });
	await client.publishAsync('inspectord/t/request/viewer/state', kept, { qos: 1, retain: true });
	const box = here.box();
	await here.ready();
	const ask = (payload: string | Buffer, responseTopic?: string, correlation = 'c-1', name = 'state') =>
		five.publishAsync(`inspectord/t/request/viewer/${name}`, payload, {
			qos: 1,
			properties: {
				...(responseTopic !== undefined && { responseTopic }),
				correlationData: Buffer.from(correlation),
			},
		});
	const foreign = [
		'inspectord/t/s/verdict',
		'inspectord/t/state',
		'inspectord/t/answer/state',
		'inspectord/t/answer/a/progress',
		'inspectord/u/answer/a',
		'other/x',
		'$SYS/x',
	];
	for (const [i, topic] of foreign.entries()) await ask(JSON.stringify({ id: `f${i}` }), topic);
	for (const reserved of ['state', 'verdict', '../x', '']) {
		const payload = JSON.stringify({ id: `r-${reserved}`, client: reserved });
		await client.publishAsync('inspectord/t/request/viewer/state', payload, { qos: 1 });
	}
	const place = 'inspectord/t/answer/five';
	await ask('', place);
	await ask('x'.repeat(20_000), place, 'large');
	await ask('['.repeat(3000), place, 'deep');
	await ask('{}', place, 'none', 'nothing');
	await ask('{}', place, 'denied', 'selfcheck');
	await client.publishAsync('inspectord/t/request/boss/state', JSON.stringify({ id: '1', client: 'boss' }));
	await client.publishAsync(
		'inspectord/t/request/viewer/state',
		JSON.stringify({ id: '1', client: 'three' }),
	);
	const answersOf = (topic: string): Answer[] =>
		subscriber.heard
			.filter((heard) => heard.topic === topic && heard.payload.length > 0)
			.map(({ payload }) => JSON.parse(payload.toString()));
	await eventually('all are answered', () => answersOf('inspectord/t/answer/three').length === 1);
	await eventually('five are', () => answersOf(place).length === 5);
	assert.equal(
		answersOf(place)
			.map(({ code }) => code)
			.sort(),
		['denied', 'invalid', 'invalid', 'ok', 'unknown'],
	);
	await eventually('five hears them', () => correlated.length === 5);
	assert.equal(correlated.sort(), ['c-1', 'deep', 'denied', 'large', 'none']);
	assert.match(answersOf('inspectord/t/answer/kept')[0]!.text, /retained/);
	const spoken = subscriber.heard.map(({ topic }) => topic).filter((topic) => topic.includes('/answer/'));
	assert.equal(
		[...new Set(spoken)].sort(),
		['five', 'kept', 'three'].map((name) => `inspectord/t/answer/${name}`),
	);
	box.child.kill('SIGTERM');
	await box.ended;
	here.box();
	await here.ready();
	assert.is(answersOf('inspectord/t/answer/kept').length, 1);
	assert.equal(breaches(subscriber.heard.filter(({ topic }) => !topic.includes('/request/'))), []);
});

asks('is answered `interrupted` after kill -9, once, and nothing is done a second time', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using here = await line(`mqtt: { url: "${broker.url}" }\ncontrol: { remote: operator }`);
	await using subscriber = await listen(broker.url);
	const said = (): Answer[] =>
		subscriber.heard
			.filter(({ topic }) => topic === 'inspectord/t/answer/desk')
			.map(({ payload }) => JSON.parse(payload.toString()));
	const request = JSON.stringify({ id: 'x-1', client: 'desk' });
	const publish = () =>
		subscriber.client.publishAsync('inspectord/t/request/operator/selfcheck', request, { qos: 1 });
	const first = here.box();
	await here.ready();
	const children = await childrenOf(first.child.pid!);
	for (const pid of children) process.kill(pid, 'SIGSTOP');
	try {
		await publish();
		using journal = openToRead(join(here.path, 't-state/journal.db'));
		const claims = journal.prepare("SELECT 1 FROM answers WHERE request = 'x-1' AND answer IS NULL");
		await eventually('its claim stands on the disk', () => claims.all().length === 1);
		assert.equal(said(), []);
		first.child.kill('SIGKILL');
		await first.ended;
	} finally {
		for (const pid of children) process.kill(pid, 'SIGKILL');
	}
	const second = here.box();
	await eventually('it is answered', () => said().length > 0, 60_000);
	assert.equal(
		said().map(({ id, code, request: name }) => [id, code, name]),
		[['x-1', 'interrupted', 'selfcheck']],
	);
	await here.ready();
	await publish();
	await eventually('the kept answer comes', () => said().length > 1);
	assert.equal(said()[1], said()[0]);
	assert.not.match(second.err(), /self-check passed/);
	second.child.kill('SIGTERM');
	await second.ended;
	here.box();
	await here.ready();
	assert.is(said().length, 2);
});

asks('goes on beside clients of the socket that say too much, nothing, or never end', async () => {
	await using here = await line(NOBODY);
	here.box();
	await here.ready();
	const socket = join(here.path, 't-state/ask.sock');
	const open = Array.from({ length: 40 }, (_, i) => {
		const client = connect(socket);
		client.on('error', () => {});
		if (i % 2 === 0) client.on('connect', () => client.write('x'.repeat(300_000)));
		return client;
	});
	await eventually('it is answered', async () => (await here.ask('state')).code === 0, 30_000);
	for (const client of open) client.destroy();
	await chmod(socket, 0o600);
	const one = await here.ask('state');
	assert.is(one.code, 0, one.err);
});

asks('is not there where the disk holds no socket, and the box inspects', async () => {
	await using here = await line(NOBODY);
	await mkdir(join(here.path, 't-state/ask.sock/x'), { recursive: true });
	const box = here.box();
	await eventually('it inspects', () => box.out().includes('accept') || box.out().includes('reject'), 60_000);
	assert.match(box.err(), /Cannot listen on ".*ask\.sock".*; the box can be asked over the broker alone/);
	assert.is((await here.ask('state')).code, 1);
});

asks.run();
