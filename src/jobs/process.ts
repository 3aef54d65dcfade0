import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { type Parent, parentChannel } from '../process/parent.js';
import type { TeachDown, TeachUp } from '../protocol/teach-messages.js';
import { teachFrom } from './teach.js';

/** The process of one job. Its parent tells it what to do, and hears how it goes. @throws Failure usage without a parent */
export async function job(context: Context): Promise<void> {
	const parent = parentChannel<TeachDown, TeachUp>();
	if (!parent) throw new Failure('usage', 'job is a child process of inspectord', 'Use inspectord teach.');
	const signal = AbortSignal.any([context.signal, parent.gone]);
	try {
		const message = await firstMessage(parent, signal);
		if (message?.kind !== 'teach') throw new Error(`a job that nobody knows: ${JSON.stringify(message)}`);
		const taught = await teachFrom(message.request, context.version, signal, (progress) => {
			void parent.send({ kind: 'progress', progress });
		});
		await parent.send({ kind: 'taught', taught });
	} catch (thrown) {
		// An orphan, or one that was told to end, has nobody to tell that it ends.
		if (signal.aborted && (thrown === signal.reason || thrown instanceof Failure)) return;
		await parent.send(lastWords(thrown));
	} finally {
		parent.leave();
	}
}

/** @throws the signal's reason */
function firstMessage(parent: Parent<TeachDown, TeachUp>, signal: AbortSignal): Promise<TeachDown | null> {
	return new Promise((resolve, reject) => {
		const stop = () => reject(signal.reason);
		if (signal.aborted) stop();
		signal.addEventListener('abort', stop, { once: true });
		parent.onMessage(resolve);
	});
}

function lastWords(thrown: unknown): TeachUp {
	if (!(thrown instanceof Failure))
		return { kind: 'fault', stack: String((thrown as Error)?.stack ?? thrown) };
	const { code, message, advice } = thrown;
	return { kind: 'failed', code, message, ...(advice !== undefined && { advice }) };
}
