import { Failure } from '../base/failure.js';
import { orAborted } from '../base/retry.js';
import type { Parent } from '../process/parent.js';
import type { JobDown, JobKind, Jobs, JobUp } from '../protocol/job-messages.js';

/** What does each kind of job. */
export type JobWorks = {
	readonly [K in JobKind]: (
		request: Jobs[K]['request'],
		signal: AbortSignal,
		report: (progress: Jobs[K]['progress']) => void,
	) => Promise<Jobs[K]['result']>;
};

type JobParent = Pick<Parent<JobDown, JobUp>, 'send' | 'onMessage'>;

/** One job, from what its parent tells to its last word. */
export async function runJob(parent: JobParent, signal: AbortSignal, works: JobWorks): Promise<void> {
	try {
		const first = new Promise<JobDown | null>((resolve) => parent.onMessage(resolve));
		const message = await orAborted(first, signal);
		await parent.send({ kind: 'done', result: await done(message, works, signal, parent) });
	} catch (thrown) {
		// An orphan, or one that was told to end, has nobody to tell that it ends.
		if (signal.aborted && (thrown === signal.reason || thrown instanceof Failure)) return;
		await parent.send(lastWords(thrown));
	}
}

/** @throws whatever the job meets; Error for one that nobody knows */
function done<K extends JobKind>(
	message: JobDown<K> | null,
	works: JobWorks,
	signal: AbortSignal,
	parent: JobParent,
): Promise<Jobs[K]['result']> {
	if (!Object.hasOwn(works, message?.kind ?? ''))
		throw new Error(`a job that nobody knows: ${JSON.stringify(message)}`);
	const { kind, request } = message as { readonly kind: K; readonly request: Jobs[K]['request'] };
	return works[kind](request, signal, (progress) => {
		void parent.send({ kind: 'progress', progress });
	});
}

function lastWords(thrown: unknown): JobUp {
	if (!(thrown instanceof Failure))
		return { kind: 'fault', stack: String((thrown as Error)?.stack ?? thrown) };
	const { code, message, advice } = thrown;
	return { kind: 'failed', code, message, ...(advice !== undefined && { advice }) };
}
