import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openToRead } from '../../src/sqlite/database.js';
import { Store } from '../../src/sqlite/store.js';

/** So long after they were recorded events may be on their way. */
const ON_THE_WAY_MS = 5000;

/** Whether a daemon has begun to keep it. */
export function hasJournal(folder: string): boolean {
	return existsSync(join(folder, 'journal.db'));
}

/** Parts that were taken before a moment of the machine's clock and have no verdict in the journal, in words. */
export function partsOwedIn(folder: string, beforeMs: number): readonly string[] {
	return read(folder, (store) =>
		store.due().flatMap(({ station, key, body }) => {
			const { part } = body as { readonly part: { readonly taken: { readonly monotonicMs: number } } };
			return part.taken.monotonicMs < beforeMs ? [`a verdict on part ${key} of ${station}`] : [];
		}),
	);
}

/** Answers that nobody was told, and events that were recorded a while before a moment of the wall clock and the broker does not have, in words. */
export function wordsOwedIn(folder: string, wallMs: number): readonly string[] {
	return read(folder, (store) => {
		const answers = store.requests.kept().flatMap(({ request, isAnswered, isSaid }) => {
			if (!isAnswered) return [`an answer to ${request}`];
			return isSaid ? [] : [`telling the answer to ${request}`];
		});
		const first = store.deliveries
			.undelivered()
			.flatMap(({ stream, ranges }) => (stream === 'events' ? ranges.map(({ from }) => from) : []));
		const events = store
			.eventsOf(first)
			.flatMap(({ id, kind, recordedMs }) =>
				recordedMs < wallMs - ON_THE_WAY_MS ? [`event ${id} (${kind}) to the broker`] : [],
			);
		return [...answers, ...events];
	});
}

function read<T>(folder: string, look: (store: Store) => T): T {
	const database = openToRead(join(folder, 'journal.db'));
	try {
		return look(new Store(database));
	} finally {
		database.close();
	}
}
