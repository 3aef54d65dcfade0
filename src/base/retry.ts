import { defaultMaxListeners, setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits between attempts: doubling from `firstMs` to `mostMs`, each shortened by up to half at random. */
export type Backoff = { readonly firstMs: number; readonly mostMs: number };

/** How long to wait before attempt `attempt` (from 1), with `chance` in [0, 1). Jitter keeps many boxes from knocking at once. */
export function backoffMs({ firstMs, mostMs }: Backoff, attempt: number, chance: number): number {
	const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
	return Math.round(full * (1 - chance / 2));
}

/** Waits; ends early without an error when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
	await sleep(ms, undefined, { signal }).catch(() => {});
}

/**
 * A signal that is aborted with one of the others, or when the time is over, until it is disposed of. Its time is held; that of
 * `AbortSignal.timeout` may be forgotten within another signal before it is over.
 */
export function timeLimit(ms: number, ...others: readonly AbortSignal[]): HeldSignal {
	return timeLimitBy(holding, ms, ...others);
}

/** Of no use any more when it is disposed of. */
export type HeldSignal = Disposable & { readonly signal: AbortSignal };

/** The same of another's time. */
export function timeLimitBy(
	{ later }: Pick<Timers, 'later'>,
	ms: number,
	...others: readonly AbortSignal[]
): HeldSignal {
	const over = new AbortController();
	const silence = later(ms, () => over.abort(new DOMException('The time is over', 'TimeoutError')));
	const either = eitherOf(over.signal, ...others);
	return {
		signal: either.signal,
		[Symbol.dispose]: () => {
			silence();
			either[Symbol.dispose]();
		},
	};
}

/**
 * A signal that is aborted with one of the others, until it is disposed of; where all of them end together nobody need. `AbortSignal.any` leaves
 * something behind at a signal that lives on, each time (a megabyte for 20,000 of them in Node 20).
 */
export function eitherOf(...signals: readonly AbortSignal[]): HeldSignal {
	const either = new AbortController();
	const end = ({ target }: { readonly target: unknown }) => either.abort((target as AbortSignal).reason);
	for (const signal of signals) {
		if (signal.aborted) either.abort(signal.reason);
		else signal.addEventListener('abort', end, { once: true });
	}
	return {
		signal: either.signal,
		[Symbol.dispose]: () => {
			for (const signal of signals) signal.removeEventListener('abort', end);
		},
	};
}

/** So many may wait for a signal at once. Node warns when more than ten do, as of listeners that nobody takes away: it must go on to do that. */
export function expectWaiters(signal: AbortSignal, most: number): void {
	setMaxListeners(Math.max(defaultMaxListeners, most), signal);
}

/** Who has a limit waits for it. */
const holding: Pick<Timers, 'later'> = {
	later: (ms, ring) => {
		const timer = setTimeout(ring, ms);
		return () => clearTimeout(timer);
	},
};

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		signal.addEventListener('abort', () => resolve(), { once: true });
	});
}

/** What comes of work, or, as soon as the signal is aborted, its reason thrown: the work itself goes on then. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
	signal.throwIfAborted();
	let interrupt = () => {};
	const interrupted = new Promise<never>((_, reject) => {
		interrupt = () => reject(signal.reason);
	});
	signal.addEventListener('abort', interrupt);
	try {
		return await Promise.race([work, interrupted]);
	} finally {
		signal.removeEventListener('abort', interrupt);
	}
}

/** Clock, chance and waiting of a loop that repeats. */
export type Pace = {
	/** Milliseconds of a clock that never jumps. */
	readonly now: () => number;
	/** In [0, 1). */
	readonly chance: () => number;
	readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
};

export const realPace: Pace = { now: () => performance.now(), chance: Math.random, pause };

/** What rings at moments of a clock that never jumps. It keeps no process from ending. */
export type Timers = {
	/** Once, after so many milliseconds. @returns what keeps it from ringing */
	readonly later: (ms: number, ring: () => void) => () => void;
	/** Each time that so many milliseconds have passed. @returns what ends it */
	readonly every: (ms: number, ring: () => void) => () => void;
};

export const realTimers: Timers = {
	later: (ms, ring) => {
		const timer = setTimeout(ring, ms).unref();
		return () => clearTimeout(timer);
	},
	every: (ms, ring) => {
		const timer = setInterval(ring, ms).unref();
		return () => clearInterval(timer);
	},
};

/** What an attempt is told, and what it tells. */
export type Attempt = {
	/** So many before this one, in a row, did not open or did not last. */
	readonly failed: number;
	/** To be called when the connection stands: from here on it is measured whether it lasts. */
	opened(): void;
};

export type Persistence = Backoff & {
	/** A connection that stood for so long is no failure when it ends: the waits start over. */
	readonly lastedMs: number;
};

/**
 * Connects again and again until the signal is aborted or an attempt is `done`. An attempt resolves when its connection has
 * ended; the wait before the next one grows until a connection has lasted, however often one has been opened.
 * @throws whatever an attempt throws, which ends the loop
 */
export async function keepConnected(
	attempt: (told: Attempt) => Promise<'again' | 'done'>,
	persistence: Persistence,
	signal: AbortSignal,
	pace: Pace = realPace,
): Promise<void> {
	for (let failed = 0; !signal.aborted; ) {
		let openedMs = Number.POSITIVE_INFINITY;
		const opened = () => {
			openedMs = Math.min(openedMs, pace.now());
		};
		if ((await attempt({ failed, opened })) === 'done' || signal.aborted) return;
		if (pace.now() - openedMs >= persistence.lastedMs) failed = 0;
		failed += 1;
		await pace.pause(backoffMs(persistence, failed, pace.chance()), signal);
	}
}
