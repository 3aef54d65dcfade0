import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { Health } from '../../src/protocol/health.js';
import type { StationState } from '../../src/protocol/states.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { stationsRun } from '../answer-of.js';
import { childrenOf } from '../children-of.js';
import { eventually, freePort } from '../free-port.js';
import { lineWith } from '../line.js';
import { type Heard, hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program, start, startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const run = suite('the daemon');

/** Loaded before the program: its model can be made to hang. */
const FAILING = new URL('../station/failing-model.js', import.meta.url).href;

type Line = AsyncDisposable & {
	readonly path: string;
	readonly url: string;
	readonly heard: readonly Heard[];
	readonly pictures: string;
	readonly bundle: string;
	/** Writes a configuration with one station. @returns its path */
	config(camera: string, recipe?: string): Promise<string>;
};

/** A folder with pictures (one of them cut off) and a bundle, a mosquitto, and somebody who listens. */
async function line(count: number): Promise<Line> {
	const folder = await temporaryFolder();
	const { path } = folder;
	const pictures = join(path, 'pictures');
	await mkdir(pictures);
	for (let i = 0; i < count; i += 1) {
		await writeFile(join(pictures, `${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	}
	const bundle = await tinyBundle(join(path, 'bundle'));
	const broker = await startMosquitto(await freePort(), path);
	const subscriber = await listen(broker.url);
	return {
		path,
		url: broker.url,
		heard: subscriber.heard,
		pictures,
		bundle,
		config: async (camera, recipe = '') => {
			const file = join(path, 'line.yaml');
			const text = `box: t\nhealth: { everyMs: 1000 }\nmqtt: { url: "${broker.url}" }\nstations:\n  s:\n    camera: { ${camera} }\n    recipe: r\nrecipes:\n  r:\n    model: bundle\n${recipe}`;
			await writeFile(file, text);
			return file;
		},
		[Symbol.asyncDispose]: async () => {
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
			assert.equal(breaches(subscriber.heard), [], 'everything that was heard is as the contract says');
		},
	};
}

const verdictsOf = (heard: readonly Heard[]): VerdictMessage[] =>
	heard
		.filter(({ topic }) => topic === 'inspectord/t/s/verdict')
		.map(({ payload }) => JSON.parse(payload.toString()));
const statesOf = (heard: readonly Heard[]): StationState[] =>
	heard
		.filter(({ topic }) => topic === 'inspectord/t/s/state')
		.map(({ payload }) => JSON.parse(payload.toString()));

run(
	'publishes one verdict an image, an error for the one that cannot be read, and ends when told to with the last one',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(7);
		const cut = join(world.pictures, '3.png');
		await writeFile(cut, (await readFile(cut)).subarray(0, 200));
		const config = await world.config('source: pictures');
		const { code, out, err } = await program('run', '--config', config, '--until-finished');
		assert.is(code, 0, err);
		await eventually('all verdicts arrive', () => verdictsOf(world.heard).length === 7);
		const verdicts = verdictsOf(world.heard);
		assert.equal(
			verdicts.map(({ sequence }) => sequence),
			[1, 2, 3, 4, 5, 6, 7],
		);
		const failed = verdicts.filter(({ verdict }) => verdict === 'error');
		assert.is(failed.length, 1);
		assert.match(failed[0]!.error!.message, /3\.png": the PNG is cut off/);
		for (const { verdict, score, threshold, margin, frame } of verdicts.filter(
			({ verdict }) => verdict !== 'error',
		)) {
			assert.is(verdict, score! <= threshold! ? 'accept' : 'reject');
			assert.ok(Math.abs(margin! - (score! - threshold!)) < 1e-9);
			assert.match(frame!, /^\d\.png$/);
		}
		assert.is(out.trim().split('\n').length, 7);
		// A state is told as it is when a broker is reached: what was before is not.
		const states = ['starting', 'running', 'finished', 'stopped'];
		const heard = statesOf(world.heard).map(({ state }) => state);
		assert.ok(heard.length >= 2, `${heard}`);
		assert.equal(heard, states.slice(-heard.length));
		await eventually('the box says goodbye', () =>
			world.heard.some(({ topic, payload }) => topic === 'inspectord/t/state' && payload.includes('offline')),
		);
	},
);

run(
	'says in every verdict and state on what it computes, and in the state, log and journal why it is less than preferred',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(2);
		const config = await world.config('source: pictures', '    provider: { prefer: tensorrt }\n');
		const { code, err } = await program('run', '--config', config, '--until-finished');
		assert.is(code, 0, err);
		await eventually('all verdicts arrive', () => verdictsOf(world.heard).length === 2);
		const on = { provider: 'cpu', precision: 'fp32', fingerprint: null, engine: null };
		const running = statesOf(world.heard).find(({ state }) => state === 'running')!;
		for (const { model } of [...verdictsOf(world.heard), running]) {
			const { provider, precision, fingerprint, engine } = model!;
			assert.equal({ provider, precision, fingerprint, engine }, on);
		}
		assert.is(running.degraded!.code, 'provider-unavailable');
		assert.match(err, /running: degraded: Cannot use provider "tensorrt"/);
		const events = await program('events', '--config', config);
		assert.match(events.out, /running {2}degraded: Cannot use provider "tensorrt"/, events.err);
		const checked = await program('check', '--config', config);
		assert.match(
			checked.out,
			/^ok {5}recipes.r: bundle .* on cpu \(.*thread.*\); threshold .*; degraded: Cannot use provider "tensorrt"/m,
		);
		await world.config('source: pictures', '    provider: { require: tensorrt }\n');
		const refused = await program('check', '--config', config);
		assert.is(refused.code, 1);
		assert.match(
			refused.out,
			/^FAULT {2}recipes.r: Cannot use provider "tensorrt": .*\n {7}.*INSPECTORD_ORT/m,
		);
	},
);

run('sends pictures of what it rejects, whose topics match their verdict', async () => {
	if (!hasMosquitto()) return;
	await using world = await line(3);
	const config = await world.config(
		'source: pictures',
		'    threshold: 0.01\n    heatmap: { most: 2, longestSide: 64 }\n',
	);
	const { code, err } = await program('run', '--config', config, '--until-finished');
	assert.is(code, 0, err);
	const listed = () => verdictsOf(world.heard).flatMap(({ heatmaps }) => heatmaps);
	await eventually('verdicts arrive', () => verdictsOf(world.heard).length === 3);
	assert.ok(listed().length >= 3);
	await eventually(
		'pictures arrive',
		() => world.heard.filter(({ topic }) => topic.includes('/heatmap/')).length === listed().length,
	);
	for (const { id, heatmaps } of verdictsOf(world.heard)) {
		heatmaps.forEach(({ topic, bytes, peak, box }, index) => {
			assert.is(topic, `inspectord/t/s/heatmap/${id}/${index}`);
			const { payload } = world.heard.find((heard) => heard.topic === topic)!;
			assert.is(payload.length, bytes);
			assert.equal([payload[0], payload[1]], [0xff, 0xd8]);
			assert.ok(peak > 0.01 && box.width > 0 && box.x + box.width <= 96);
		});
	}
});

run('speaks below the root that it is given, and nowhere else', async () => {
	if (!hasMosquitto()) return;
	await using world = await line(2);
	await using everywhere = await listen(world.url, '#');
	const file = await world.config('source: pictures', '    threshold: 0.01\n');
	const text = await readFile(file, 'utf8');
	await writeFile(file, text.replace('mqtt: {', 'mqtt: { root: "acme/Süd/press 3",'));
	const { code, err } = await program('run', '--config', file, '--until-finished');
	assert.is(code, 0, err);
	const topics = () => [...new Set(everywhere.heard.map(({ topic }) => topic))];
	await eventually('verdicts arrive', () => topics().includes('acme/Süd/press 3/t/s/verdict'));
	await eventually('the box says goodbye', () =>
		everywhere.heard.some(({ payload }) => payload.includes('offline')),
	);
	assert.ok(
		topics().every((topic) => topic.startsWith('acme/Süd/press 3/t/')),
		topics().join(' '),
	);
	assert.equal(world.heard, []);
	assert.equal(breaches(everywhere.heard, 'acme/Süd/press 3'), []);
});

run(
	'never loads OpenCV or ONNX Runtime itself, replaces a station that is killed, and ends cleanly on SIGTERM',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(2);
		const config = await world.config('source: pictures, loop: true');
		const hangs = join(world.path, 'hangs');
		const env = { NODE_OPTIONS: `--import ${FAILING}`, HANGING_MODEL: hangs };
		await using daemon = startWith(env, 'run', '--config', config);
		const { pid } = daemon.child;
		await eventually('it inspects', () => verdictsOf(world.heard).length > 3);
		const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
		assert.not.match(maps, /opencv|onnxruntime/i);
		const [child] = await childrenOf(pid!);
		assert.match(await readFile(`/proc/${child}/maps`, 'utf8'), /onnxruntime/);
		await writeFile(hangs, '');
		await eventually('a part stays in work', async () => {
			const before = verdictsOf(world.heard).length;
			await new Promise((resolve) => setTimeout(resolve, 1000));
			return verdictsOf(world.heard).length === before;
		});
		process.kill(child!, 'SIGKILL');
		const lost = await eventually('an error verdict tells', () =>
			verdictsOf(world.heard).find(({ error }) => error?.code === 'child-died'),
		);
		await rm(hangs);
		assert.is(lost.verdict, 'error');
		const ofItsRun = verdictsOf(world.heard).filter(({ run: its }) => its === lost.run);
		assert.equal(
			ofItsRun.map(({ runSequence }) => runSequence),
			ofItsRun.map((_, i) => i + 1),
		);
		assert.is(ofItsRun.at(-1)!.id, lost.id);
		const runs = () => new Set(verdictsOf(world.heard).map((v) => v.run));
		await eventually('another process inspects', () => runs().size > 1);
		daemon.child.kill('SIGTERM');
		const { code, err } = await daemon.ended;
		assert.is(code, 0, err);
		assert.is(statesOf(world.heard).at(-1)!.state, 'stopped');
	},
);

run(
	'ends cleanly also when it is told more than once, as timeout(1) tells a process and its group',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(2);
		const config = await world.config('source: pictures, loop: true', '    trigger: { everyMs: 50 }\n');
		await using daemon = start('run', '--config', config);
		await eventually('it inspects', () => verdictsOf(world.heard).length > 3);
		for (let i = 0; i < 3; i += 1) {
			daemon.child.kill('SIGTERM');
			await new Promise((resolve) => setTimeout(resolve, 3));
		}
		const { code, err } = await daemon.ended;
		assert.is(code, 0, err);
		assert.is(statesOf(world.heard).at(-1)!.state, 'stopped');
		await eventually('the box says goodbye', () =>
			world.heard.some(({ topic, payload }) => topic === 'inspectord/t/state' && payload.includes('offline')),
		);
	},
);

run('tells how it is: its processes, its disk, and how long parts take', async () => {
	if (!hasMosquitto()) return;
	await using world = await line(2);
	const config = await world.config('source: pictures, loop: true', '    trigger: { everyMs: 20 }\n');
	await using daemon = start('run', '--config', config);
	const told = () =>
		world.heard
			.filter(({ topic }) => topic === 'inspectord/t/health')
			.map(({ payload }): Health => JSON.parse(payload.toString()))
			.find(({ stations }) => stations.some(({ latency }) => latency.publish));
	const health = await eventually('its health is told', told);
	const { versions, memoryBytes, disk, outbox, stations, uptimeS } = health;
	const [only] = stations;
	assert.is(versions.node, process.versions.node);
	assert.match(versions.onnxruntime!, /^\d+\.\d+/);
	assert.match(versions.opencv!, /^\d+\.\d+/);
	for (const bytes of [
		memoryBytes!,
		only!.memoryBytes!,
		disk.freeBytes!,
		disk.totalBytes!,
		disk.journalBytes!,
	])
		assert.ok(bytes > 10_000, JSON.stringify(health));
	assert.ok(uptimeS > 0.5 && outbox.verdicts >= 0);
	assert.equal([only!.station, only!.state, only!.restarts], ['s', 'running', 0]);
	const { model, record, publish } = only!.latency;
	for (const quantiles of [model!, record!, publish!])
		assert.ok(
			quantiles.p50Ms > 0 && quantiles.p50Ms <= quantiles.p95Ms && quantiles.p95Ms <= quantiles.p99Ms,
		);
	process.kill(only!.pid!, 'SIGKILL');
	await eventually('a restart is told', () =>
		world.heard.some(
			({ topic, payload }) => topic === 'inspectord/t/health' && payload.includes('"restarts":1'),
		),
	);
	daemon.child.kill('SIGTERM');
	assert.is((await daemon.ended).code, 0);
});

const troubles: readonly (readonly [
	what: string,
	camera: string,
	prepare: (world: Line) => Promise<void>,
	code: string,
])[] = [
	['a camera that is not there', 'source: /dev/video98', async () => {}, 'camera-unavailable'],
	[
		'a folder without images',
		'source: empty',
		async ({ path }) => void (await mkdir(join(path, 'empty'))),
		'images-missing',
	],
	[
		'a bundle that is cut off',
		'source: pictures',
		async ({ bundle }) => writeFile(join(bundle, 'model.onnx'), 'x'),
		'bundle-invalid',
	],
];

for (const [what, camera, prepare, expected] of troubles) {
	run(`stays alive with ${what}, and says so in a state: no part was due`, async () => {
		if (!hasMosquitto()) return;
		await using world = await line(1);
		await prepare(world);
		await using daemon = start('run', '--config', await world.config(camera));
		const failing = () =>
			statesOf(world.heard).filter(({ state, error }) => state === 'error' && error?.code === expected);
		await eventually('the state is told again', () => failing().length >= 2);
		assert.equal(verdictsOf(world.heard), []);
		assert.is(daemon.err().match(/error: s: error/g)?.length, 1, daemon.err());
		assert.is(daemon.child.exitCode, null);
		daemon.child.kill('SIGTERM');
		assert.is((await daemon.ended).code, 0);
	});
}

run('refuses a configuration with faults, each with its line', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'bad.yaml');
	await writeFile(
		file,
		'box: t\nstations:\n  s:\n    camera: { source: "ftp://x" }\n    recipe: r\nrecipes:\n  r: { modle: b }\n',
	);
	const { code, err } = await program('run', '--config', file);
	assert.is(code, 1);
	assert.match(err, /bad\.yaml:7:8 recipes\.r\.modle: unknown key, did you mean "model"\?/);
	await writeFile(
		file,
		'box: state\nmqtt: { root: "a/#" }\nstations:\n  ack: { camera: { source: "0" }, recipe: r }\nrecipes:\n  r: { model: b }\n',
	);
	const root = await program('run', '--config', file);
	assert.match(root.err, /bad\.yaml:2:9 mqtt\.root: has a wildcard/);
	await writeFile(file, (await readFile(file, 'utf8')).replace('a/#', 'a'));
	const names = await program('run', '--config', file);
	assert.match(names.err, /:1:1 box: "state" is a word of the topics themselves/);
	assert.match(names.err, /:4:3 stations\.ack: "ack" is a word of the topics themselves/);
	assert.is((await program('run', '--config', join(folder.path, 'absent'))).code, 1);
});

run('does not start where its journal can be written nowhere, and says so', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	await writeFile(
		file,
		'box: t\njournal: { folder: line.yaml/state }\nstations: { s: { camera: { source: "sim:" }, recipe: r } }\nrecipes: { r: { model: b } }\n',
	);
	const { code, err } = await program('run', '--config', file);
	assert.is(code, 1, err);
	assert.match(err, /^inspectord: Cannot write folder ".*\/line\.yaml\/state": a file stands in its way$/m);
});
run(
	'a part that was in work when the daemon is killed is told by the next one, under the next number',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(3);
		const hanging = join(world.path, 'hang');
		const env = { NODE_OPTIONS: `--import ${FAILING}`, HANGING_MODEL: hanging };
		const config = await world.config(
			'source: pictures, loop: true',
			'    trigger: { everyMs: 50 }\n    deadlineMs: 600000\n',
		);
		{
			await using first = startWith(env, 'run', '--config', config);
			await eventually('it inspects', () => verdictsOf(world.heard).length > 2);
			await writeFile(hanging, '');
			let before = -1;
			await eventually('it hangs', async () => {
				const count = verdictsOf(world.heard).length;
				const same = count === before;
				before = count;
				await new Promise((resolve) => setTimeout(resolve, 500));
				return same;
			});
			first.child.kill('SIGKILL');
			await first.ended;
		}
		const known = verdictsOf(world.heard).at(-1)!;
		await rm(hanging);
		await using second = startWith(env, 'run', '--config', config);
		await eventually('the next one inspects', () =>
			verdictsOf(world.heard).some(({ run: of, verdict }) => of !== known.run && verdict !== 'error'),
		);
		const told = verdictsOf(world.heard).find(({ sequence }) => sequence === known.sequence + 1)!;
		assert.is(told.verdict, 'error');
		assert.is(told.reason, 'interrupted');
		assert.is(told.run, known.run);
		assert.is(told.runSequence, known.runSequence + 1);
		// What is fresh goes before what was owed.
		const numbers = [...new Set(verdictsOf(world.heard).map(({ sequence }) => sequence))];
		assert.equal(
			numbers.sort((a, b) => a - b),
			numbers.map((_, index) => index + 1),
		);
		assert.match(second.err(), /1 part\(s\) were in work/);
	},
);

run(
	'two daemons on one journal: the second does not start, and says which file the first one holds',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line(2);
		const config = await world.config('source: pictures, loop: true', '    trigger: { everyMs: 100 }\n');
		await using first = start('run', '--config', config);
		await eventually('it inspects', () => verdictsOf(world.heard).length > 2);
		const { code, err } = await program('run', '--config', config);
		assert.is(code, 1, err);
		assert.match(err, /t-state/);
		const reached = verdictsOf(world.heard).length;
		await eventually('the first one goes on', () => verdictsOf(world.heard).length > reached + 2);
		assert.is(first.child.exitCode, null);
	},
);

run('inspects at eight stations, and takes one edit of them all', async () => {
	await using world = await lineWith('health: { everyMs: 1000 }');
	const more = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(
		(name) => `  ${name}: { camera: { source: pictures, loop: true }, recipe: r }\n`,
	);
	await world.rewrite((text) =>
		text.replace('stations:\n', `stations:\n${more.join('')}`).replace('everyMs: 100 ', 'everyMs: 1000 '),
	);
	const box = world.box();
	const state = join(world.path, 't-state');
	await stationsRun(state, 8);
	await world.rewrite((text) => text.replace('threads: 1', 'threads: 1, threshold: 0.75'));
	await eventually('it stands', () => /revision \S+ stands/.test(box.err()), 60_000);
	const { code, err } = await world.stop();
	assert.is(code, 0, err);
});

run.run();
