import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { Answer } from '../../src/protocol/answer.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program, type Running, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const configs = suite('the configuration, edited while the daemon runs');

/** A real daemon by a file with comments, a broker, and who listens. */
async function line() {
	const folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('pictures'));
	for (let i = 0; i < 4; i += 1)
		await writeFile(at(`pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(at('bundle'));
	const broker = await startMosquitto(await freePort(), folder.path);
	const text = `# The line in hall 3.
box: t
mqtt: { url: "${broker.url}" }   # beside the door
control:
  remote: engineer
  allow: { brokers: ["mqtt://127.0.0.1:*"], cameras: ["http://127.0.0.1:*/**"] }
stations:
  s:
    camera: { source: pictures, loop: true }
    recipe: r
recipes:
  r:
    model: bundle
    threads: 1
    threshold: 1000   # high: all are good
    trigger: { everyMs: 50 }
`;
	await writeFile(at('line.yaml'), text);
	const subscriber = await listen(broker.url);
	const boxes: Running[] = [];
	let ids = 0;
	const here = {
		at,
		text,
		subscriber,
		broker,
		file: () => readFile(at('line.yaml'), 'utf8'),
		box: () => {
			const running = start('run', '--config', at('line.yaml'));
			boxes.push(running);
			return running;
		},
		/** Over the broker, as an engineer. */
		ask: async (asked: object, given?: string): Promise<Answer> => {
			ids += 1;
			const id = given ?? `e-${ids}`;
			const { client, heard } = subscriber;
			const payload = JSON.stringify({ id, client: 'desk', ...asked });
			const before = heard.length;
			await client.publishAsync('inspectord/t/request/engineer/config', payload, { qos: 1 });
			return eventually(
				`an answer to ${payload}`,
				() =>
					heard
						.slice(before)
						.filter(({ topic }) => topic === 'inspectord/t/answer/desk')
						.map(({ payload: bytes }) => JSON.parse(String(bytes)) as Answer)
						.find((one) => one.id === id),
				60_000,
			);
		},
		verdicts: (): VerdictMessage[] =>
			subscriber.heard
				.filter(({ topic }) => topic.endsWith('/s/verdict'))
				.map(({ payload }) => JSON.parse(String(payload)) as VerdictMessage),
		ready: async () => {
			const before = here.verdicts().length;
			await eventually('verdicts come', () => here.verdicts().length > before + 2, 60_000);
		},
		rev: async () => (await here.ask({})).result!.rev as string,
		told: () => {
			const told = subscriber.heard.filter(({ topic }) => topic === 'inspectord/t/config').at(-1);
			return told && JSON.parse(String(told.payload));
		},
		[Symbol.asyncDispose]: async () => {
			for (const running of boxes) await running[Symbol.asyncDispose]();
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
	return here;
}

const threshold = (value: number) => ({ patch: { recipes: { r: { threshold: value } } } });

configs('is shown, changed by a patch between two parts, and keeps its comments', async () => {
	if (!hasMosquitto()) return;
	await using here = await line();
	const box = here.box();
	await here.ready();
	const shown = await here.ask({ action: 'show' });
	assert.is(shown.code, 'ok', shown.text);
	const { rev, document, effective } = shown.result as Record<string, unknown>;
	assert.is((document as { recipes: { r: { threshold: number } } }).recipes.r.threshold, 1000);
	assert.is((effective as { recipes: { r: { deadlineMs: number } } }).recipes.r.deadlineMs, 5000);
	assert.is(here.told().rev, rev);

	const edited = await here.ask({ ...threshold(0.000_001), baseRev: rev });
	assert.is(edited.code, 'ok', edited.text);
	assert.equal(edited.result!.changed, ['recipes.r.threshold']);
	assert.is(await here.file(), here.text.replace('1000 ', '0.000001 '));
	await eventually('parts are judged by it', () => here.verdicts().at(-1)!.threshold === 0.000_001);
	await eventually('it is told', () => here.told().rev === edited.result!.rev);
	const all = here.verdicts();
	assert.equal(
		all.map(({ sequence }) => sequence),
		all.map((_, i) => i + 1),
	);
	assert.is(new Set(all.map(({ run }) => run)).size, 1);

	const stale = await here.ask({ ...threshold(2), baseRev: rev });
	assert.is(stale.code, 'conflict');
	const again = await here.ask(threshold(3), edited.id!);
	assert.is(again.code, 'conflict', 'an id belongs to one request');

	const back = await here.ask({ action: 'rollback' });
	assert.is(back.code, 'ok', back.text);
	assert.is(await here.file(), here.text);
	const history = await here.ask({ action: 'history' });
	assert.is((history.result!.revisions as unknown[]).length, 3);
	box.child.kill('SIGTERM');
	assert.is((await box.ended).code, 0);
	assert.equal(breaches(here.subscriber.heard.filter(({ topic }) => !topic.includes('/request/'))), []);
});

configs('is refused with every fault and what was meant', async () => {
	if (!hasMosquitto()) return;
	await using here = await line();
	here.box();
	await here.ready();
	const faulty = await here.ask({
		patch: { recipes: { r: { treshold: 1, deadlineMs: '5s' } }, stations: { s: { recipe: 'R' } } },
	});
	assert.is(faulty.code, 'invalid');
	const told = Object.fromEntries(faulty.faults.map(({ path, message }) => [path, message]));
	assert.match(told['recipes.r.treshold']!, /did you mean "threshold"/);
	assert.match(told['recipes.r.deadlineMs']!, /expected number/);
	const denied = await here.ask({ patch: { box: 'u', control: { remote: 'viewer' } } });
	assert.is(denied.code, 'denied');
	assert.equal(denied.faults.map(({ path }) => path).sort(), ['box', 'control.remote', 'journal.folder']);
	const both = await here.ask({ patch: {}, document: {}, rev: 'x' });
	assert.is(both.code, 'invalid');
	assert.is((await here.ask({ document: {} })).faults[0]!.path, 'baseRev');
	assert.is(await here.file(), here.text);
});

configs('that does harm is answered on the old connection, and what ran before runs', async () => {
	if (!hasMosquitto()) return;
	await using here = await line();
	await using hanging = await silentServer();
	here.box();
	await here.ready();
	const port = await freePort();
	for (const [what, patch, path] of [
		['a broker that is not there', { mqtt: { url: `mqtt://127.0.0.1:${port}` } }, 'mqtt'],
		['a bundle that is not there', { recipes: { r: { model: 'bundle-2' } } }, 'recipes.r'],
		[
			'a camera that hangs',
			{ stations: { s: { camera: { source: `http://127.0.0.1:${hanging.port}/x.mjpg`, timeoutMs: 500 } } } },
			'stations.s',
		],
	] as const) {
		const answer = await here.ask({ patch });
		assert.is(answer.code, 'failed', `${what}: ${answer.text}`);
		assert.is(answer.faults[0]?.path, path, what);
		assert.is(await here.file(), here.text, what);
		await here.ready();
	}
	const all = here.verdicts();
	assert.is(new Set(all.map(({ run }) => run)).size, 1, 'nothing has stopped');
});

