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
 * without an RTC battery jumps at boot), so after a jump its task is made anew; times that were leapt over are passed over. Without `zone`
 * the times are of the process's own, which Node reads once.
 */
export function scheduleAt(expression: string, name: string, task: () => void, zone?: string): Service {
	const begun = (): ScheduledTask => schedule(expression, task, zone === undefined ? {} : { timezone: zone });
	let current = begun();
	let offset = Date.now() - performance.now();
	const guard = setInterval(() => {
		const now = Date.now() - performance.now();
		if (Math.abs(now - offset) > PARTED_MS) {
			void current.destroy();
			current = begun();
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
