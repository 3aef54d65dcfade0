/** When a frame was exposed by its camera's clock, which need not agree with ours, as exactly as that is told. */
export type TimeStamp = { readonly ms: number; readonly stepMs: number };

/** Clocks go apart by less, as a share: what grows more slowly is no lag. */
const DRIFT = 1e-3;

/** No camera buffers as much: whose frames are said to be older has a clock that was set. */
const MOST_BUFFERED_MS = 60_000;

/** How much later a frame comes than the fastest one did, in ms; `hereMs` is on our monotonic clock. */
export type LagClock = (stamp: TimeStamp, hereMs: number) => number;

/** Of frames that are stamped by one clock. What all of them are late by from the first one on, nobody can tell. */
export function lagClock(): LagClock {
	let leastMs = Number.POSITIVE_INFINITY;
	let beforeMs = 0;
	let lastMs = Number.NEGATIVE_INFINITY;
	return ({ ms, stepMs }, hereMs) => {
		// One that stands still is no clock.
		if (stepMs === 0 && ms === lastMs) return 0;
		lastMs = ms;
		const wayMs = hereMs - ms;
		const isSet = wayMs - leastMs > MOST_BUFFERED_MS;
		leastMs = isSet ? wayMs : Math.min(leastMs + DRIFT * (hereMs - beforeMs), wayMs);
		beforeMs = hereMs;
		return Math.max(0, wayMs - leastMs - stepMs);
	};
}

/** Whole seconds. */
const SECOND_MS = 1000;

/** Of milliseconds since 1970 there are so many since long, of seconds never. */
const LEAST_MS = 1e11;

/** The time that a picture's own headers tell (as those of a part of multipart/x-mixed-replace), undefined where they tell none. */
export function stampIn(headers: string): TimeStamp | undefined {
	const told = (name: string) => new RegExp(`^${name}[ \\t]*:[ \\t]*(.+?)[ \\t]*$`, 'im').exec(headers)?.[1];
	const exact = Number(told('x-timestamp'));
	if (exact > 0) return { ms: exact < LEAST_MS ? exact * 1000 : exact, stepMs: 0 };
	const whole = Date.parse(told('last-modified') ?? told('date') ?? '');
	return Number.isNaN(whole) ? undefined : { ms: whole, stepMs: SECOND_MS };
}

/** How old a picture is at least by the headers of its answer, in ms: all of them are of the camera's one clock (RFC 9111). */
export function ageIn(headers: { get(name: string): string | null }): number {
	const [date, modified] = ['date', 'last-modified'].map((name) => Date.parse(headers.get(name) ?? ''));
	const stoodMs = date! - modified! - SECOND_MS;
	const keptMs = SECOND_MS * Number(headers.get('age') ?? 0);
	return Math.max(0, Number.isNaN(stoodMs) ? 0 : stoodMs, Number.isNaN(keptMs) ? 0 : keptMs);
}
