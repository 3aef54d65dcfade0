import type { Child } from '../process/child.js';

/** Processes that have begun before their turn. Disposing ends those that nobody took. */
export type Ahead<Down, Up> = AsyncDisposable & {
	/** One of them, or a new one. */
	take(): Child<Down, Up>;
};

/** Begins so many processes: they load what they need while the daemon opens what they stand on. */
export function startAhead<Down, Up>(count: number, start: () => Child<Down, Up>): Ahead<Down, Up> {
	let waiting: readonly Child<Down, Up>[] = [];
	try {
		while (waiting.length < count) waiting = [...waiting, start()];
	} catch {
		// Whoever takes it hears why it cannot.
	}
	return {
		take: () => {
			const [first, ...others] = waiting;
			waiting = others;
			return first ?? start();
		},
		[Symbol.asyncDispose]: async () => {
			const left = waiting;
			waiting = [];
			await Promise.all(left.map((child) => child.stop(0)));
		},
	};
}
