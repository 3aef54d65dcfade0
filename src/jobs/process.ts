import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { parentChannel } from '../process/parent.js';
import type { TeachDown, TeachRequest, TeachUp } from '../protocol/teach-messages.js';
import { teachFrom } from './teach.js';

/** The process of one job. Its parent tells it what to do, and hears how it goes. @throws Failure usage without a parent */
export async function job(context: Context): Promise<void> {
	const parent = parentChannel<TeachDown, TeachUp>();
	if (!parent) throw new Failure('usage', 'job is a child process of inspectord', 'Use inspectord teach.');
	const request = await new Promise<TeachRequest>((resolve) => {
		parent.onMessage((message) => resolve(message.request));
	});
	const signal = AbortSignal.any([context.signal, parent.gone]);
	try {
		const taught = await teachFrom(request, context.version, signal, (progress) => {
			void parent.send({ kind: 'progress', progress });
		});
		await parent.send({ kind: 'taught', taught });
	} catch (thrown) {
		if (signal.aborted) return;
		const { code, advice } = thrown instanceof Failure ? thrown : new Failure('teaching-failed', '');
		const message = thrown instanceof Failure ? thrown.message : String((thrown as Error)?.stack ?? thrown);
		await parent.send({ kind: 'failed', code, message, ...(advice !== undefined && { advice }) });
	} finally {
		parent.leave();
	}
}
