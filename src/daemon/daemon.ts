import { Failure } from '../base/failure.js';
import { isLogged, type Log } from '../base/log.js';
import { realPace } from '../base/retry.js';
import type { Config } from '../config/schema.js';
import { type Movable, type Moved, type MoveWorld, move, outcomeOf, type Running } from '../control/move.js';
import { bootId } from '../machine/boot.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import { verdictMessage } from '../protocol/verdict-message.js';
import { type ServicesWorld, specsOf } from './services.js';
import { secretsOf } from './settings.js';
import type { Trouble } from './world.js';

/** What is tried has limits of its own, and bundles wait for one another; a damaged journal is read for minutes; a station's process gets 4 s to end. */
const limits: MoveWorld['limits'] = {
	probe: 3_600_000,
	stop: 10_000,
	start: 900_000,
	retell: 10_000,
	health: 120_000,
};

/** What the journal and the broker may take for their last words, also when a station has hung before. */
const LEAST_STOP_MS = 6000;

/** Warnings and errors that are remembered. */
const MOST_TROUBLES = 50;

/** Each probe is a process. */
const PROBES_AT_ONCE = 4;

export type DaemonWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	/** What no line may show from now on. */
	readonly conceal: (secrets: readonly string[]) => void;
	/** Hears what the configuration lets through. */
	readonly log: Log;
	readonly onVerdict: (message: VerdictMessage) => void;
	readonly signal: AbortSignal;
	/** End when every station's source has ended, instead of staying reachable. */
	readonly untilFinished: boolean;
};

/** What runs, and how it comes to run what a configuration wants. */
export type Daemon = {
	/** One move after the other. Null: to nothing. */
	moveTo(config: Config | null): Promise<Moved<Movable>>;
	/** Aborted when the sources of all stations have ended. */
	readonly finished: AbortSignal;
};

/** A daemon that runs nothing yet. */
export async function createDaemon(world: Omit<DaemonWorld, 'untilFinished'>): Promise<Daemon> {
	const { env, version, signal } = world;
	const secrets: string[] = [];
	const conceal = (found: readonly string[]) => {
		const unknown = found.filter((secret) => !secrets.includes(secret));
		secrets.push(...unknown);
		world.conceal(unknown);
	};
	const allFinished = new AbortController();
	const finished = new Set<string>();
	/** What stands or is moved to. */
	let config: Config | null = null;
	const troubles: Trouble[] = [];
	const log: Log = (level, about, message) => {
		if (level === 'error' || level === 'warning') {
			troubles.push({ atMs: Date.now(), level, about, message });
			if (troubles.length > MOST_TROUBLES) troubles.shift();
		}
		if (isLogged(level, config?.log ?? 'info')) world.log(level, about, message);
	};
	let running: Running<Movable> = new Map();
	let moving: Promise<unknown> = Promise.resolve();
	const servicesWorld: ServicesWorld = {
		env,
		version,
		boot: await bootId(),
		log,
		secrets,
		conceal,
		onState: ({ state, station }) => {
			if (state === 'finished') finished.add(station);
			if (state === 'starting') finished.delete(station);
			if (config && Object.keys(config.stations).every((name) => finished.has(name))) allFinished.abort();
		},
		onVerdict: (event, series) => {
			const root = config?.mqtt.root ?? '';
			world.onVerdict(verdictMessage(event, { series, root, publishedMs: Date.now(), late: false }));
		},
		running: () => running,
		troubles: () => troubles,
	};
	const moveWorld: MoveWorld = {
		pace: realPace,
		limits,
		leastStopMs: LEAST_STOP_MS,
		probesAtOnce: PROBES_AT_ONCE,
		signal,
	};
	const moveTo = async (wanted: Config | null) => {
		const before = config;
		config = wanted ?? before;
		if (wanted) conceal(secretsOf(wanted));
		const moved = await move(running, wanted ? specsOf(wanted, servicesWorld) : [], moveWorld);
		({ running } = moved);
		if (moved.stands !== 'new') config = before;
		return moved;
	};
	return {
		finished: allFinished.signal,
		moveTo: (wanted) => {
			const moved = moving.then(() => moveTo(wanted));
			moving = moved.catch(() => {});
			return moved;
		},
	};
}

/**
 * Runs a configuration until the signal is aborted: a move from nothing, and one to nothing.
 * @throws what kept a service from starting or ending
 */
export async function runDaemon(config: Config, world: DaemonWorld): Promise<void> {
	const { log, signal, untilFinished } = world;
	const daemon = await createDaemon(world);
	const started = await daemon.moveTo(config);
	if (started.setbacks[0]) throw started.setbacks[0].reason;
	await aborted(untilFinished ? AbortSignal.any([signal, daemon.finished]) : signal);
	const ended = await daemon.moveTo(null);
	if (ended.setbacks.length > 0) log('error', 'daemon', outcomeOf(ended));
	const reasons = ended.setbacks.map(({ reason }) => reason);
	const worst = reasons.find((reason) => !(reason instanceof Failure)) ?? reasons[0];
	if (worst) throw worst;
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		signal.addEventListener('abort', () => resolve(), { once: true });
	});
}
