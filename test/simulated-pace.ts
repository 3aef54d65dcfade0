import { setImmediate as turn } from 'node:timers/promises';
import type { Pace } from '../src/base/retry.js';

/** A clock that jumps to whoever sleeps the shortest, once all else has come to rest. */
export function simulatedPace() {
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
			await turn();
			const [next] = [...sleepers].sort((a, b) => a.dueMs - b.dueMs);
			if (!next || isDone) continue;
			nowMs = Math.max(nowMs, next.dueMs);
			next.wake();
		}
		return done;
	};
	return { now: () => nowMs, pause, during };
}
