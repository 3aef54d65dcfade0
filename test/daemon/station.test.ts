import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { createAlarmClock } from '../../src/daemon/alarm-clock.js';
import { type StationWorld, startStation } from '../../src/daemon/station.js';
import { createStationTally } from '../../src/daemon/tally.js';
import type { Child, Ended } from '../../src/process/child.js';
import { type StationReport, type StationState, stationStateSchema } from '../../src/protocol/states.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import { errorVerdict, type StationVerdict } from '../../src/protocol/verdict.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { recipeWith } from '../inspect/inspection.js';
import { origin } from '../origin.js';
import { cameraWith, startMessage } from '../start-message.js';

const station = suite('a station of the daemon');

const partOf = (runSequence: number) => ({
	runSequence,
	frame: `${runSequence}.png`,
	part: null,
	trigger: null,
	taken: { wallMs: 0, monotonicMs: 0 },
});
const running: StationReport = {
	state: 'running',
	model: null,
	threshold: 0.5,
	error: null,
	degraded: null,
	drift: [],
};
const accepted = (sequence: number): StationUp => ({
	kind: 'verdict',
	verdict: {
		...errorVerdict(origin, partOf(sequence), { code: 'usage', message: '' }),
		verdict: 'accept',
		error: null,
	},
	pictures: [],
	exposed: null,
});

/** A child process of functions. */
type FakeChild = Child<StationDown, StationUp> & {
	say(message: StationUp): void;
	end(ended: Partial<Ended>): void;
	readonly heard: StationDown[];
	/** Whether it ends when it is told to. */
	obedient: boolean;
};

function fakeChild(): FakeChild {
	let listener: (message: StationUp) => void = () => {};
	let end: FakeChild['end'] = () => {};
	const ended = new Promise<Ended>((resolve) => {
		end = (how) => resolve({ code: 0, signal: null, stderrTail: '', ...how });
	});
	const heard: StationDown[] = [];
	const child: FakeChild = {
		pid: 1,
		heard,
		obedient: true,
		send: async (message) => void heard.push(message),
		onMessage: (hear) => {
			listener = hear;
		},
		ended,
		stop: async (graceMs) => {
			if (child.obedient && graceMs > 0) end({ code: 0 });
			else end({ code: null, signal: 'SIGKILL' });
			return ended;
		},
		say: (message) => listener(message),
		end,
	};
	return child;
}

function line(limits: Partial<StationWorld['limits']> = {}, tally = createStationTally()) {
	const children: FakeChild[] = [];
	const states: StationState[] = [];
	const verdicts: StationVerdict[] = [];
	const logged: string[] = [];
	const clock = { ms: 0 };
	const memory = { bytes: 500e6 };
	const hours = { quiet: false };
	const service = startStation(
		startMessage(recipeWith(), cameraWith({ source: '0', timeoutMs: 1000 })),
		{
			startChild: () => {
				const child = fakeChild();
				children.push(child);
				return child;
			},
			log: (level, _, message) => void logged.push(`${level} ${message}`),
			pace: { now: () => clock.ms, chance: () => 0, pause: () => turn() },
			wallClock: () => 0,
			machineMs: () => clock.ms,
			deadlines: createAlarmClock(() => clock.ms),
			limits: {
				startingMs: 600_000,
				silenceMs: 60_000,
				graceMs: 4000,
				countsEveryMs: 10_000,
				steadyMs: 2000,
				patienceMs: 10_000,
				weighEveryMs: 10_000,
				betweenPartsMs: 10_000,
				...limits,
			},
			memoryOf: async () => memory.bytes,
			mostBytes: 600e6,
			rests: () => hours.quiet,
			tally,
		},
		{
			onState: (state) => void states.push(state),
			onVerdict: (verdict) => void verdicts.push(verdict),
			onPart: () => {},
			onKept: () => {},
			onLate: () => {},
		},
	);
	const child = (n: number) => eventually(`child ${n} starts`, () => children[n]);
	return { service, child, states, verdicts, logged, clock, memory, hours };
}

