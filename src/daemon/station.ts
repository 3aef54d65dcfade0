import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { keepConnected, type Pace, type Persistence } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { causeIn } from '../process/cause.js';
import type { Child, Ended } from '../process/child.js';
import {
	type Counts,
	counted,
	noCounts,
	type StationReport,
	type StationState,
	stationState,
} from '../protocol/states.js';
import type { Engines, LiveSettings, StationDown, StationUp } from '../protocol/station-messages.js';
import { errorVerdict, type Origin, type Part, type StationVerdict } from '../protocol/verdict.js';

/** What the daemon hears of a station. */
export type StationListener = {
	onState(state: StationState): void;
	/** `pictures` are JPEGs in the order of the verdict's `heatmaps`. */
	onVerdict(verdict: StationVerdict, pictures: readonly Uint8Array[]): void;
	/** A part is due: its verdict follows. */
	onPart(origin: Origin, part: Part): void;
	/** A picture of the part whose verdict was told last. */
	onKept(jpeg: Uint8Array): void;
};

/** How a station is now. */
export type StationVitals = Pick<StationState, 'station' | 'state' | 'counts'> & {
	readonly pid: number | null;
	/** New processes after one that died or hung. */
	readonly restarts: number;
	/** Null before its process has told. */
	readonly engines: Engines | null;
};

export type StationService = Service & {
	readonly vitals: StationVitals;
	/** Changes settings between two parts; a process that starts later takes them too. */
	retell(settings: LiveSettings): void;
	/** Resolves when its process has scored the golden vectors again. @throws Failure why it has not, or not as they should be; the signal's reason */
	selfCheck(signal: AbortSignal): Promise<void>;
	/** Resolves when it has inspected for a while, or its source has ended. @throws Failure what it is in error for; the signal's reason */
	healthy(signal: AbortSignal): Promise<void>;
};

export type StationWorld = {
	readonly startChild: () => Child<StationDown, StationUp>;
	readonly log: Log;
	/** Its clock also says how long the process has been silent. */
	readonly pace: Pace;
	readonly wallClock: () => number;
	readonly limits: Readonly<
		Record<'startingMs' | 'silenceMs' | 'graceMs' | 'countsEveryMs' | 'steadyMs', number>
	>;
};

/** Opening a model may take its time, and a dead camera blocks its thread for 30 s; what says nothing for longer hangs. */
export const stationLimits: StationWorld['limits'] = {
	startingMs: 600_000,
	silenceMs: 60_000,
	graceMs: 4000,
	countsEveryMs: 10_000,
	steadyMs: 2000,
};

type Start = Extract<StationDown, { kind: 'start' }>;

const restarting: Persistence = { firstMs: 1000, mostMs: 60_000, lastedMs: 60_000 };

/** How often it is looked whether the process hangs, and whether the counts are to be told. */
const WATCH_MS = 500;

/** How often it is looked whether it is healthy. */
const LOOK_MS = 50;

/**
 * Keeps a station's process running: a new one when it dies or hangs, with an error verdict for the part that was in work. A
 * process that ended because its source did is not started again. Counts go on from one process to the next.
 */
