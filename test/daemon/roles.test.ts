import { execFileSync } from 'node:child_process';
import { chmod, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, answerSchema } from '../../src/protocol/answer.js';
import type { Role } from '../../src/protocol/roles.js';
import { answerOf } from '../answer-of.js';
import { eventually, freePort } from '../free-port.js';
import { type Line, lineWith } from '../line.js';
import { hasMosquitto, type Mosquitto, startMosquitto } from '../mosquitto.js';
import { program } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const rights = suite('who may edit, behind the access list that is shipped');

const shipped = fileURLToPath(new URL('../../../docs/mosquitto/acl', import.meta.url));
const users = ['t', 'viewer', 'operator', 'engineer'] as const;
type User = (typeof users)[number];

/** A broker that knows everybody by a password, which is the name. */
async function guardedBroker(folder: string): Promise<Mosquitto> {
	const [acl, passwords] = [join(folder, 'acl'), join(folder, 'passwords')];
	await copyFile(shipped, acl);
	for (const [i, user] of users.entries())
		execFileSync('mosquitto_passwd', [...(i === 0 ? ['-c'] : []), '-b', passwords, user, user], {
			stdio: 'ignore',
		});
	for (const path of [acl, passwords]) await chmod(path, 0o600);
	return startMosquitto(await freePort(), folder, [
		'allow_anonymous false',
		`acl_file ${acl}`,
		`password_file ${passwords}`,
	]);
}

type Desk = AsyncDisposable & {
	readonly heard: { readonly topic: string; readonly payload: Buffer }[];
	/** @returns the reason that the broker gives, 0 where it takes it */
	publish(role: Role, name: string, payload: object, responseTopic?: string): Promise<number>;
	/** Asks and waits for the answer. */
	ask(role: Role, name: string, payload: object): Promise<Answer>;
	answerTo(id: string): Answer | undefined;
};

/** Somebody who hears all that he may. */
async function deskOf(url: string, user: User, version: 4 | 5 = 5): Promise<Desk> {
	const client: MqttClient = await connectAsync(url, {
		protocolVersion: version,
		username: user,
		password: user,
	});
	client.on('error', () => {});
	const heard: Desk['heard'] = [];
	client.on('message', (topic, payload) => heard.push({ topic, payload }));
	await client.subscribeAsync('#', { qos: 1 });
	const answerTo = (id: string) =>
		heard
			.filter(({ topic }) => topic.startsWith('inspectord/t/answer/') && !topic.endsWith('/progress'))
			.map(({ payload }) => answerSchema.parse(JSON.parse(payload.toString())))
			.find((answer) => answer.id === id);
	const publish: Desk['publish'] = (role, name, payload, responseTopic) =>
		client
			.publishAsync(`inspectord/t/request/${role}/${name}`, JSON.stringify(payload), {
				qos: 1,
				...(responseTopic !== undefined && { properties: { responseTopic } }),
			})
			.then(
				() => 0,
				(refusal: { readonly code?: number }) => refusal.code ?? -1,
			);
	return {
		heard,
		publish,
		answerTo,
		ask: async (role, name, payload) => {
			const { id } = payload as { readonly id: string };
			assert.is(await publish(role, name, { client: user, ...payload }), 0);
			return eventually(`${id} is answered`, () => answerTo(id));
		},
		[Symbol.asyncDispose]: () => client.endAsync(true),
	};
}

const boxAt = ({ url }: Mosquitto, control: string): Promise<Line> =>
	lineWith(`mqtt: { url: "${url.replace('//', '//t:t@')}" }\ncontrol: ${control}`);

async function revisionOf(here: Line): Promise<{ readonly rev: string; readonly threshold: unknown }> {
	const { result } = await answerOf(join(here.path, 't-state'), 'config');
	const { rev, effective } = result as { rev: string; effective: { recipes: { r: { threshold: unknown } } } };
	return { rev, threshold: effective.recipes.r.threshold };
}

const patch = { recipes: { r: { threshold: 0.25 } } };

