import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { eitherOf } from '../base/retry.js';
import { parentChannel } from '../process/parent.js';
import type { JobDown, JobUp } from '../protocol/job-messages.js';
import { buildEngineFrom } from './engine.js';
import { runJob } from './run.js';
import { strikeFrom } from './strike.js';
import { teachFrom } from './teach.js';

/** The process of one job. Its parent tells it what to do, and hears how it goes. @throws Failure usage without a parent */
export async function job(context: Context): Promise<void> {
	const parent = parentChannel<JobDown, JobUp>();
	if (!parent)
		throw new Failure(
			'usage',
			'job is a child process of inspectord',
			'Use inspectord teach, or engine build.',
		);
	using ending = eitherOf(context.signal, parent.gone);
	try {
		await runJob(parent, ending.signal, {
			teach: (request, ...told) => teachFrom(request, context, ...told),
			strike: (request, ...told) => strikeFrom(request, context, ...told),
			engine: (request, ...told) => buildEngineFrom(request, context, ...told),
		});
	} finally {
		parent.leave();
	}
}