station('has its next process pass over what one died of while it tried it', async () => {
	const { service, child } = line();
	const starts = (of: FakeChild) =>
		of.heard.flatMap((message) => (message.kind === 'start' ? [message] : []));
	const first = await child(0);
	first.say({ kind: 'trying', provider: 'tensorrt' });
	first.end({ code: null, signal: 'SIGSEGV' });
	const second = await child(1);
	await eventually('it is told', () => starts(second).length > 0);
	assert.equal([starts(first)[0]!.avoided, starts(second)[0]!.avoided], [[], ['tensorrt']]);
	second.say({ kind: 'trying', provider: 'cuda' });
	second.say({ kind: 'state', report: running });
	second.end({ code: null, signal: 'SIGSEGV' });
	const third = await child(2);
	await eventually('it is told', () => starts(third).length > 0);
	assert.equal(starts(third)[0]!.avoided, ['tensorrt'], 'one that has inspected was proven');
	await service[Symbol.asyncDispose]();
});

station(
	'gives the part that was in work an error verdict of the same number when its process dies',
	async () => {
		const { service, child, verdicts, states } = line();
		const first = await child(0);
		first.say({ kind: 'state', report: running });
		first.say({ kind: 'part', origin, part: partOf(1) });
		first.say(accepted(1));
		first.say({ kind: 'part', origin, part: partOf(2) });
		first.end({ code: null, signal: 'SIGSEGV' });
		await eventually('the lost part is told', () => verdicts.length === 2);
		const { runSequence, frame, verdict, error } = verdicts[1]!;
		assert.equal(
			{ runSequence, frame, verdict, run: verdicts[1]!.origin.run },
			{ runSequence: 2, frame: '2.png', verdict: 'error', run: 'run' },
		);
		assert.is(error!.code, 'child-died');
		assert.match(error!.message, /SIGSEGV/);
		assert.is(states.at(-1)!.state, 'error');
		assert.equal(states.at(-1)!.counts, {
			parts: 2,
			accepted: 1,
			rejected: 0,
			errors: 1,
			droppedFrames: 0,
			droppedTriggers: 0,
		});
		await child(1);
		await service[Symbol.asyncDispose]();
	},
);

station(
	'says a state and no verdict when its process dies between two parts, or before the first',
	async () => {
		const { service, child, verdicts, states } = line();
		(await child(0)).end({ code: 70, stderrTail: 'TypeError: x' });
		await eventually('the state is told', () => states.at(-1)?.state === 'error');
		const second = await child(1);
		second.say({ kind: 'part', origin, part: partOf(1) });
		second.say(accepted(1));
		second.end({ code: null, signal: 'SIGKILL' });
		await eventually(
			'the state is told again',
			() => states.filter(({ state }) => state === 'error').length === 2,
		);
		assert.is(verdicts.length, 1);
		await service[Symbol.asyncDispose]();
	},
);

station('passes on why its process gave up: a state, no verdict', async () => {
	const { service, child, verdicts, states } = line();
	const only = await child(0);
	const error = { code: 'bundle-invalid', message: 'Cannot use bundle "b": it is damaged' };
	only.say({ kind: 'state', report: { ...running, state: 'error', error } });
	only.end({ code: 1 });
	await eventually('both say it', () => states.filter(({ state }) => state === 'error').length === 2);
	assert.equal(states.at(-1)!.error, error);
	assert.equal(verdicts, []);
	await service[Symbol.asyncDispose]();
});

station('kills a process that hangs, and the part in work is an error', async () => {
	const { service, child, verdicts, states, clock } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: running });
	only.say({ kind: 'part', origin, part: partOf(1) });
	clock.ms = 59_999;
	only.say({ kind: 'beat', droppedFrames: 0 });
	clock.ms = 119_000;
	await new Promise((resolve) => setTimeout(resolve, 1200));
	assert.equal(verdicts, []);
	clock.ms = 119_999;
	await eventually('it is killed', () => verdicts.length === 1);
	assert.is(verdicts[0]!.error!.code, 'station-silent');
	assert.is(states.at(-1)!.error!.code, 'station-silent');
	await service[Symbol.asyncDispose]();
});

