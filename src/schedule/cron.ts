import { type ScheduledTask, schedule, validate } from 'node-cron';
import type { Service } from '../base/service.js';

export function isCronExpression(text: string): boolean {
	return validate(text);
}

/** How often the clocks are compared, and how far they may part before the task is set up anew. */
const COMPARE_MS = 1000;
const PARTED_MS = 5000;

/**
 * Runs `task` at the times of a cron expression. node-cron counts through every minute of a jump of the wall clock (a Jetson
 * without an RTC battery jumps at boot), so after a jump its task is made anew.
 */
export function scheduleAt(expression: string, name: string, task: () => void): Service {
	let current: ScheduledTask = schedule(expression, task);
	let offset = Date.now() - performance.now();
	const guard = setInterval(() => {
		const now = Date.now() - performance.now();
		if (Math.abs(now - offset) > PARTED_MS) {
			void current.destroy();
			current = schedule(expression, task);
		}
		offset = now;
	}, COMPARE_MS);
	guard.unref();
	return {
		name: `schedule ${name}`,
		[Symbol.asyncDispose]: async () => {
			clearInterval(guard);
			await current.destroy();
		},
	};
}
