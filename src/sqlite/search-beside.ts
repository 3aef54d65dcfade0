import { Worker } from 'node:worker_threads';
import { Failure, type FailureCode } from '../base/failure.js';
import type { Tally } from '../measure/thresholds.js';
import type { Event } from '../protocol/events.js';
import type { Counts } from './counts.js';
import type { Query, ScoresQuery } from './search.js';

/** What can be looked for, and what is found. */
export type Beside = {
	readonly events: { readonly ask: { readonly query: Query }; readonly found: readonly Event[] };
	/** What thresholds would have decided on parts whose scores stand in the journal. */
	readonly scores: {
		readonly ask: { readonly query: ScoresQuery; readonly thresholds: readonly number[] };
		readonly found: ScoresFound;
	};
	/** What was judged since the newest report. */
	readonly counts: { readonly ask: object; readonly found: Counts };
};

/** `fromMs` and `toMs`: of the oldest part and the newest; null of none. `isMore`: there may be older ones. */
export type ScoresFound = Tally & {
	readonly fromMs: number | null;
	readonly toMs: number | null;
	readonly isMore: boolean;
};

export type BesideAsk = {
	readonly folder: string;
	readonly search: { [K in keyof Beside]: { readonly kind: K } & Beside[K]['ask'] }[keyof Beside];
};

export type BesideSaid =
	| { readonly found: Beside[keyof Beside]['found'] }
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
export async function searchBeside<K extends keyof Beside>(
	folder: string,
	search: { readonly kind: K } & Beside[K]['ask'],
	signal: AbortSignal,
): Promise<Beside[K]['found']> {
	signal.throwIfAborted();
	const worker = new Worker(new URL('./search-thread.js', import.meta.url), {
		name: 'search',
		workerData: { folder, search },
	});
	const end = () => void worker.terminate();
	signal.addEventListener('abort', end, { once: true });
	try {
		const said = await new Promise<BesideSaid>((resolve, reject) => {
			worker.once('message', resolve).once('error', reject);
			worker.once('exit', () => reject(signal.reason ?? new Error('the search ended without a word')));
		});
		if ('found' in said) return said.found;
		const { code, message, advice } = said.failure;
		throw new Failure(code, message, advice ?? undefined);
	} finally {
		signal.removeEventListener('abort', end);
		await worker.terminate();
	}
}
