import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import type { Provider } from '../base/provider.js';
import {
	eitherOf,
	keepConnected,
	orAborted,
	type Pace,
	type Persistence,
	realTimers,
	type Timers,
} from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { RecipeConfig } from '../config/schema.js';
import { causeIn } from '../process/cause.js';
import type { Child, Ended } from '../process/child.js';
import type { Event } from '../protocol/events.js';
import type { PictureWanted, StationPicture } from '../protocol/picture-messages.js';
import { counted, type StationReport, type StationState, stationState } from '../protocol/states.js';
import type { Engines, LiveSettings, StationDown, StationUp } from '../protocol/station-messages.js';
import { errorVerdict, type Origin, type Part, reasonFor, type StationVerdict } from '../protocol/verdict.js';
import { parseSource } from '../vision/source.js';
import type { AlarmClock } from './alarm-clock.js';
import { createPictureAsks } from './pictures.js';
import { createStationTally, type StationTally } from './tally.js';
import { createTriggered, type Triggered } from './trigger.js';
import { type Shown, trustIn } from './trust.js';

/** What the daemon hears of a station. */
export type StationListener = {
	onState(state: StationState): void;
	/** `pictures` are JPEGs in the order of the verdict's `heatmaps`. Resolves when it is on disk. */
	onVerdict(verdict: StationVerdict, pictures: readonly Uint8Array[]): Promise<Event | undefined> | undefined;
	/** A part is due: its verdict follows. `taken`: marks of signals that lie there still. Resolves when it is on disk. */
	onPart(origin: Origin, part: Part, taken?: readonly string[]): Promise<void> | undefined;
	/** A picture of a part whose verdict was told a moment ago. */
	onKept(of: StationVerdict, jpeg: Uint8Array): void;
	/** What was found of a part so long after its deadline, when it had a verdict. */
	onLate(found: StationVerdict, byMs: number): void;
};

/** How a station is now. */
export type StationVitals = Pick<StationState, 'station' | 'state' | 'counts'> & {
	readonly pid: number | null;
	/** New processes after one that died or hung, since the daemon started. */
	readonly restarts: number;
	/** Null before its process has told. */
	readonly engines: Engines | null;
};

export type StationService = Service & {
	readonly vitals: StationVitals;
	/** Changes settings between two parts; a process that starts later takes them too. */
	retell(settings: LiveSettings): void;
	/** So much memory its process may hold from now on, in bytes; undefined: as much as it wants. */
	keepWithin(mostBytes: number | undefined): void;
	/** What makes its parts due. */
	readonly mode: RecipeConfig['trigger']['mode'];
	/** A part is due, unless the signal is none. */
	signal: Triggered['signal'];
	/** The part of a signal that came while nobody looked, or could, is an error. */
	missed: Triggered['missed'];
	/** Resolves when its process has scored the golden vectors again. @throws Failure why it has not, or not as they should be; the signal's reason */
	selfCheck(signal: AbortSignal): Promise<void>;
	/** A picture from its camera, beside inspecting. @throws Failure why there is none; the signal's reason */
	picture(wanted: PictureWanted, signal: AbortSignal): Promise<StationPicture>;
	/**
	 * Resolves when it has judged parts for a while, or its source has ended, or it fails as it did before (by its code).
	 * @throws Failure why it does not do its work; the signal's reason
	 */
	healthy(signal: AbortSignal, failingBefore?: string): Promise<void>;
	/** Resolves when its next part is judged by what it was told last, or by a process that is still to come. @throws the signal's reason */
	heeded(signal: AbortSignal): Promise<void>;
};

export type StationWorld = {
	readonly startChild: () => Child<StationDown, StationUp>;
	readonly log: Log;
	/** Its clock also says how long the process has been silent. */
	readonly pace: Pace;
	readonly timers?: Timers;
	readonly wallClock: () => number;
	/** Of the machine, the same in the station's process. */
	readonly machineMs: () => number;
	/** Of the parts of all stations, on that clock. */
	readonly deadlines: AlarmClock;
	readonly limits: Readonly<
		Record<
			| 'startingMs'
			| 'silenceMs'
			| 'graceMs'
			| 'countsEveryMs'
			| 'steadyMs'
			| 'patienceMs'
			| 'weighEveryMs'
			| 'betweenPartsMs',
			number
		>
	>;
	/** Memory of a process, in bytes; null where nobody tells. */
	readonly memoryOf: (pid: number) => Promise<number | null>;
	readonly mostBytes?: number | undefined;
	/** The engine that it is moved to, where it is. */
	readonly engine?: string | undefined;
	/** Engines that its processes must not run with. */
	readonly shunned?: (recipe: RecipeConfig) => readonly string[];
	/** Whether those that take frames by themselves rest now. */
	readonly rests?: () => boolean;
	/** What was counted of it before, and goes on. */
	readonly tally?: StationTally;
};

