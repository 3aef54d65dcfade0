import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { eitherOf } from '../base/retry.js';
import { type Parent, parentChannel } from '../process/parent.js';
import type { JobDown, JobKind, Jobs, JobUp } from '../protocol/job-messages.js';
import { buildEngineFrom } from './engine.js';
import { strikeFrom } from './strike.js';
import { teachFrom } from './teach.js';

const jobs: {
	readonly [K in JobKind]: (
		request: Jobs[K]['request'],
		context: Context,
		signal: AbortSignal,
		report: (progress: Jobs[K]['progress']) => void,
	) => Promise<Jobs[K]['result']>;
} = { teach: teachFrom, strike: strikeFrom, engine: buildEngineFrom };

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
	const { signal } = ending;
	try {
		const message = await firstMessage(parent, signal);
		await parent.send({ kind: 'done', result: await done(message, context, signal, parent) });
	} catch (thrown) {
		// An orphan, or one that was told to end, has nobody to tell that it ends.
		if (signal.aborted && (thrown === signal.reason || thrown instanceof Failure)) return;
		await parent.send(lastWords(thrown));
	} finally {
		parent.leave();
	}
}

/** @throws whatever the job meets; Error for one that nobody knows */
function done<K extends JobKind>(
	message: JobDown<K> | null,
	context: Context,
	signal: AbortSignal,
	parent: Parent<JobDown, JobUp>,
): Promise<Jobs[K]['result']> {
	if (!Object.hasOwn(jobs, message?.kind ?? ''))
		throw new Error(`a job that nobody knows: ${JSON.stringify(message)}`);
	const { kind, request } = message as { readonly kind: K; readonly request: Jobs[K]['request'] };
	return jobs[kind](request, context, signal, (progress) => {
		void parent.send({ kind: 'progress', progress });
	});
}

/** @throws the signal's reason */
function firstMessage(parent: Parent<JobDown, JobUp>, signal: AbortSignal): Promise<JobDown | null> {
	return new Promise((resolve, reject) => {
		const stop = () => reject(signal.reason);
		if (signal.aborted) stop();
		signal.addEventListener('abort', stop, { once: true });
		parent.onMessage(resolve);
	});
}

function lastWords(thrown: unknown): JobUp {
	if (!(thrown instanceof Failure))
		return { kind: 'fault', stack: String((thrown as Error)?.stack ?? thrown) };
	const { code, message, advice } = thrown;
	return { kind: 'failed', code, message, ...(advice !== undefined && { advice }) };
}
