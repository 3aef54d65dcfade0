import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { realPace } from '../base/retry.js';
import type { Config } from '../config/schema.js';
import { type Movable, type MoveWorld, move, outcomeOf, type Running } from '../control/move.js';
import { bootId } from '../machine/boot.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import { verdictMessage } from '../protocol/verdict-message.js';
import type { Records } from './records.js';
import { type ServicesWorld, specsOf } from './services.js';
import { secretsOf } from './settings.js';

/** A station's process gets 4 s to end, and the broker 3 s for the last words; a bundle may be proven for 10 minutes. */
const limits: MoveWorld['limits'] = {
	probe: 700_000,
	stop: 15_000,
	start: 60_000,
	retell: 10_000,
	health: 120_000,
};

const LEAST_STOP_MS = 5000;

/** Each probe is a process. */
const PROBES_AT_ONCE = 4;

export type DaemonWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	/** What no line may show from now on. */
	readonly conceal: (secrets: readonly string[]) => void;
	readonly log: Log;
	readonly onVerdict: (message: VerdictMessage) => void;
	readonly signal: AbortSignal;
	/** End when every station's source has ended, instead of staying reachable. */
	readonly untilFinished: boolean;
};

/**
 * Runs a configuration until the signal is aborted: a move from nothing, and one to nothing.
 * @throws what kept a service from starting or ending
 */
export async function runDaemon(config: Config, world: DaemonWorld): Promise<void> {
	const { env, version, log, onVerdict, signal } = world;
	const secrets: string[] = [];
	const conceal = (found: readonly string[]) => {
		const unknown = found.filter((secret) => !secrets.includes(secret));
		secrets.push(...unknown);
		world.conceal(unknown);
	};
	const finished = new Set<string>();
	const allFinished = new AbortController();
	let running: Running<Movable> = new Map();
	let records: Records | undefined;
	const servicesWorld: ServicesWorld = {
		env,
		version,
		boot: await bootId(),
		log,
		secrets,
		records: () => records!,
		onRecords: (opened) => {
			records = opened;
		},
		conceal,
		onState: ({ state, station }) => {
			if (state === 'finished') finished.add(station);
			if (finished.size === Object.keys(config.stations).length) allFinished.abort();
		},
		onVerdict: (event) => {
			const { series } = records!.journal;
			onVerdict(
				verdictMessage(event, { series, root: config.mqtt.root, publishedMs: Date.now(), late: false }),
			);
		},
		running: () => running,
	};
	const moveTo = async (wanted: readonly Movable[]) => {
		const moved = await move(running, wanted, {
			pace: realPace,
			limits,
			leastStopMs: LEAST_STOP_MS,
			probesAtOnce: PROBES_AT_ONCE,
			signal,
		});
		running = moved.running;
		return moved;
	};
	conceal(secretsOf(config));
	const { setbacks } = await moveTo(specsOf(config, servicesWorld));
	if (setbacks[0]) throw setbacks[0].reason;
	await aborted(world.untilFinished ? AbortSignal.any([signal, allFinished.signal]) : signal);
	const ended = await moveTo([]);
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
