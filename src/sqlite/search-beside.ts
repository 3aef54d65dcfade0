import { Worker } from 'node:worker_threads';
import { Failure, type FailureCode } from '../base/failure.js';
import type { Event } from '../protocol/events.js';
import type { Query } from './search.js';

export type SearchAsk = { readonly folder: string; readonly query: Query };

export type SearchSaid =
	| { readonly events: readonly Event[] }
	| {
			readonly failure: {
				readonly code: FailureCode;
				readonly message: string;
				readonly advice: string | null;
			};
	  };

/**
 * Searches a journal in a thread of its own, so that neither its writer nor anybody here waits for the disk. Aborting ends it.
 * @throws Failure file-unreadable; the signal's reason
 */
export async function searchBeside(ask: SearchAsk, signal: AbortSignal): Promise<readonly Event[]> {
	signal.throwIfAborted();
	const worker = new Worker(new URL('./search-thread.js', import.meta.url), {
		name: 'search',
		workerData: ask,
	});
	const end = () => void worker.terminate();
	signal.addEventListener('abort', end, { once: true });
	try {
		const said = await new Promise<SearchSaid>((resolve, reject) => {
			worker.once('message', resolve).once('error', reject);
			worker.once('exit', () => reject(signal.reason ?? new Error('the search ended without a word')));
		});
		if ('events' in said) return said.events;
		const { code, message, advice } = said.failure;
		throw new Failure(code, message, advice ?? undefined);
	} finally {
		signal.removeEventListener('abort', end);
		await worker.terminate();
	}
}
