import { setImmediate as turn } from 'node:timers/promises';
import type { Pace } from '../src/base/retry.js';

/** A clock that jumps to whoever sleeps the shortest, once all else has come to rest, which takes so many turns of the event loop. */
export function simulatedPace(turns = 1) {
	let nowMs = 0;
	const sleepers = new Set<{ readonly dueMs: number; readonly wake: () => void }>();
	const pause: Pace['pause'] = (ms, signal) =>
		new Promise((resolve) => {
			const sleeper = {
				dueMs: nowMs + ms,
				wake: () => {
					sleepers.delete(sleeper);
					signal.removeEventListener('abort', sleeper.wake);
					resolve();
				},
			};
			if (signal.aborted) return resolve();
			sleepers.add(sleeper);
			signal.addEventListener('abort', sleeper.wake);
		});
	/** Lets time pass until the work is done. */
	const during = async <T>(work: Promise<T>): Promise<T> => {
		let isDone = false;
		const done = work.finally(() => {
			isDone = true;
		});
		while (!isDone) {
			for (let i = 0; i < turns; i += 1) await turn();
			const [next] = [...sleepers].sort((a, b) => a.dueMs - b.dueMs);
			if (!next || isDone) continue;
			nowMs = Math.max(nowMs, next.dueMs);
			next.wake();
		}
		return done;
	};
	/** The thread is blocked. */
	const block = (ms: number): void => {
		nowMs += ms;
	};
	return { now: () => nowMs, pause, during, block };
}
