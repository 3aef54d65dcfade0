import type { Failure } from '../base/failure.js';
import { realTimers, type Timers } from '../base/retry.js';
import type { Child } from '../process/child.js';
import type { StationReport } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { endChild, probeLimits, unproven, wordOf } from './probe.js';
import { failureOf } from './station.js';
import { strayed } from './trust.js';

type StationChild = Child<StationDown, StationUp>;

/** A station's process that has proven its bundle and waits, its camera closed. Disposing ends it, unless it was taken. */
export type HeldStation = AsyncDisposable & {
	/** What was proven, in words. */
	readonly message: string;
	/** @throws Failure why it has ended */
	assertWaiting(): void;
	/** To be told to start, once: what it has said it says again to who listens. */
	take(): StationChild | undefined;
};

/** `engine`: it computes with this one, or is not held. */
export type HoldOptions = {
	readonly limitMs?: number;
	readonly engine?: string | undefined;
	readonly timers?: Pick<Timers, 'later'>;
};

/** @throws Failure why it cannot be held; the signal's reason. Nothing of it runs then. */
export async function holdStation(
	start: Extract<StationDown, { kind: 'start' }>,
	startChild: () => StationChild,
	signal: AbortSignal,
	{ limitMs = probeLimits.bundleMs, engine, timers = realTimers }: HoldOptions = {},
): Promise<HeldStation> {
	signal.throwIfAborted();
	const child = startChild();
	const said: StationUp[] = [];
	let last: Pick<StationReport, 'state' | 'error'> = { state: 'starting', error: null };
	let death: Failure | undefined;
	let isTaken = false;
	let hear: ((message: StationUp) => void) | undefined;
	const ready = new Promise<Extract<StationUp, { kind: 'ready' }>>((resolve) => {
		child.onMessage((message) => {
			if (hear) return hear(message);
			if (message.kind === 'ready') resolve(message);
			if (message.kind === 'state') last = message.report;
			if (message.kind === 'state' || message.kind === 'engines') said.push(message);
		});
	});
	void child.ended.then((ended) => {
		death = failureOf(start.station, ended, false, last);
	});
	try {
		await child.send({ ...start, hold: true }).catch(() => {});
		const late = unproven(start.recipe, limitMs);
		const first = await wordOf(child, ready, { limitMs, late, timers }, signal);
		if (!('message' in first)) throw failureOf(start.station, first, false, last);
		const { message, model, degraded } = first;
		if (engine !== undefined && model?.engine !== engine) throw strayed(engine, degraded);
		return {
			message,
			assertWaiting: () => {
				if (death) throw death;
			},
			take: () => {
				if (isTaken) return undefined;
				isTaken = true;
				return {
					...child,
					onMessage: (listener) => {
						for (const earlier of said) listener(earlier);
						hear = listener;
					},
				};
			},
			[Symbol.asyncDispose]: async () => {
				if (!isTaken) await child.stop(0);
			},
		};
	} catch (thrown) {
		await endChild(child, 0, timers, signal);
		throw thrown;
	}
}
