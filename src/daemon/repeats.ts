import { type Backoff, backoffMs, type Pace } from '../base/retry.js';

/** What failed for a reason that may pass, by name: each is tried again after a while, which doubles. */
export type Repeats = {
	/** @returns how often it has failed in a row, and how long from now it is tried again */
	failed(name: string): { readonly times: number; readonly waitMs: number };
	/** It had failed so often before this process began. */
	resume(name: string, times: number): { readonly waitMs: number };
	isDue(name: string): boolean;
	forget(name: string): void;
};

/** `most` of them are remembered: beyond that the oldest go, and are not due. */
export function createRepeats(backoff: Backoff, most: number, pace: Pick<Pace, 'now' | 'chance'>): Repeats {
	const known = new Map<string, { readonly times: number; readonly dueMs: number }>();
	const resume = (name: string, times: number) => {
		const waitMs = backoffMs(backoff, times, pace.chance());
		known.delete(name);
		known.set(name, { times, dueMs: pace.now() + waitMs });
		if (known.size > most) known.delete(known.keys().next().value!);
		return { waitMs };
	};
	return {
		failed: (name) => {
			const times = (known.get(name)?.times ?? 0) + 1;
			return { times, ...resume(name, times) };
		},
		resume,
		isDue: (name) => pace.now() >= (known.get(name)?.dueMs ?? Number.POSITIVE_INFINITY),
		forget: (name) => void known.delete(name),
	};
}
