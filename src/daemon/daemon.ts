import { Failure } from '../base/failure.js';
import { isLogged, type Log, type LogLine, type Trouble } from '../base/log.js';
import { aborted, eitherOf } from '../base/retry.js';
import { createRing } from '../base/ring.js';
import { openAddress } from '../config/address.js';
import { addressesOf } from '../config/broker.js';
import { isQuiet } from '../config/quiet.js';
import type { Config } from '../config/schema.js';
import type { Finding, Movable, Running } from '../control/movable.js';
import { type How, type Moved, type MoveWorld, move, outcomeOf, tryOut } from '../control/move.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import { verdictMessage } from '../protocol/verdict-message.js';
import type { Notifier } from '../systemd/notify.js';
import { createAlarmClock } from './alarm-clock.js';
import type { ConfigFile } from './config-file.js';
import { type Edges, realEdges } from './edges.js';
import { createEdits, type Edits } from './edits.js';
import { createEngineChoices } from './engine-choices.js';
import { type ServicesWorld, specsOf, tellBoxState } from './services.js';
import { secretsOf } from './settings.js';
import { createTallies } from './tally.js';
import { type Stage, startWatchdog } from './watchdog.js';

/** What is tried has limits of its own, and bundles wait for one another; a damaged journal is read for minutes; a station's process gets 4 s to end. */
const limits: MoveWorld['limits'] = {
	probe: 3_600_000,
	prepare: 900_000,
	stop: 10_000,
	start: 900_000,
	retell: 10_000,
	health: 900_000,
};

/** What the journal and the broker may take for their last words, also when a station has hung before. */
const LEAST_STOP_MS = 6000;

/** Warnings and errors that are remembered. */
const MOST_TROUBLES = 50;

/** Lines of the log that are remembered, those too that the configuration lets nobody see, and of each so many characters. */
const MOST_LINES = 2000;
const LONGEST_LINE = 2000;

/** Each probe is a process. */
const PROBES_AT_ONCE = 4;

export type DaemonWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	readonly edges?: Edges;
	/** Kinds of services that do not run, whatever is configured: for a simulation that has no place for them. */
	readonly without?: readonly string[];
	/** What no line may show from now on. */
	readonly conceal: (secrets: readonly string[]) => void;
	/** Hears what the configuration lets through. */
	readonly log: Log;
	/** Undefined: nobody hears of verdicts here. */
	readonly onVerdict?: (message: VerdictMessage) => void;
	readonly signal: AbortSignal;
	/** End when every station's source has ended, instead of staying reachable. */
	readonly untilFinished: boolean;
	readonly openNotifier: () => Promise<Notifier>;
	/** Calls when the file is to be read again. */
	readonly onReread: (hear: () => void) => void;
};

/** What runs, and how it comes to run what a configuration wants. */
export type Daemon = {
	/** One move after the other. Null: to nothing. `tell` hears how far it is; what it is told is still said where the broker is left. */
	moveTo(config: Config | null, how?: How, tell?: (line: string) => void): Promise<Moved<Movable>>;
	/** What a move would try. */
	tryOut(config: Config, signal: AbortSignal): Promise<readonly Finding[]>;
	/** Aborted when the sources of all stations have ended. */
	readonly finished: AbortSignal;
	/** Undefined where no file says what is to run. */
	readonly edits: Edits | undefined;
	/** Whether every station inspects, or has finished. */
	isWell(): boolean;
	/** What runs, and for how long each owes a sign of life. */
	stages(): readonly Stage[];
	/** In one line. */
	status(): string;
	/** From now on the state of the box tells that these are silent. */
	tellSilent(names: readonly string[]): void;
};