configs('that nobody confirms is undone: in time, and by a crash before', async () => {
	if (!hasMosquitto()) return;
	await using here = await line();
	const box = here.box();
	await here.ready();
	const standing = await here.rev();
	const waiting = await here.ask({ ...threshold(2), confirmTimeoutS: 2 });
	assert.is(waiting.code, 'ok', waiting.text);
	assert.is.not(waiting.result!.confirmBy, null);
	await eventually('it is judged by', () => here.verdicts().at(-1)!.threshold === 2);
	await eventually('it is undone', () => here.verdicts().at(-1)!.threshold === 1000);
	assert.is(await here.rev(), standing);

	await here.ask({ ...threshold(3), confirmTimeoutS: 600 });
	await eventually('it is judged by', () => here.verdicts().at(-1)!.threshold === 3);
	assert.is((await here.ask(threshold(4))).code, 'conflict');
	box.child.kill('SIGKILL');
	await box.ended;
	assert.is(await here.file(), here.text);
	here.box();
	await eventually('what stood before runs', () => here.verdicts().at(-1)!.threshold === 1000, 60_000);
	assert.is(await here.rev(), standing);

	await here.ask({ ...threshold(5), confirmTimeoutS: 600 });
	const confirmed = await here.ask({ action: 'confirm' });
	assert.is(confirmed.code, 'ok', confirmed.text);
	assert.is(await here.file(), here.text.replace('1000 ', '5 '));
});

configs('is edited on the box, too, where no broker is', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await tinyBundle(at('bundle'));
	await writeFile(
		at('line.yaml'),
		'box: t\nmqtt: { url: "mqtt://127.0.0.1:9" }\nstations: { s: { camera: { source: "sim:?fps=20" }, recipe: r } }\nrecipes: { r: { model: bundle, threads: 1 } }\n',
	);
	await using box = start('run', '--config', at('line.yaml'));
	const ask = (...words: string[]) => program('ask', 'config', ...words, '--config', at('line.yaml'));
	await eventually('it answers', async () => (await ask()).code === 0, 60_000);
	const edited = await ask('patch={"recipes":{"r":{"deadlineMs":700}}}');
	assert.is(edited.code, 0, edited.err);
	assert.match(await readFile(at('line.yaml'), 'utf8'), /deadlineMs: 700/);
	assert.match((await ask('patch={"box":"u"}')).err, /denied/);
	void box;
});

/** Takes connections and says nothing. */
async function silentServer(): Promise<AsyncDisposable & { readonly port: number }> {
	const server: Server = createServer(() => {});
	const port = await freePort();
	await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
	return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

configs.run();
