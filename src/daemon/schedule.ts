import { Failure } from '../base/failure.js';
import { type Log, logFault } from '../base/log.js';
import type { Service } from '../base/service.js';
import type { Config } from '../config/schema.js';
import type { scheduleAt } from '../schedule/cron.js';

/** What is done at set times. */
export const JOBS = ['selfCheck', 'report', 'vacuum'] as const;

type Job = (typeof JOBS)[number];

export type ScheduleSettings = Omit<Config['schedule'], 'quiet'>;

export type ScheduleWorld = {
	/** Each resolves with what was done, in words. @throws Failure why it was not; the signal's reason */
	readonly work: Readonly<Record<Job, (signal: AbortSignal) => Promise<string>>>;
	readonly at: typeof scheduleAt;
	readonly log: Log;
};

/** Begins each job at its times. One that is still at work when it is due again is not begun a second time. */
export function startSchedule(
	{ zone, ...times }: ScheduleSettings,
	{ work, at, log }: ScheduleWorld,
): Service {
	const ending = new AbortController();
	const { signal } = ending;
	const running = new Map<Job, Promise<void>>();
	const done = async (job: Job): Promise<void> => {
		try {
			log('info', 'schedule', `${job}: ${await work[job](signal)}`, 'schedule.done');
		} catch (thrown) {
			if (signal.aborted) return;
			if (thrown instanceof Failure)
				log('warning', 'schedule', `${job}: ${thrown.message}`, 'schedule.failed');
			else logFault(log, 'schedule', thrown);
		} finally {
			running.delete(job);
		}
	};
	const begin = (job: Job): void => {
		if (running.has(job))
			log('warning', 'schedule', `${job} is left out: the one before is still at work`, 'schedule.left-out');
		else running.set(job, done(job));
	};
	const tasks = JOBS.flatMap((job) => {
		const expression = times[job];
		return expression === undefined ? [] : [at(expression, job, () => begin(job), zone)];
	});
	return {
		name: 'schedule',
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			for (const task of tasks) await task[Symbol.asyncDispose]();
			await Promise.all(running.values());
		},
	};
}