station('that cannot be killed is in error nevertheless, and what it says later is nothing', async () => {
	const { service, child, verdicts, states, clock } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: running });
	only.say({ kind: 'part', origin, part: partOf(1) });
	only.stop = () => only.ended;
	clock.ms = 60_000;
	await eventually('it is told', () => states.at(-1)?.error?.code === 'station-silent');
	only.say(accepted(1));
	assert.equal(
		verdicts.map(({ verdict }) => verdict),
		['error'],
	);
	clock.ms = 1e6;
	assert.is(service.silentMs, 0);
	only.end({ signal: 'SIGKILL' });
	await child(1);
	assert.is(verdicts.length, 1);
	await service[Symbol.asyncDispose]();
});

station('that holds more memory than it may is replaced, and says so', async () => {
	const { service, child, states, logged, clock, memory } = line();
	const first = await child(0);
	first.say({ kind: 'state', report: running });
	memory.bytes = 700e6;
	service.keepWithin(undefined);
	clock.ms = 10_000;
	await new Promise((resolve) => setTimeout(resolve, 600));
	assert.equal(logged, []);
	service.keepWithin(600e6);
	clock.ms = 20_000;
	const second = await child(1);
	assert.is(states.find(({ state }) => state === 'error')?.error?.code, 'memory-exceeded');
	assert.equal(logged, [
		'warning Station "s" holds 700 MB, more than the 600 MB that it may: its process is replaced',
	]);
	memory.bytes = 500e6;
	second.say({ kind: 'state', report: running });
	assert.is(states.at(-1)!.state, 'running');
	await service[Symbol.asyncDispose]();
});

station('gives a process time to start before it counts as hanging', async () => {
	const { service, child, states, clock } = line();
	await child(0);
	clock.ms = 599_000;
	await new Promise((resolve) => setTimeout(resolve, 1200));
	assert.equal(states, []);
	clock.ms = 600_000;
	await eventually('it is killed', () => states.at(-1)?.error?.code === 'station-silent');
	await service[Symbol.asyncDispose]();
});

station('whose driver hangs when it opens its camera is killed as one that inspects', async () => {
	const { service, child, states, clock } = line();
	const first = await child(0);
	first.say({ kind: 'trying', provider: 'cpu' });
	first.say({ kind: 'equipped' });
	clock.ms = 60_000;
	await eventually('it is killed', () => states.at(-1)?.error?.code === 'station-silent');
	const second = await child(1);
	const [start] = second.heard;
	assert.ok(start?.kind === 'start');
	assert.equal(start.avoided, []);
	// The next one has its bundle to open first.
	clock.ms = 200_000;
	await new Promise((resolve) => setTimeout(resolve, 600));
	assert.is(states.at(-1)!.state, 'error');
	assert.is(second.heard.length, 1);
	await service[Symbol.asyncDispose]();
});

station('that was stuck in its driver says why it failed', async () => {
	const { service, child, states } = line();
	const first = await child(0);
	const error = { code: 'camera-silent', message: 'its driver hangs' };
	first.say({ kind: 'state', report: { ...running, state: 'error', error } });
	first.end({ code: null, signal: 'SIGKILL', isStuck: true });
	await child(1);
	assert.equal(states.at(-1)!.error, error);
	await service[Symbol.asyncDispose]();
});

station('tells its counts regularly when they have changed, and at the end', async () => {
	const { service, child, states, clock } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: running });
	only.say(accepted(1));
	only.say({ kind: 'beat', droppedFrames: 3 });
	assert.is(states.length, 1);
	clock.ms = 10_000;
	const counts = { parts: 1, accepted: 1, rejected: 0, errors: 0, droppedFrames: 3, droppedTriggers: 0 };
	const told = await eventually('counts are told', () => states[1]);
	assert.equal({ state: told.state, counts: told.counts }, { state: 'running', counts });
	assert.is(told.visionState, 'ContinuousExecution');
	for (const state of states) assert.equal(stationStateSchema.parse(state), state);
	clock.ms = 20_000;
	await new Promise((resolve) => setTimeout(resolve, 1200));
	assert.is(states.length, 2);
	only.say(accepted(2));
	await service[Symbol.asyncDispose]();
	assert.is(states.at(-1)!.state, 'stopped');
	assert.equal(states.at(-1)!.counts, { ...counts, parts: 2, accepted: 2 });
});