rights('a viewer and an operator change nothing, whatever they publish', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await guardedBroker(folder.path);
	await using here = await boxAt(broker, '{ remote: engineer }');
	here.box();
	await here.ready();
	const before = await revisionOf(here);
	await using viewer = await deskOf(broker.url, 'viewer');
	await using old = await deskOf(broker.url, 'viewer', 4);
	await using operator = await deskOf(broker.url, 'operator');
	await using engineer = await deskOf(broker.url, 'engineer');

	// The broker refuses what is above them; with 3.1.1 it says nothing, and drops it.
	for (const [desk, role] of [
		[viewer, 'engineer'],
		[viewer, 'operator'],
		[operator, 'engineer'],
	] as const)
		assert.is(await desk.publish(role, 'config', { id: `no-${role}`, client: 'x', patch }), 0x87);
	assert.is(await old.publish('engineer', 'config', { id: 'old', client: 'x', patch }), 0);

	// And the box what is asked in a role that may not.
	for (const [desk, role] of [
		[viewer, 'viewer'],
		[operator, 'operator'],
	] as const) {
		const edits: Readonly<Record<string, object>> = {
			patch: { patch },
			document: { document: { box: 't' }, baseRev: before.rev },
			text: { text: 'box: t', baseRev: before.rev },
			'dry run': { patch, dryRun: true },
			edit: { action: 'edit', patch: {} },
			rollback: { action: 'rollback' },
			confirm: { action: 'confirm' },
			// A patch makes it an edit, whatever it calls itself.
			show: { action: 'show', patch },
		};
		for (const [what, edit] of Object.entries(edits)) {
			const { code } = await desk.ask(role, 'config', { id: `${role}-${what.replace(' ', '-')}`, ...edit });
			assert.is(code, 'denied', `${role} ${what}`);
		}
		const lies = [{ role: 'engineer' }, { by: { role: 'engineer' } }, { place: 'local' }, { key: 'alice' }];
		for (const [i, lie] of lies.entries()) {
			const { code } = await desk.ask(role, 'config', { id: `${role}-lie-${i}`, patch, ...lie });
			assert.is(code, 'invalid', JSON.stringify(lie));
		}
		const shown = await desk.ask(role, 'config', { id: `${role}-look` });
		assert.is(shown.code, 'ok');
		assert.not.match(JSON.stringify(shown), /t:t@/);
	}

	// Answers go below those of this box alone, and who asks for another place is not heard.
	const elsewhere = [
		'inspectord/t/state',
		'inspectord/t/s/verdict',
		'inspectord/t/config',
		'inspectord/u/answer/x',
		'inspectord/t/answer/x/progress',
		'inspectord/t/answer/../state',
		'inspectord/t/request/viewer/state',
		'local',
	];
	for (const [i, topic] of elsewhere.entries())
		assert.is(await engineer.publish('engineer', 'config', { id: `e-${i}`, patch }, topic), 0);
	const last = await engineer.ask('viewer', 'state', { id: 'after' });
	assert.is(last.code, 'ok');
	assert.equal(await revisionOf(here), before);
	const odd = engineer.heard.filter(
		({ topic, payload }) => !topic.includes('/answer/') && /"e-\d"/.test(`${payload}`),
	);
	assert.equal(odd, []);

	// Nobody hears what others ask; everybody hears what the box says.
	for (const desk of [viewer, operator, engineer]) {
		const topics = desk.heard.map(({ topic }) => topic);
		assert.not.ok(topics.some((topic) => topic.includes('/request/')));
		for (const topic of ['inspectord/t/state', 'inspectord/t/config', 'inspectord/t/config/schema'])
			assert.ok(topics.includes(topic), topic);
		assert.not.match(desk.heard.map(({ payload }) => payload.toString('latin1')).join('\n'), /t:t@/);
	}

	const edited = await engineer.ask('engineer', 'config', { id: 'edit', patch });
	assert.is(edited.code, 'ok', edited.text);
	assert.is((await revisionOf(here)).threshold, 0.25);
	const trail = await program('audit', '--config', here.config);
	assert.match(trail.out, /viewer inspectord\/t\/answer\/viewer {2}request "config" {2}denied/);
	assert.match(
		trail.out,
		/engineer inspectord\/t\/answer\/engineer {2}recipes\.r\.threshold: bundle → 0\.25 {2}ok/,
	);
	assert.is((await program('audit', 'verify', '--config', here.config)).code, 0);
});

