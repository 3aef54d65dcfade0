import { Failure, type FailureCode } from '../base/failure.js';
import { startChild } from '../process/child.js';
import type { Progress, Taught, TeachDown, TeachRequest, TeachUp } from '../protocol/teach-messages.js';

/** Teaching yields to the stations that share the machine. */
const NICE = 10;

const GRACE_MS = 5000;

export type JobWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly signal: AbortSignal;
	readonly report: (progress: Progress) => void;
};

/**
 * Teaches in a child process and tells how it goes. An interruption ends the child; no half bundle is left.
 * @throws Failure of the child, child-died when it crashed, interrupted
 */
export async function teachInChild(
	request: TeachRequest,
	{ env, signal, report }: JobWorld,
): Promise<Taught> {
	const child = startChild<TeachDown, TeachUp>('job', { env, nice: NICE });
	const outcome = new Promise<Exclude<TeachUp, { kind: 'progress' }>>((resolve) => {
		child.onMessage((message) => {
			if (message.kind === 'progress') report(message.progress);
			else resolve(message);
		});
	});
	const stop = () => void child.stop(GRACE_MS);
	signal.addEventListener('abort', stop, { once: true });
	if (signal.aborted) stop();
	try {
		await child.send({ kind: 'teach', request }).catch(() => {});
		const result = await Promise.race([outcome, child.ended]);
		await child.ended;
		signal.throwIfAborted();
		if (!('kind' in result)) {
			throw new Failure(
				'child-died',
				`Cannot teach: the teaching process ended (${result.signal ?? `exit code ${result.code}`}) ${result.stderrTail}`.trim(),
				'Is there enough memory?',
			);
		}
		if (result.kind === 'failed')
			throw new Failure(result.code as FailureCode, result.message, result.advice);
		return result.taught;
	} finally {
		signal.removeEventListener('abort', stop);
	}
}