station('counts on over the processes that it has had', async () => {
	const { service, child, states } = line();
	const first = await child(0);
	assert.equal([service.vitals.pid, service.vitals.restarts, service.vitals.engines], [1, 0, null]);
	first.say({ kind: 'engines', engines: { onnxruntime: '1', opencv: '4' } });
	first.say(accepted(1));
	first.say({ kind: 'beat', droppedFrames: 5 });
	first.end({ code: 70 });
	const second = await child(1);
	second.say(accepted(1));
	second.say({ kind: 'beat', droppedFrames: 2 });
	assert.equal(service.vitals, {
		station: 's',
		state: 'starting',
		pid: 1,
		restarts: 1,
		engines: { onnxruntime: '1', opencv: '4' },
		counts: { parts: 2, accepted: 2, rejected: 0, errors: 0, droppedFrames: 7, droppedTriggers: 0 },
	});
	await service[Symbol.asyncDispose]();
	assert.equal(states.at(-1)!.counts, {
		parts: 2,
		accepted: 2,
		rejected: 0,
		errors: 0,
		droppedFrames: 7,
		droppedTriggers: 0,
	});
});

station('counts on where the one before it ended, and hears nothing more of that one', async () => {
	const tally = createStationTally();
	const before = line({}, tally);
	const first = await before.child(0);
	first.end({ code: 70 });
	const second = await before.child(1);
	second.say({ kind: 'state', report: running });
	second.say(accepted(1));
	second.say({ kind: 'beat', droppedFrames: 5 });
	const letGo = before.service.letGo!();
	second.say({ kind: 'released' });
	await letGo;
	const after = line({}, tally);
	const third = await after.child(0);
	second.say(accepted(2));
	third.say(accepted(1));
	third.say({ kind: 'beat', droppedFrames: 1 });
	const { counts, restarts } = after.service.vitals;
	assert.equal([counts.parts, counts.droppedFrames, restarts], [2, 6, 1]);
	third.say({ kind: 'part', origin, part: partOf(2) });
	after.service.abandon!();
	assert.equal([...tally.errors], [['station-silent', 1]]);
	assert.equal([tally.counts.parts, tally.counts.errors], [3, 1]);
	await before.service[Symbol.asyncDispose]();
});

station('names a process that does not end when told to, and loses no part of it', async () => {
	const { service, child, verdicts, logged } = line();
	const only = await child(0);
	only.obedient = false;
	only.say({ kind: 'part', origin, part: partOf(1) });
	await service[Symbol.asyncDispose]();
	assert.match(logged.join('\n'), /warning did not end within 4000 ms and was killed/);
	assert.is(verdicts[0]!.verdict, 'error');
});

station('is not started again when its source has ended', async () => {
	const { service, child, states } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: { ...running, state: 'finished' } });
	only.end({ code: 0 });
	await new Promise((resolve) => setTimeout(resolve, 50));
	await service[Symbol.asyncDispose]();
	assert.equal(
		states.map(({ state }) => state),
		['finished', 'stopped'],
	);
});

station('tells its process other settings, and the next one begins with them', async () => {
	const { service, child } = line();
	const first = await child(0);
	const settings = {
		recipeName: 'other',
		recipe: recipeWith({ threshold: 0.75 }),
		keep: { pictures: 'all', frames: true },
		revision: 'new',
	};
	service.retell(settings);
	assert.equal(first.heard.at(-1), { kind: 'settings', ...settings });
	first.end({ code: 70 });
	const second = await child(1);
	const begun = second.heard[0]!;
	assert.ok(begun.kind === 'start');
	const { recipeName, recipe, keep, revision } = begun;
	assert.equal({ recipeName, recipe, keep, revision }, settings);
	await service[Symbol.asyncDispose]();
});