rights('an engineer is believed as far as the box says, and changes nothing that is closed', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await guardedBroker(folder.path);
	await using here = await boxAt(broker, '{ remote: operator }');
	const box = here.box();
	await here.ready();
	const before = await revisionOf(here);
	{
		await using engineer = await deskOf(broker.url, 'engineer');
		assert.is(await engineer.publish('engineer', 'config', { id: 'a', client: 'engineer', patch }), 0);
		assert.is((await engineer.ask('operator', 'config', { id: 'b', patch })).code, 'denied');
		assert.is(engineer.answerTo('a'), undefined);
	}
	box.child.kill('SIGTERM');
	await box.ended;
	await here.rewrite((text) => text.replace('remote: operator', 'remote: engineer'));
	here.box();
	await here.ready();
	await using engineer = await deskOf(broker.url, 'engineer');
	const closed: Readonly<Record<string, object>> = {
		box: { box: 'u' },
		'journal.folder': { journal: { folder: '/tmp/x' } },
		'control.remote': { control: { remote: 'viewer' } },
		'control.allow.bundles': { control: { allow: { bundles: '/' } } },
		'mqtt.passwordFile': { mqtt: { passwordFile: '/etc/shadow', url: 'mqtt://127.0.0.1:9' } },
		'mqtt.url': { mqtt: { url: 'mqtt://evil.example' } },
		'stations.s.camera.source': { stations: { s: { camera: { source: '/etc' } } } },
		'stations.x.camera.source': { stations: { x: { camera: { source: 'http://10.0.0.1/' }, recipe: 'r' } } },
		'recipes.r.model': { recipes: { r: { model: '/etc' } } },
		'recipes.r.trigger.file': { recipes: { r: { trigger: { mode: 'file', file: '/etc/passwd' } } } },
	};
	for (const [path, wanted] of Object.entries(closed)) {
		const { code, faults } = await engineer.ask('engineer', 'config', { id: path, patch: wanted });
		assert.is(code, 'denied', path);
		assert.ok(
			faults.some((fault) => fault.path === path),
			`${path}: ${JSON.stringify(faults)}`,
		);
	}
	assert.is((await revisionOf(here)).threshold, before.threshold);
	assert.match(await readFile(here.config, 'utf8'), /source: pictures/);
});

rights('a signed request is done once, also after kill -9, whoever sends it again', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await guardedBroker(folder.path);
	const key = join(folder.path, 'alice.pem');
	const { out } = await program('key', 'alice', '--out', key);
	const signed = `{ settings: [threshold], keys: { ${out.trim()} } }`;
	await using here = await boxAt(broker, `{ remote: engineer, signed: ${signed} }`);
	const box = here.box();
	await here.ready();
	await using engineer = await deskOf(broker.url, 'engineer');
	const unsigned = await engineer.ask('engineer', 'config', { id: 'unsigned', patch });
	assert.equal([unsigned.code, unsigned.faults.map(({ path }) => path)], ['denied', ['recipes.r.threshold']]);
	const sign = async (id: string, wanted: object) => {
		const words = [
			'sign',
			'config',
			JSON.stringify({ patch: wanted }),
			'--box',
			't',
			'--key',
			key,
			'--id',
			id,
		];
		return JSON.parse((await program(...words)).out);
	};
	const request = await sign('one', patch);
	const changed = { ...(await sign('zero', patch)), patch: { recipes: { r: { threshold: 99 } } } };
	assert.is((await engineer.ask('engineer', 'config', changed)).code, 'denied');
	assert.is((await engineer.ask('engineer', 'config', request)).code, 'ok');
	const back = await engineer.ask(
		'engineer',
		'config',
		await sign('two', { recipes: { r: { threshold: 0.5 } } }),
	);
	assert.is(back.code, 'ok');
	box.child.kill('SIGKILL');
	await box.ended;
	here.box();
	await here.ready();
	// The same id of another client is another request, with a signature that was used.
	await using again = await deskOf(broker.url, 'engineer');
	assert.is(await again.publish('engineer', 'config', { ...request, client: 'other' }), 0);
	const answer = await eventually('it is answered', () => again.answerTo('one'));
	assert.is(answer.code, 'denied');
	assert.match(answer.text, /signature\.nonce: was used before/);
	assert.is((await revisionOf(here)).threshold, 0.5);
});

rights.run();