/** A daemon that runs nothing yet. `file`: says what is to run, and can be edited. */
export async function createDaemon(
	world: Omit<DaemonWorld, 'untilFinished' | 'openNotifier' | 'onReread'>,
	file?: ConfigFile,
): Promise<Daemon> {
	const { env, version, signal, edges = realEdges, without = [] } = world;
	const { pace, timers, wallClock, machineMs } = edges;
	const secrets: string[] = [];
	const conceal = (found: readonly string[]) => {
		const unknown = found.filter((secret) => !secrets.includes(secret));
		secrets.push(...unknown);
		world.conceal(unknown);
	};
	const allFinished = new AbortController();
	const finished = new Set<string>();
	const states = new Map<string, string>();
	/** What stands or is moved to. */
	let config: Config | null = null;
	const troubles = createRing<Trouble>(MOST_TROUBLES);
	const lines = createRing<LogLine>(MOST_LINES);
	const log: Log = (level, about, said, event) => {
		const message = said.slice(0, LONGEST_LINE);
		const line = { atMs: wallClock(), about, message };
		lines.put({ ...line, level });
		if (level === 'error' || level === 'warning') troubles.put({ ...line, level });
		if (isLogged(level, config?.log ?? 'info')) world.log(level, about, said, event);
	};
	const wantedBy = (wanted: Config) =>
		specsOf(wanted, servicesWorld).filter(({ kind }) => !without.includes(kind));
	let running: Running<Movable> = new Map();
	let moving: Promise<unknown> = Promise.resolve();
	let silent: readonly string[] = [];
	const servicesWorld: ServicesWorld = {
		edges,
		env,
		version,
		boot: await edges.bootId(),
		log,
		secrets,
		conceal,
		onState: ({ state, station }) => {
			states.set(station, state);
			if (state === 'finished') finished.add(station);
			if (state === 'starting') finished.delete(station);
			if (config && Object.keys(config.stations).every((name) => finished.has(name))) allFinished.abort();
		},
		onVerdict: (event, series) => {
			if (!world.onVerdict) return;
			const root = config?.mqtt.root ?? '';
			world.onVerdict(verdictMessage(event, { series, root, publishedMs: wallClock(), late: false }));
		},
		running: () => running,
		deadlines: createAlarmClock(machineMs, timers),
		troubles: troubles.all,
		logLines: lines.all,
		edits: () => edits,
		config: () => config,
		engines: createEngineChoices(),
		tallies: createTallies(pace.now()),
		silent: () => silent,
		rests: () => {
			const { quiet, zone } = config?.schedule ?? {};
			return quiet !== undefined && isQuiet(quiet, wallClock(), zone);
		},
	};
	const moveWorld: MoveWorld = {
		pace,
		limits,
		leastStopMs: LEAST_STOP_MS,
		probesAtOnce: PROBES_AT_ONCE,
		signal,
	};
	const moveTo = async (wanted: Config | null, how: How = 'carefully', tell = (_: string) => {}) => {
		const before = config;
		config = wanted ?? before;
		if (wanted) conceal(secretsOf(wanted));
		const there = wanted && brokersOf(wanted);
		const moved = await move(
			running,
			wanted ? wantedBy(wanted) : [],
			{
				...moveWorld,
				tell,
				onLeaving: () => {
					if (there && before && there !== brokersOf(before)) tell(`what follows is said to ${there}`);
				},
				onChange: (now) => {
					running = now;
				},
			},
			how,
		);
		({ running } = moved);
		if (moved.stands !== 'new') config = before;
		return moved;
	};
	const daemon: Pick<Daemon, 'moveTo' | 'tryOut'> = {
		moveTo: (wanted, how, tell) => {
			const moved = moving.then(() => moveTo(wanted, how, tell));
			moving = moved.catch(() => {});
			return moved;
		},
		tryOut: (wanted, over) => {
			conceal(secretsOf(wanted));
			return tryOut(running, wantedBy(wanted), over);
		},
	};
	const edits = file && createEdits(file, { env, edges, daemon, secrets, log });
	const stations = () => Object.keys(config?.stations ?? {});
	const stationsIn = (...wanted: readonly string[]) =>
		stations().filter((name) => wanted.includes(states.get(name) ?? ''));
	return {
		...daemon,
		edits,
		finished: allFinished.signal,
		isWell: () => stationsIn('running', 'resting', 'finished').length === stations().length,
		stages: () =>
			[...running.values()].map(({ spec: { kind, name }, service: { silentMs = 0 } }) => ({
				kind,
				name,
				silentMs,
			})),
		status: () => {
			const failed = stationsIn('error');
			const resting = stationsIn('resting').length;
			const inspect = `${stationsIn('running').length} of ${stations().length} stations inspect`;
			const words = resting === 0 ? inspect : `${inspect}, ${resting} rest`;
			return failed.length === 0 ? words : `${words}, in error: ${failed.join(', ')}`;
		},
		tellSilent: (names) => {
			silent = names;
			tellBoxState(running);
		},
	};
}

/**
 * Runs a configuration until the signal is aborted: a move from nothing, and one to nothing.
 * @throws what kept a service from starting or ending
 */
export async function runDaemon(file: ConfigFile, world: DaemonWorld): Promise<void> {
	const { log, signal, untilFinished, openNotifier, onReread, edges = realEdges } = world;
	const { pace, timers, machineMs } = edges;
	const daemon = await createDaemon(world, file);
	using watchdog = startWatchdog({
		notifier: await openNotifier(),
		stages: daemon.stages,
		status: daemon.status,
		onSilent: daemon.tellSilent,
		now: pace.now,
		every: timers.every,
		log,
	});
	onReread(() => void watchdog.during(machineMs(), async () => daemon.edits?.reread()));
	const started = await daemon.moveTo(file.config);
	if (started.setbacks[0]) throw started.setbacks[0].reason;
	daemon.edits?.begin(daemon.isWell);
	watchdog.ready();
	using over = eitherOf(signal, ...(untilFinished ? [daemon.finished] : []));
	await aborted(over.signal);
	watchdog.stopping();
	await daemon.edits?.[Symbol.asyncDispose]();
	const ended = await daemon.moveTo(null);
	if (ended.setbacks.length > 0) log('error', 'daemon', outcomeOf(ended), 'daemon.ended');
	const reasons = ended.setbacks.map(({ reason }) => reason);
	const worst = reasons.find((reason) => !(reason instanceof Failure)) ?? reasons[0];
	if (worst) throw worst;
}

/** As anybody may read it. */
function brokersOf({ mqtt }: Config): string {
	return addressesOf(mqtt).map(openAddress).join(' or ');
}
