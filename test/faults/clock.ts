import type { Being } from './time.js';

/** Leaps that are remembered. */
const MOST_LEAPS = 256;

const DAY_MS = 86_400_000;

/** The wall clock of a box: it may be moved, and rings at times that it shows. `nature`: who moves it. */
export function createWallClock(nature: Being, startMs: number) {
	/** Since when it is so far ahead of the machine's clock. */
	let leaps = [{ sinceMs: Number.NEGATIVE_INFINITY, aheadMs: startMs }];
	const rings = new Set<{ readonly everyMs: number; readonly ring: () => void; silence: () => void }>();
	const now = () => leaps.at(-1)!.aheadMs + nature.now();
	type Ring = typeof rings extends Set<infer One> ? One : never;
	const arm = (one: Ring, next = Math.floor(now() / one.everyMs) + 1): void => {
		one.silence = nature.later(next * one.everyMs - now(), () => {
			// It may be a hair too early.
			arm(one, next + 1);
			one.ring();
		});
	};
	const leap = (ms: number): void => {
		leaps = [...leaps, { sinceMs: nature.now(), aheadMs: leaps.at(-1)!.aheadMs + ms }].slice(-MOST_LEAPS);
		for (const one of rings) {
			one.silence();
			arm(one);
		}
	};
	/** Of the day in UTC, within [0, 1). */
	const timeOfDay = (ms: number) => (((ms % DAY_MS) + DAY_MS) % DAY_MS) / DAY_MS;
	return {
		now,
		leap,
		/** Moves it, by less than a day, to just before a time of the day in UTC. */
		leapTo: (timeMs: number, beforeMs: number): void => leap(timeOfDay(timeMs - beforeMs - now()) * DAY_MS),
		/** Calls each time that it shows a multiple of this: what is leapt over is passed over, what comes again comes again. */
		every: (everyMs: number, ring: () => void): (() => void) => {
			const one = { everyMs, ring, silence: () => {} };
			rings.add(one);
			arm(one);
			return () => {
				rings.delete(one);
				one.silence();
			};
		},
		/** Whether it showed a time of the day between these from `forMs` before a moment of the machine's clock until then. */
		showed: (atMs: number, forMs: number, [fromMs, toMs]: readonly [number, number]): boolean => {
			const since = leaps.findLast(({ sinceMs }) => sinceMs <= atMs)!;
			if (since.sinceMs > atMs - forMs) return false;
			return [atMs - forMs, atMs].every((ms) => {
				const shown = timeOfDay(since.aheadMs + ms) * DAY_MS;
				return shown >= fromMs && shown < toMs;
			});
		},
	};
}

export type WallClock = ReturnType<typeof createWallClock>;