station('logs a self-check that passed, hands the wish for one on, and says when it has not', async () => {
	const { service, child, logged } = line();
	const only = await child(0);
	const { signal } = new AbortController();
	assert.match((await failureOf(service.selfCheck(signal))).message, /starting/);
	only.say({ kind: 'state', report: running });
	const passed = service.selfCheck(signal);
	only.say({ kind: 'self-checked' });
	await passed;
	assert.equal(getEventListeners(signal, 'abort'), []);
	assert.is(only.heard.at(-1)!.kind, 'self-check');
	const enough = new AbortController();
	const left = service.selfCheck(enough.signal);
	enough.abort(new Failure('interrupted', 'nobody waits'));
	assert.is((await failureOf(left)).message, 'nobody waits');
	assert.equal(logged, ['info self-check passed']);
	const failed = failureOf(service.selfCheck(signal));
	const error = { code: 'bundle-golden', message: 'other scores' };
	only.say({ kind: 'state', report: { ...running, state: 'error', error } });
	only.end({ code: 1 });
	assert.is((await failed).message, 'other scores');
	await service[Symbol.asyncDispose]();
});

station('is healthy when it has judged parts for a while, and not before', async () => {
	const { service, child, clock } = line();
	const only = await child(0);
	let isHealthy = false;
	const health = service.healthy(new AbortController().signal).then(() => {
		isHealthy = true;
	});
	const seen = async (ms: number) => {
		clock.ms = ms;
		for (let i = 0; i < 5; i += 1) await turn();
		return isHealthy;
	};
	assert.not.ok(await seen(100_000));
	only.say({ kind: 'state', report: running });
	assert.not.ok(await seen(104_000));
	only.say({ kind: 'part', origin, part: partOf(1) });
	only.say(accepted(1));
	assert.not.ok(await seen(105_999));
	assert.ok(await seen(106_000));
	await health;
	await service[Symbol.asyncDispose]();
});

station('tells what it fails for until it judges a part', async () => {
	const { service, child } = line();
	const first = await child(0);
	assert.is(service.failing, undefined);
	const error = { code: 'camera-unavailable', message: 'Cannot open camera "0": it is busy' };
	first.say({ kind: 'state', report: { ...running, state: 'error', error } });
	assert.is(service.failing, 'camera-unavailable');
	await service.healthy(new AbortController().signal, 'camera-unavailable');
	first.end({ code: null, signal: 'SIGKILL' });
	const second = await child(1);
	assert.is(service.failing, 'child-died');
	second.say({ kind: 'state', report: running });
	assert.is(service.failing, 'child-died');
	second.say({ kind: 'part', origin, part: partOf(1) });
	second.say(accepted(1));
	assert.is(service.failing, undefined);
	await service[Symbol.asyncDispose]();
});

station('is healthy at once when its source has ended', async () => {
	const { service, child } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: { ...running, state: 'finished' } });
	only.end({ code: 0 });
	await service.healthy(new AbortController().signal);
	await service[Symbol.asyncDispose]();
});

station('says what it is ill of, and stops saying when nobody listens', async () => {
	const { service, child, clock } = line();
	const only = await child(0);
	const health = failureOf(service.healthy(new AbortController().signal));
	const error = { code: 'camera-unavailable', message: 'Cannot open camera "0": it is busy' };
	only.say({ kind: 'state', report: { ...running, state: 'error', error } });
	// Some time for a camera that was let go of a moment ago, and the time of a frame.
	clock.ms = 11_000;
	const { code, message } = await health;
	assert.equal({ code, message }, error);
	only.say({ kind: 'state', report: running });
	clock.ms = 1000;
	const ended = new AbortController();
	const interrupted = failureOf(service.healthy(ended.signal));
	ended.abort(new Failure('interrupted', 'Interrupted'));
	assert.is((await interrupted).code, 'interrupted');
	await service[Symbol.asyncDispose]();
});

