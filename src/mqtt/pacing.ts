import type { Waiting } from './link.js';
import { publishSize } from './outlet.js';

/** How fast: in the long run, and at once after a rest. */
export type Pacing = { readonly bytesPerSecond: number; readonly burstBytes: number };

/** What a pacing needs of the world. */
export type PacingWorld = {
	/** Milliseconds of a clock that never jumps. */
	readonly now: () => number;
	/** To be asked again after so many milliseconds. */
	readonly wakeIn: (ms: number) => void;
};

/** The source, giving no more bytes than it may (a token bucket): one message may overdraw it, and the next waits for that. */
export function paced(
	source: Waiting,
	{ bytesPerSecond, burstBytes }: Pacing,
	{ now, wakeIn }: PacingWorld,
): Waiting {
	let balance = burstBytes;
	let atMs = now();
	return {
		next: (skip) => {
			const nowMs = now();
			balance = Math.min(burstBytes, balance + ((nowMs - atMs) / 1000) * bytesPerSecond);
			atMs = nowMs;
			if (balance < 0) {
				wakeIn(Math.ceil((-balance / bytesPerSecond) * 1000));
				return undefined;
			}
			const message = source.next(skip);
			if (message) balance -= publishSize(message, 1, 5);
			return message;
		},
		holds: (message) => source.holds(message),
		acknowledge: (message) => source.acknowledge(message),
		refuse: (message, why) => source.refuse(message, why),
		postpone: (message) => source.postpone(message),
		recall: () => source.recall(),
		get settled() {
			return source.settled;
		},
	};
}