/** Opening a model may take its time, and a dead camera blocks its thread for 30 s; what says nothing for longer hangs. */
export const stationLimits: StationWorld['limits'] = {
	startingMs: 600_000,
	silenceMs: 60_000,
	graceMs: 4000,
	countsEveryMs: 10_000,
	steadyMs: 2000,
	patienceMs: 20_000,
	weighEveryMs: 10_000,
	betweenPartsMs: 10_000,
};

type Start = Extract<StationDown, { kind: 'start' }>;

/** Each try costs most of a second of a processor: the first comes soon, and one that goes on failing waits long. */
const restarting: Persistence = { firstMs: 250, mostMs: 60_000, lastedMs: 60_000 };

/** How often it is looked whether the process hangs, and whether the counts are to be told. */
const WATCH_MS = 500;

/** How often it is looked whether it is healthy. */
const LOOK_MS = 50;

/** How often it is looked whether a process that has settings to heed has ended. */
const HEED_MS = 500;

/**
 * Keeps a station's process running: a new one when it dies or hangs, with an error verdict for the part that was in work. A
 * process that ended because its source did is not started again. Counts go on from one process to the next.
 */
export function startStation(given: Start, world: StationWorld, hearer: StationListener): StationService {
	let start = given;
	let listener = hearer;
	const { log, pace, timers = realTimers, wallClock, limits, rests = () => false } = world;
	const { now } = pace;
	const name = start.station;
	const of = () => ({ box: start.box, station: name, recipe: start.recipeName });
	const ending = new AbortController();
	let child: Child<StationDown, StationUp> | undefined;
	let last: StationReport = {
		state: 'starting',
		model: null,
		threshold: null,
		error: null,
		degraded: null,
		drift: [],
	};
	let tally = world.tally ?? createStationTally();
	const { droppedTriggers: droppedTriggersBefore } = tally.counts;
	let inWork: { readonly origin: Origin; readonly part: Part } | undefined;
	let toldMs = now();
	let told = tally.counts;
	let starts = 0;
	let engines: Engines | null = null;
	let { mostBytes } = world;
	/** Of its process: when it said something last; Infinity when there is none, or it was killed for that. */
	let heardMs = Number.POSITIVE_INFINITY;
	/** It opens its bundle, which may take minutes. */
	let isEquipping = true;
	const owedMs = () => now() - heardMs - limits[isEquipping ? 'startingMs' : 'silenceMs'];
	/** Of the settings that its process has. */
	let heeded = given.revision;
	let onHeeded = () => {};
	let onReleased = () => {};
	const released = new Promise<void>((resolve) => {
		onReleased = resolve;
	});
	/** What its process found last, where that is a verdict. */
	let found: StationVerdict | undefined;
	/** With these its processes died while they tried them, until its settings change. */
	const avoided = new Set<Provider>();
	/** Who waits for a self-check. */
	const checks = new Set<(failure: Failure | undefined) => void>();
	const checked = (failure: Failure | undefined): void => {
		for (const check of checks) check(failure);
		checks.clear();
	};

	const pictures = createPictureAsks(name, (asked) => void child?.send(asked).catch(() => {}));

	/** What it does now: one that inspects, and is late with part after part, is in error. */
	const reported = (): StationReport => {
		const { lateness } = triggered;
		if (!lateness || last.state !== 'running' || ending.signal.aborted) return last;
		return { ...last, state: 'error', error: { code: lateness.code, message: lateness.message } };
	};
	const say = (state: StationState['state'] = reported().state): void => {
		toldMs = now();
		told = tally.counts;
		listener.onState(stationState({ ...reported(), state }, of(), told, wallClock()));
	};
	/** What it has shown since it began. */
	const shown = {
		judged: 0,
		errors: 0,
		begunMs: Number.POSITIVE_INFINITY,
		runningMs: Number.POSITIVE_INFINITY,
		judgedMs: Number.POSITIVE_INFINITY,
	};
	let lastError: Shown['lastError'] = null;
	/** Code of what it fails for, until a part is judged. */
	let failing: string | undefined;
	const partsCome = () => source !== 'watch' && start.recipe.trigger.mode === 'every';
	const reports = ({ state, error }: StationReport): void => {
		if (error) failing = error.code;
		else if (state === 'running' && !partsCome()) failing = undefined;
		if (state !== 'starting') shown.begunMs = Math.min(shown.begunMs, now());
		shown.runningMs = state === 'running' ? Math.min(shown.runningMs, now()) : Number.POSITIVE_INFINITY;
	};
	const judged = ({ verdict, error }: StationVerdict): void => {
		if (verdict === 'error') {
			shown.errors += 1;
			lastError = error;
			failing = error?.code;
			return;
		}
		shown.judged += 1;
		shown.judgedMs = Math.min(shown.judgedMs, now());
		failing = undefined;
	};
	const give = (verdict: StationVerdict, pictures: readonly Uint8Array[]) => {
		tally.counts = counted(tally.counts, verdict.verdict);
		const reason = reasonFor(verdict);
		if (verdict.verdict === 'error' && reason) tally.errors.set(reason, (tally.errors.get(reason) ?? 0) + 1);
		judged(verdict);
		return listener.onVerdict(verdict, pictures);
	};
	const { kind: source } = parseSource(start.camera.source);
	const isSimulated = source === 'sim';
	const triggered = createTriggered({
		now: world.machineMs,
		wallClock,
		alarm: world.deadlines.set,
		run: randomBytes(4).toString('hex'),
		recipe: () => start.recipe,
		origin: () => {
			const { boot, revision } = start;
			return { ...of(), boot, run: '', model: last.model, threshold: last.threshold, revision, isSimulated };
		},
		announce: (origin, part, taken) => listener.onPart(origin, part, taken),
		give,
		late: (verdict, byMs) => listener.onLate(verdict, byMs),
		onLateness: () => say(),
	});

	/** One process from its start to its end. @returns why it failed, undefined when its source ended or it was told to end */
	const once = async (onRunning: () => void): Promise<Failure | undefined> => {
		const started = world.startChild();
		child = started;
		starts += 1;
		if (starts > 1) tally.restarts += 1;
		last = { ...last, state: 'starting' };
		isEquipping = true;
		const droppedBefore = tally.counts.droppedFrames;
		heardMs = now();
		let hung = false;
		let weighedMs = now();
		/** It holds more memory than it may. */
		let tooLarge: { readonly why: Failure; readonly sinceMs: number } | undefined;
		let isReplaced = false;
		let trying: Provider | undefined;
		let isResting = false;
		const tellRest = (): void => {
			if (isResting === (partsCome() && rests())) return;
			isResting = !isResting;
			void started.send({ kind: 'rest', rests: isResting }).catch(() => {});
		};
		started.onMessage((message) => {
			// What it was at has a verdict by now.
			if (hung) return;
			heardMs = now();
			world.deadlines.look();
			switch (message.kind) {
				case 'equipped':
					isEquipping = false;
					trying = undefined;
					return;
				case 'state':
					last = message.report;
					if (last.state !== 'starting') isEquipping = false;
					reports(last);
					if (last.state === 'running') {
						onRunning();
						triggered.open((due) => void started.send({ kind: 'due', due }).catch(() => {}));
					}
					onHeeded();
					return say();
				case 'told':
					heeded = message.revision;
					return onHeeded();
				case 'part':
					inWork = message;
					return void listener.onPart(message.origin, message.part);
				case 'verdict': {
					const { verdict, pictures, exposed } = message;
					const isVerdict = verdict.trigger === null || triggered.found(verdict, pictures, exposed);
					found = isVerdict ? verdict : undefined;
					if (verdict.trigger !== null) return;
					inWork = undefined;
					return void give(verdict, pictures);
				}
				case 'kept':
					return found && listener.onKept(found, message.jpeg);
				case 'beat':
					tally.counts = { ...tally.counts, droppedFrames: droppedBefore + message.droppedFrames };
					return;
				case 'trying':
					trying = message.provider;
					return;
				case 'engines':
					engines = message.engines;
					return;
				case 'picture':
				case 'no-picture':
					return pictures.heard(message);
				case 'released':
					return onReleased();
				case 'self-checked':
					checked(undefined);
					return log('info', name, 'self-check passed', 'station.checked');
			}
		});
		const weigh = async (): Promise<void> => {
			weighedMs = now();
			const bytes = await world.memoryOf(started.pid);
			if (bytes === null || mostBytes === undefined || bytes <= mostBytes) return;
			tooLarge ??= { why: overweight(name, bytes, mostBytes), sinceMs: now() };
		};
		const stopWatching = timers.every(WATCH_MS, () => {
			tellRest();
			if (now() - toldMs >= limits.countsEveryMs && told !== tally.counts) say();
			if (mostBytes !== undefined && last.state !== 'starting' && now() - weighedMs >= limits.weighEveryMs)
				void weigh();
			const isBetween = triggered.waiting === 0;
			if (tooLarge && !isReplaced && (isBetween || now() - tooLarge.sinceMs >= limits.betweenPartsMs)) {
				isReplaced = true;
				log('warning', name, tooLarge.why.message, 'station.heavy');
				void started.stop(limits.graceMs);
			}
			if (owedMs() < 0) return;
			hung = true;
			if (trying && last.state === 'starting') avoided.add(trying);
			heardMs = Number.POSITIVE_INFINITY;
			void started.stop(0);
			// A process that a driver holds may not even die of that.
			fails(hungUp(name));
		});
		const stop = () => void started.stop(limits.graceMs);
		ending.signal.addEventListener('abort', stop, { once: true });
		try {
			heeded = start.revision;
			const shunned = world.shunned?.(start.recipe) ?? [];
			const begun = started.send({ ...start, shunned, avoided: [...avoided] });
			tellRest();
			await begun.catch(() => {});
			if (ending.signal.aborted) stop();
			const ended = await started.ended;
			if (ending.signal.aborted && ended.signal === 'SIGKILL')
				log('warning', name, `did not end within ${limits.graceMs} ms and was killed`, 'station.killed');
			const failure = isReplaced && tooLarge ? tooLarge.why : failureOf(name, ended, hung, last);
			if (failure && trying && last.state === 'starting' && !ending.signal.aborted) avoided.add(trying);
			checked(failure);
			pictures.lost(
				last.state === 'finished' ? new Failure('camera-unavailable', 'its source has ended') : failure,
			);
			return last.state === 'finished' ? undefined : failure;
		} finally {
			stopWatching();
			ending.signal.removeEventListener('abort', stop);
			child = undefined;
			heardMs = Number.POSITIVE_INFINITY;
		}
	};

	/** The part that its process announced has no verdict any more. */
	const lose = (failure: Failure): void => {
		if (inWork) void give(errorVerdict(inWork.origin, inWork.part, failure), []);
		inWork = undefined;
	};

	/** Nothing is inspected until there is another process. */
	const fails = (failure: Failure): void => {
		lose(failure);
		triggered.lost(failure);
		last = { ...last, state: 'error', error: { code: failure.code, message: failure.message } };
		reports(last);
		say();
	};

	const supervised = keepConnected(
		async ({ opened }) => {
			const failure = await once(opened);
			if (ending.signal.aborted || !failure) {
				if (failure) lose(failure);
				triggered.stop(stopped(name));
				return 'done';
			}
			fails(failure);
			return 'again';
		},
		restarting,
		ending.signal,
		pace,
	);
	/** What its process may still say is nothing to anybody. */
	const fallSilent = (): void => {
		listener = nobody;
		tally = { ...tally, errors: new Map(tally.errors) };
	};
	const healthy: StationService['healthy'] = async (signal, failingBefore) => {
		const patienceMs = limits.patienceMs + start.camera.timeoutMs;
		for (;;) {
			signal.throwIfAborted();
			const { state, error, model, degraded } = reported();
			const { begunMs, runningMs, judgedMs } = shown;
			const trust = trustIn(
				{
					...shown,
					state,
					error,
					degraded,
					engine: model?.engine ?? null,
					lastError,
					restarts: starts - 1,
					begunMs: now() - begunMs,
					runningMs: now() - runningMs,
					judgedMs: now() - judgedMs,
				},
				{
					partsCome: partsCome(),
					failingBefore,
					engine: world.engine,
					steadyMs: limits.steadyMs,
					patienceMs,
				},
			);
			if (trust === true) return;
			if (trust) throw trust;
			await pace.pause(LOOK_MS, signal);
		}
	};
	return {
		name,
		get failing() {
			return failing;
		},
		get silentMs() {
			return Math.max(0, owedMs());
		},
		keepWithin: (bytes) => {
			mostBytes = bytes;
		},
		heeded: async (signal) => {
			// What does not inspect now begins with them when it does.
			while (last.state === 'running' && heeded !== start.revision) {
				const told = new AbortController();
				onHeeded = () => told.abort();
				using either = eitherOf(signal, told.signal);
				await pace.pause(HEED_MS, either.signal);
				signal.throwIfAborted();
			}
		},
		get mode() {
			return start.recipe.trigger.mode;
		},
		missed: triggered.missed,
		signal: (signal, taken, ago) => {
			const signalled = triggered.signal(signal, taken, ago);
			const droppedTriggers = droppedTriggersBefore + triggered.dropped;
			if (droppedTriggers !== tally.counts.droppedTriggers)
				tally.counts = { ...tally.counts, droppedTriggers };
			return signalled;
		},
		get vitals() {
			const { state } = reported();
			return {
				station: name,
				state,
				counts: tally.counts,
				pid: child?.pid ?? null,
				restarts: tally.restarts,
				engines,
			};
		},
		healthy,
		letGo: async () => {
			ending.abort();
			await Promise.race([released, supervised]);
			triggered.stop(stopped(name));
			// Whoever takes over goes on with its counts.
			say();
			fallSilent();
		},
		abandon: () => {
			lose(hungUp(name));
			triggered.stop(hungUp(name));
			fallSilent();
			ending.abort();
			void child?.stop(0);
		},
		retell: (settings) => {
			start = { ...start, ...settings };
			void child?.send({ kind: 'settings', ...settings }).catch(() => {});
		},
		picture: async (wanted, signal) => {
			if (child) return pictures.ask(wanted, signal);
			const why = last.error?.message ?? `it is ${last.state}`;
			throw new Failure('station-silent', `Cannot get a picture of station "${name}": ${why}`);
		},
		selfCheck: async (signal) => {
			const { state, error } = last;
			if (!child || !(state === 'running' || state === 'resting'))
				throw new Failure('station-silent', `Cannot check station "${name}": ${error?.message ?? state}`);
			signal.throwIfAborted();
			let hear = (_: Failure | undefined): void => {};
			const heard = new Promise<Failure | undefined>((resolve) => {
				hear = resolve;
			});
			checks.add(hear);
			try {
				const sent = child.send({ kind: 'self-check' }).catch(() => {});
				const failure = await orAborted(
					sent.then(() => heard),
					signal,
				);
				if (failure) throw failure;
			} finally {
				checks.delete(hear);
			}
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await supervised;
			triggered.stop(stopped(name));
			last = { ...last, error: null };
			say('stopped');
		},
	};
}

