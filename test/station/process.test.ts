import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realPace } from '../../src/base/retry.js';
import { createAlarmClock } from '../../src/daemon/alarm-clock.js';
import { startStation, stationLimits } from '../../src/daemon/station.js';
import { machineMs } from '../../src/machine/monotonic.js';
import { encodePng } from '../../src/opencv/picture.js';
import { type Child, startChild } from '../../src/process/child.js';
import type { StationState } from '../../src/protocol/states.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import type { StationVerdict } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually } from '../free-port.js';
import { recipeWith } from '../inspect/inspection.js';
import { MAIN } from '../program.js';
import { cameraWith, startMessage } from '../start-message.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { together } from '../together.js';

const all = suite("a station's process");
const station = together(all, 3);

const FAILING = new URL('failing-model.js', import.meta.url).href;

type Start = Extract<StationDown, { kind: 'start' }>;

/** A folder with two pictures and a bundle, and what a station is told to inspect them for ever. */
async function line(): Promise<AsyncDisposable & { readonly path: string; readonly start: Start }> {
	const folder = await temporaryFolder();
	const pictures = join(folder.path, 'pictures');
	await mkdir(pictures);
	for (const i of [0, 1])
		await writeFile(join(pictures, `${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	const model = await tinyBundle(join(folder.path, 'bundle'));
	const recipe = recipeWith({ model, trigger: { everyMs: 20 } });
	const start = startMessage(recipe, cameraWith({ source: pictures, loop: true }));
	return { path: folder.path, start, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

type Heard = { readonly child: Child<StationDown, StationUp>; readonly messages: StationUp[] };

/** Starts a process as the daemon does, and tells it what to inspect. */
async function begin(start: Start, env: NodeJS.ProcessEnv = {}): Promise<AsyncDisposable & Heard> {
	const child = startChild<StationDown, StationUp>('station', { env: { ...process.env, ...env } });
	const messages: StationUp[] = [];
	child.onMessage((message) => void messages.push(message));
	await child.send(start);
	return { child, messages, [Symbol.asyncDispose]: async () => void (await child.stop(0)) };
}

station('says starting, running, and for each part that it is due before its verdict', async () => {
	await using world = await line();
	await using started = await begin(world.start);
	const { messages } = started;
	await eventually('three verdicts', () => messages.filter(({ kind }) => kind === 'verdict').length >= 3);
	const states = messages.flatMap((message) => (message.kind === 'state' ? [message.report.state] : []));
	assert.equal(states, ['starting', 'running']);
	const told = messages.flatMap((message) => {
		if (message.kind === 'part') return [`part ${message.part.runSequence}`];
		return message.kind === 'verdict' ? [`verdict ${message.verdict.runSequence}`] : [];
	});
	assert.equal(told.slice(0, 6), ['part 1', 'verdict 1', 'part 2', 'verdict 2', 'part 3', 'verdict 3']);
});

station('ends within its part when it is told to', async () => {
	await using world = await line();
	await using started = await begin(world.start);
	await eventually('a verdict', () => started.messages.some(({ kind }) => kind === 'verdict'));
	const ended = await started.child.stop(20_000);
	assert.equal({ code: ended.code, signal: ended.signal }, { code: 0, signal: null }, ended.stderrTail);
});

station(
	'takes other settings between two parts, without a pause, and each part is judged by one of them',
	async () => {
		await using world = await line();
		const { recipe } = world.start;
		await using started = await begin(world.start);
		const verdicts = () =>
			started.messages.flatMap((message) => (message.kind === 'verdict' ? [message.verdict] : []));
		await eventually('it inspects', () => verdicts().length > 2);
		const strict = { ...recipe, threshold: 1e-6 };
		const keep = { pictures: 'all', frames: true };
		await started.child.send({
			kind: 'settings',
			recipeName: 'strict',
			recipe: strict,
			keep,
			revision: 'strict',
		});
		await eventually('it rejects', () => verdicts().filter(({ verdict }) => verdict === 'reject').length > 2);
		await eventually('it has said so', () =>
			started.messages.some((message) => message.kind === 'told' && message.revision === 'strict'),
		);
		await eventually('frames are kept', () => started.messages.some(({ kind }) => kind === 'kept'));
		await started.child.send({ kind: 'settings', recipeName: 'r', recipe, keep, revision: null });
		await eventually('it accepts again', () => verdicts().at(-1)!.verdict === 'accept');
		const all = verdicts();
		assert.is(new Set(all.map(({ origin }) => origin.run)).size, 1);
		assert.equal(
			all.map(({ runSequence }) => runSequence),
			all.map((_, i) => i + 1),
		);
		for (const { verdict, score, origin } of all) {
			assert.is(verdict, score! > origin.threshold! ? 'reject' : 'accept');
			assert.equal(
				[origin.recipe, origin.revision],
				origin.threshold === 1e-6 ? ['strict', 'strict'] : ['r', null],
			);
		}
		const thresholds = started.messages.flatMap((message) =>
			message.kind === 'state' ? [message.report.threshold] : [],
		);
		assert.ok(thresholds.includes(1e-6), `${thresholds}`);
	},
);

station(
	'that is held proves its bundle and waits with its camera closed until it is told to start',
	async () => {
		await using world = await line();
		const camera = { ...world.start.camera, source: join(world.path, 'later') };
		await using started = await begin({ ...world.start, camera, hold: true });
		const { messages, child } = started;
		await eventually('it is ready', () => messages.some(({ kind }) => kind === 'ready'));
		const ready = messages.find((message) => message.kind === 'ready')!;
		assert.match(
			ready.message,
			/^bundle ".*" \(pocket\) proves its golden vectors in fp32 on cpu \([^)]*threads?[^)]*\); threshold /,
		);
		// Its pictures come only now: had it looked for them before, it would have told that there are none.
		await rename(world.start.camera.source, camera.source);
		await child.send({ ...world.start, camera });
		await eventually('it inspects', () => messages.some(({ kind }) => kind === 'verdict'));
		const states = messages.flatMap((message) => (message.kind === 'state' ? [message.report.state] : []));
		assert.equal(states, ['starting', 'running']);
	},
);

station('that is held and never told to start ends when it is told to, or its parent has gone', async () => {
	await using world = await line();
	await using started = await begin({ ...world.start, hold: true });
	await eventually('it is ready', () => started.messages.some(({ kind }) => kind === 'ready'));
	const ended = await started.child.stop(20_000);
	assert.equal({ code: ended.code, signal: ended.signal }, { code: 0, signal: null }, ended.stderrTail);
	const orphan = fork(MAIN, ['station'], { serialization: 'advanced', execArgv: [], stdio: 'ignore' });
	const orphaned = once(orphan, 'exit');
	orphan.send({ ...world.start, hold: true });
	await eventually('it is ready', () => once(orphan, 'message').then(([{ kind }]) => kind === 'ready'));
	orphan.disconnect();
	assert.equal(await orphaned, [0, null]);
});

station('proves its model again when it is asked to, while it inspects', async () => {
	await using world = await line();
	await using started = await begin(world.start);
	await eventually('a verdict', () => started.messages.some(({ kind }) => kind === 'verdict'));
	await started.child.send({ kind: 'self-check' });
	await eventually('it passed', () => started.messages.some(({ kind }) => kind === 'self-checked'));
});

station('stops inspecting when its model has gone wrong, as a self-check finds', async () => {
	await using world = await line();
	const mark = join(world.path, 'failing');
	const env = { NODE_OPTIONS: `--import ${FAILING}`, FAILING_MODEL: mark };
	await using started = await begin(world.start, env);
	await eventually('a verdict', () => started.messages.some(({ kind }) => kind === 'verdict'));
	await writeFile(mark, '');
	await started.child.send({ kind: 'self-check' });
	const { code, stderrTail } = await started.child.ended;
	assert.is(code, 1, stderrTail);
	const last = started.messages.filter((message) => message.kind === 'state').at(-1)!;
	assert.is(last.report.state, 'error');
	assert.is(last.report.error!.code, 'bundle-golden');
});

station('says why it cannot start, and ends', async () => {
	await using world = await line();
	const recipe = { ...world.start.recipe, model: fileURLToPath(new URL('.', import.meta.url)) };
	await using started = await begin({ ...world.start, recipe });
	assert.is((await started.child.ended).code, 1);
	const last = started.messages.filter((message) => message.kind === 'state').at(-1)!;
	assert.is(last.report.error!.code, 'bundle-invalid');
});

station('does not score a picture of another shape than those that were taught, and says which', async () => {
	await using world = await line();
	const { image } = drawPart(1, 0, undefined, 96);
	const half = { ...image, height: 48, data: image.data.subarray(0, image.data.length / 2) };
	await writeFile(join(world.start.camera.source, '1.png'), encodePng(half));
	await using started = await begin(world.start);
	const verdicts = () =>
		started.messages.flatMap((message) => (message.kind === 'verdict' ? [message.verdict] : []));
	await eventually('four verdicts', () => verdicts().length >= 4);
	assert.equal(
		verdicts()
			.slice(0, 4)
			.map(({ frame, error }) => [frame, error?.code]),
		[
			['0.png', undefined],
			['1.png', 'frame-mismatch'],
			['0.png', undefined],
			['1.png', 'frame-mismatch'],
		],
	);
	assert.match(verdicts()[1]!.error!.message, /"1\.png": it is 96x48, another shape: taught were 128x128/);
	const states = started.messages.flatMap((message) =>
		message.kind === 'state' ? [message.report.state] : [],
	);
	assert.equal(states.slice(0, 4), ['starting', 'running', 'error', 'running']);
});

station('is replaced when it hangs: its part is an error, and the next process inspects', async () => {
	await using world = await line();
	const states: StationState[] = [];
	const verdicts: StationVerdict[] = [];
	const children: Child<StationDown, StationUp>[] = [];
	const service = startStation(
		world.start,
		{
			startChild: () => {
				children.push(startChild<StationDown, StationUp>('station', { env: process.env }));
				return children.at(-1)!;
			},
			log: () => {},
			pace: realPace,
			wallClock: () => Date.now(),
			machineMs,
			deadlines: createAlarmClock(machineMs),
			limits: { ...stationLimits, silenceMs: 4000 },
			memoryOf: async () => null,
		},
		{
			onState: (state) => void states.push(state),
			onVerdict: (verdict) => void verdicts.push(verdict),
			onPart: () => {},
			onKept: () => {},
			onLate: () => {},
		},
	);
	try {
		await eventually('it inspects', () => verdicts.length > 2);
		process.kill(children[0]!.pid, 'SIGSTOP');
		await eventually('it is noticed', () => states.some(({ error }) => error?.code === 'station-silent'));
		const before = verdicts.length;
		await eventually('another one inspects', () => verdicts.length > before + 2);
		assert.is(children.length, 2);
		const runs = [...new Set(verdicts.map(({ origin }) => origin.run))];
		assert.is(runs.length, 2);
		for (const run of runs) {
			const ofRun = verdicts.filter(({ origin }) => origin.run === run);
			assert.equal(
				ofRun.map(({ runSequence }) => runSequence),
				ofRun.map((_, i) => i + 1),
			);
		}
	} finally {
		await service[Symbol.asyncDispose]();
	}
	assert.is(states.at(-1)!.state, 'stopped');
	assert.is(states.at(-1)!.counts.parts, verdicts.length);
});

station('computes elsewhere than it prefers, and says so from its first state of running', async () => {
	await using world = await line();
	const recipe = { ...world.start.recipe, provider: { prefer: 'tensorrt' } } as const;
	await using started = await begin({ ...world.start, recipe });
	const { messages } = started;
	const verdict = await eventually('a verdict', () =>
		messages.flatMap((message) => (message.kind === 'verdict' ? [message.verdict] : [])).at(0),
	);
	assert.is(verdict.error, null);
	const { provider, precision, fingerprint, engine } = verdict.origin.model!;
	assert.equal(
		{ provider, precision, fingerprint, engine },
		{ provider: 'cpu', precision: 'fp32', fingerprint: null, engine: null },
	);
	const reports = messages.flatMap((message) => (message.kind === 'state' ? [message.report] : []));
	const running = reports.find(({ state }) => state === 'running')!;
	assert.is(running.degraded!.code, 'provider-unavailable');
	assert.match(running.degraded!.message, /^Cannot use provider "tensorrt": /);
	assert.equal(running.model, verdict.origin.model);
});

/** What a station's process fails with before it inspects. */
const unusable: readonly (readonly [
	title: string,
	provider: 'tensorrt' | 'cpu',
	env: NodeJS.ProcessEnv,
	code: string,
])[] = [
	['what alone may compute', 'tensorrt', {}, 'provider-unavailable'],
	['ONNX Runtime where it is to be', 'cpu', { INSPECTORD_ORT: '/nowhere' }, 'library-unusable'],
];

for (const [title, provider, env, code] of unusable)
	station(`is in error without ${title}, and judges nothing`, async () => {
		await using world = await line();
		await using started = await begin({ ...world.start, recipe: { ...world.start.recipe, provider } }, env);
		await started.child.ended;
		const { messages } = started;
		const last = messages.flatMap((message) => (message.kind === 'state' ? [message.report] : [])).at(-1)!;
		assert.equal([last.state, last.error?.code], ['error', code]);
		assert.not.ok(messages.some(({ kind }) => kind === 'part' || kind === 'verdict'));
	});

station('ends also as an orphan whose model hangs', async () => {
	await using world = await line();
	const hangs = join(world.path, 'hangs');
	const env = { ...process.env, NODE_OPTIONS: `--import ${FAILING}`, HANGING_MODEL: hangs };
	const child = fork(MAIN, ['station'], { serialization: 'advanced', env, execArgv: [], stdio: 'ignore' });
	const messages: StationUp[] = [];
	child.on('message', (message) => void messages.push(message as StationUp));
	const ended = once(child, 'exit');
	child.send(world.start);
	await eventually('a verdict', () => messages.some(({ kind }) => kind === 'verdict'));
	await writeFile(hangs, '');
	await eventually('a part stays in work', async () => {
		const before = messages.length;
		await new Promise((resolve) => setTimeout(resolve, 1000));
		return messages.slice(before).every(({ kind }) => kind === 'beat');
	});
	child.disconnect();
	assert.equal(await ended, [null, 'SIGKILL']);
});

all.run();
