import type { Pace } from '../base/retry.js';

export type ProvingWorld = {
	/** What stands in the file; null where something else runs for a while. */
	readonly standing: () => string | null;
	/** Whether all that was wanted does its work now. */
	readonly isWell: () => boolean;
	/** @returns whether that is noted: a disk may take nothing, and keeps nobody from running or ending */
	readonly prove: (rev: string) => Promise<boolean>;
	/** It ends in order. */
	readonly forget: () => Promise<boolean>;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
};

/** A box that has run with a revision for so long has not been brought down by it. */
const LONG_MS = 300_000;

const LOOK_MS = 5000;

/** A revision is proven when a box has run with it for five minutes, or has ended in order while all was well. */
export function startProving({ standing, isWell, prove, forget, pace }: ProvingWorld): AsyncDisposable {
	const ending = new AbortController();
	const run = async (): Promise<void> => {
		let rev = standing();
		let sinceMs = pace.now();
		let isProven = false;
		while (!ending.signal.aborted) {
			await pace.pause(LOOK_MS, ending.signal);
			if (standing() !== rev) {
				rev = standing();
				sinceMs = pace.now();
				isProven = false;
			}
			if (rev === null || isProven || pace.now() - sinceMs < LONG_MS) continue;
			isProven = await prove(rev);
		}
	};
	const running = run();
	return {
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await running;
			const rev = standing();
			if (rev !== null && isWell()) await prove(rev);
			await forget();
		},
	};
}