const nobody: StationListener = {
	onState: () => {},
	onVerdict: () => undefined,
	onLate: () => {},
	onPart: () => undefined,
	onKept: () => {},
};

function stopped(station: string): Failure {
	return new Failure('station-stopped', `Station "${station}" was stopped while the part waited`);
}

function hungUp(station: string): Failure {
	return new Failure('station-silent', `Station "${station}" hung and was killed`);
}

function overweight(station: string, bytes: number, mostBytes: number): Failure {
	const [held, most] = [bytes, mostBytes].map((each) => Math.round(each / 1e6));
	return new Failure(
		'memory-exceeded',
		`Station "${station}" holds ${held} MB, more than the ${most} MB that it may: its process is replaced`,
	);
}

/** Why a station's process ended. `last`: as it told of itself. */
export function failureOf(
	station: string,
	{ code, signal, stderrTail, isStuck }: Ended,
	hung: boolean,
	last: Pick<StationReport, 'state' | 'error'>,
): Failure {
	if (hung) return hungUp(station);
	if ((code === 1 || isStuck) && last.state === 'error' && last.error)
		return new Failure(last.error.code as Failure['code'], last.error.message);
	const how = signal ? `killed by ${signal}` : `exit code ${code}`;
	return new Failure('child-died', `Station "${station}" died (${how}) ${causeIn(stderrTail)}`.trim());
}