export function startStation(given: Start, world: StationWorld, hearer: StationListener): StationService {
	let start = given;
	let listener = hearer;
	const { log, pace, wallClock, limits } = world;
	const { now } = pace;
	const name = start.station;
	const of = { box: start.box, station: name, recipe: start.recipeName };
	const ending = new AbortController();
	let child: Child<StationDown, StationUp> | undefined;
	let last: StationReport = { state: 'starting', model: null, threshold: null, error: null };
	let counts: Counts = noCounts;
	let inWork: { readonly origin: Origin; readonly part: Part } | undefined;
	let toldMs = now();
	let told = counts;
	let starts = 0;
	let engines: Engines | null = null;
	/** Who waits for a self-check. */
	const checks = new Set<(failure: Failure | undefined) => void>();
	const checked = (failure: Failure | undefined): void => {
		for (const check of checks) check(failure);
		checks.clear();
	};

	const say = (state: StationState['state'] = last.state): void => {
		toldMs = now();
		told = counts;
		listener.onState(stationState({ ...last, state }, of, counts, wallClock()));
	};
	const give = (verdict: StationVerdict, pictures: readonly Uint8Array[]): void => {
		inWork = undefined;
		counts = counted(counts, verdict.verdict);
		listener.onVerdict(verdict, pictures);
	};

	/** One process from its start to its end. @returns why it failed, undefined when its source ended or it was told to end */
	const once = async (onRunning: () => void): Promise<Failure | undefined> => {
		const started = world.startChild();
		child = started;
		starts += 1;
		last = { ...last, state: 'starting' };
		const droppedBefore = counts.droppedFrames;
		let heardMs = now();
		let hung = false;
		started.onMessage((message) => {
			heardMs = now();
			switch (message.kind) {
				case 'state':
					last = message.report;
					if (last.state === 'running') onRunning();
					return say();
				case 'part':
					inWork = message;
					return listener.onPart(message.origin, message.part);
				case 'verdict':
					return give(message.verdict, message.pictures);
				case 'kept':
					return listener.onKept(message.jpeg);
				case 'beat':
					counts = { ...counts, droppedFrames: droppedBefore + message.droppedFrames };
					return;
				case 'engines':
					engines = message.engines;
					return;
				case 'self-checked':
					checked(undefined);
					return log('info', name, 'self-check passed');
			}
		});
		const watch = setInterval(() => {
			if (now() - toldMs >= limits.countsEveryMs && told !== counts) say();
			if (now() - heardMs < limits[last.state === 'starting' ? 'startingMs' : 'silenceMs']) return;
			hung = true;
			void started.stop(0);
		}, WATCH_MS);
		watch.unref();
		const stop = () => void started.stop(limits.graceMs);
		ending.signal.addEventListener('abort', stop, { once: true });
		try {
			await started.send(start).catch(() => {});
			if (ending.signal.aborted) stop();
			const ended = await started.ended;
			if (ending.signal.aborted && ended.signal === 'SIGKILL')
				log('warning', name, `did not end within ${limits.graceMs} ms and was killed`);
			const failure = failureOf(name, ended, hung, last);
			checked(failure);
			return last.state === 'finished' ? undefined : failure;
		} finally {
			clearInterval(watch);
			ending.signal.removeEventListener('abort', stop);
			child = undefined;
		}
	};

	const supervised = keepConnected(
		async ({ opened }) => {
			const failure = await once(opened);
			if (inWork && failure) give(errorVerdict(inWork.origin, inWork.part, failure), []);
			if (ending.signal.aborted || !failure) return 'done';
			last = { ...last, state: 'error', error: { code: failure.code, message: failure.message } };
			say();
			return 'again';
		},
		restarting,
		ending.signal,
		pace,
	);
	const healthy: StationService['healthy'] = async (signal) => {
		for (let sinceMs = Number.POSITIVE_INFINITY; ; await pace.pause(LOOK_MS, signal)) {
			signal.throwIfAborted();
			const { state, error } = last;
			if (state === 'error' && error) throw new Failure(error.code as Failure['code'], error.message);
			sinceMs = state === 'starting' ? Number.POSITIVE_INFINITY : Math.min(sinceMs, now());
			if (state === 'finished' || now() - sinceMs >= limits.steadyMs) return;
		}
	};
	return {
		name,
		get vitals() {
			const { state } = last;
			return {
				station: name,
				state,
				counts,
				pid: child?.pid ?? null,
				restarts: Math.max(0, starts - 1),
				engines,
			};
		},
		healthy,
		abandon: () => {
			if (inWork) give(errorVerdict(inWork.origin, inWork.part, hungUp(name)), []);
			listener = nobody;
			ending.abort();
			void child?.stop(0);
		},
		retell: (settings) => {
			start = { ...start, ...settings };
			void child?.send({ kind: 'settings', ...settings }).catch(() => {});
		},
		selfCheck: async (signal) => {
			const { state, error } = last;
			if (!child || state !== 'running')
				throw new Failure('station-silent', `Cannot check station "${name}": ${error?.message ?? state}`);
			const result = new Promise<Failure | undefined>((resolve, reject) => {
				checks.add(resolve);
				signal.addEventListener('abort', () => reject(signal.reason), { once: true });
			});
			result.catch(() => {});
			await child.send({ kind: 'self-check' }).catch(() => {});
			const failure = await result;
			if (failure) throw failure;
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await supervised;
			last = { ...last, error: null };
			say('stopped');
		},
	};
}

const nobody: StationListener = {
	onState: () => {},
	onVerdict: () => {},
	onPart: () => {},
	onKept: () => {},
};

function hungUp(station: string): Failure {
	return new Failure('station-silent', `Station "${station}" hung and was killed`);
}

function failureOf(
	station: string,
	{ code, signal, stderrTail }: Ended,
	hung: boolean,
	last: StationReport,
): Failure {
	if (hung) return hungUp(station);
	if (code === 1 && last.state === 'error' && last.error)
		return new Failure(last.error.code as Failure['code'], last.error.message);
	const how = signal ? `killed by ${signal}` : `exit code ${code}`;
	return new Failure('child-died', `Station "${station}" died (${how}) ${causeIn(stderrTail)}`.trim());
}
