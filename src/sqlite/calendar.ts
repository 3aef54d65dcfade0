/** A clock that runs ahead of what has passed by more than this leaps. */
const LEAP_MS = 3_600_000;

/** Says how late it is, for the age of events. Both in milliseconds. */
export type Calendar = (wallMs: number, monotonicMs: number) => number;

/**
 * Disbelieves a clock that leaps ahead until it has stood for `disbeliefMs`: a box without a battery boots in any year, and nothing
 * may grow old by that. `lastMs` is when the newest event was recorded: a box that was off for long waits as well.
 */
export function createCalendar(lastMs: number | undefined, startedMs: number, disbeliefMs: number): Calendar {
	let believed = lastMs === undefined ? undefined : { wallMs: lastMs, monotonicMs: startedMs };
	let leap: { readonly aheadMs: number; readonly sinceMs: number } | undefined;
	return (wallMs, monotonicMs) => {
		const passedMs = monotonicMs - (believed?.monotonicMs ?? monotonicMs);
		const expectedMs = (believed?.wallMs ?? wallMs) + passedMs;
		const aheadMs = wallMs - expectedMs;
		believed = { wallMs: expectedMs, monotonicMs };
		if (aheadMs > LEAP_MS) {
			if (!leap || Math.abs(aheadMs - leap.aheadMs) > LEAP_MS) leap = { aheadMs, sinceMs: monotonicMs };
			if (monotonicMs - leap.sinceMs < disbeliefMs) return expectedMs;
		}
		leap = undefined;
		believed = { wallMs, monotonicMs };
		return wallMs;
	};
}