const told = (revision: string) => ({
	recipeName: 'r',
	recipe: recipeWith(),
	keep: { pictures: 'rejects', frames: false } as const,
	revision,
});

station('has heeded what it was told when its process says so of that and nothing else', async () => {
	const { service, child } = line();
	const only = await child(0);
	only.say({ kind: 'state', report: running });
	service.retell(told('1'));
	service.retell(told('2'));
	let isHeeded = false;
	const heeded = service.heeded(new AbortController().signal).then(() => {
		isHeeded = true;
	});
	only.say({ kind: 'told', revision: '1' });
	for (let i = 0; i < 5; i += 1) await turn();
	assert.not.ok(isHeeded);
	only.say({ kind: 'told', revision: '2' });
	await heeded;
	service.retell(told('3'));
	const ended = new AbortController();
	const interrupted = failureOf(service.heeded(ended.signal));
	ended.abort(new Failure('interrupted', 'Interrupted'));
	assert.is((await interrupted).code, 'interrupted');
	await service[Symbol.asyncDispose]();
});

station('that does not inspect now need not answer: its next process begins with what was told', async () => {
	const { service, child } = line();
	const first = await child(0);
	const { signal } = new AbortController();
	service.retell(told('1'));
	await service.heeded(signal);
	const error = { code: 'camera-unavailable', message: 'Cannot open camera "0": it is gone' };
	first.say({ kind: 'state', report: { ...running, state: 'error', error } });
	service.retell(told('2'));
	await service.heeded(signal);
	first.say({ kind: 'state', report: running });
	service.retell(told('3'));
	const heeded = service.heeded(signal);
	first.end({ code: null, signal: 'SIGKILL' });
	await heeded;
	const second = await child(1);
	await eventually('it is started', () => second.heard.length > 0);
	const [start] = second.heard;
	assert.ok(start?.kind === 'start' && start.revision === '3');
	second.say({ kind: 'state', report: running });
	await service.heeded(signal);
	await service[Symbol.asyncDispose]();
});

station('that is abandoned owes the part in work an error, and says nothing more', async () => {
	const { service, child, verdicts, states } = line();
	const only = await child(0);
	only.stop = async () => only.ended;
	only.say({ kind: 'state', report: running });
	only.say({ kind: 'part', origin, part: partOf(1) });
	const disposed = service[Symbol.asyncDispose]();
	service.abandon!();
	assert.equal(
		verdicts.map(({ runSequence, error }) => [runSequence, error?.code]),
		[[1, 'station-silent']],
	);
	only.say(accepted(1));
	only.say({ kind: 'state', report: running });
	only.end({ code: null, signal: 'SIGKILL' });
	await disposed;
	assert.is(verdicts.length, 1);
	assert.equal(
		states.map(({ state }) => state),
		['running'],
	);
});

station('is told when quiet hours begin and end, and so is each process that comes meanwhile', async () => {
	const { service, child, hours, clock } = line();
	const first = await child(0);
	const restsOf = (of: FakeChild) =>
		of.heard.flatMap((message) => (message.kind === 'rest' ? [message.rests] : []));
	first.say({ kind: 'state', report: running });
	hours.quiet = true;
	await eventually('it rests', () => restsOf(first).length === 1);
	first.say({ kind: 'state', report: { ...running, state: 'resting' } });
	// It has nothing to show until then, and is well.
	clock.ms += 60_000;
	await service.healthy(new AbortController().signal);
	first.end({ code: null, signal: 'SIGKILL' });
	const second = await child(1);
	await eventually('it rests', () => restsOf(second).length === 1);
	assert.equal(
		second.heard.map(({ kind }) => kind),
		['start', 'rest'],
	);
	hours.quiet = false;
	await eventually('it is awake', () => restsOf(second).length === 2);
	assert.equal([restsOf(first), restsOf(second)], [[true], [true, false]]);
	await service[Symbol.asyncDispose]();
});

station.run();
