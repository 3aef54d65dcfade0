import { realTimers, type Timers } from '../base/retry.js';

/** What is to happen at a moment. */
export type AlarmClock = {
	/** Rings once, after so many milliseconds. @returns what keeps it from ringing */
	set(ms: number, ring: () => void): () => void;
	/** Rings what should have rung. */
	look(): void;
};

/**
 * Timers that can be looked at: a process that hears hundreds of messages a second comes to its timers only between two batches of them,
 * and whoever hears one looks here first. `now`: milliseconds of a clock that never jumps.
 */
export function createAlarmClock(now: () => number, { later }: Timers = realTimers): AlarmClock {
	const set = new Map<() => void, { readonly atMs: number; silence(): void }>();
	let nextMs = Number.POSITIVE_INFINITY;
	const soonest = () => Math.min(...[...set.values()].map(({ atMs }) => atMs));
	const remove = (ring: () => void): void => {
		set.get(ring)?.silence();
		set.delete(ring);
		nextMs = soonest();
	};
	return {
		set: (ms, act) => {
			const ring = (): void => {
				remove(ring);
				act();
			};
			set.set(ring, { atMs: now() + ms, silence: later(Math.ceil(ms), ring) });
			nextMs = soonest();
			return () => remove(ring);
		},
		look: () => {
			const nowMs = now();
			if (nowMs < nextMs) return;
			for (const [ring, { atMs }] of [...set]) if (atMs <= nowMs && set.has(ring)) ring();
		},
	};
}
