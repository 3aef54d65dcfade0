import { join } from 'node:path';
import type { Log } from '../base/log.js';
import type { Service } from '../base/service.js';
import { tryFolder, unwritable } from '../disk/place.js';
import type { Clock } from '../protocol/verdict.js';
import { type Journal, type JournalSettings, openJournal } from '../sqlite/journal.js';
import { assertKnown } from '../sqlite/search.js';
import { type Edges, realEdges } from './edges.js';
import { createRecorder, type Recorder } from './record.js';

export type RecordsSettings = Pick<JournalSettings, 'folder' | 'box' | 'bounds'>;

/** The open journal, and the door into it. */
export type Records = Service & {
	/** Where the journal lies. */
	readonly folder: string;
	readonly journal: Journal;
	readonly record: Recorder;
	/** Whether the wall clock can be trusted now. */
	readonly clock: () => Clock;
};

export type RecordsWorld = {
	/** What nobody may read in it; the list may grow. */
	readonly secrets: readonly string[];
	readonly log: Log;
	readonly edges?: Edges;
};

/** At the end, what was handed over gets so long to arrive. */
const SETTLE_MS = 2000;

/** Whether a journal can be kept there; makes nothing. @returns what was found, in words @throws Failure file-unwritable, journal-newer */
export async function tryRecords({ folder }: Pick<RecordsSettings, 'folder'>): Promise<string> {
	await tryFolder(folder);
	assertKnown(folder);
	return `folder "${folder}" can hold the journal`;
}

/** Opens the journal, and settles what the last daemon owed. @throws Failure journal-busy, file-unwritable */
export async function openRecords(
	{ folder, ...settings }: RecordsSettings,
	{ secrets, log, edges = realEdges }: RecordsWorld,
): Promise<Records> {
	await edges.makeFolder(folder);
	const shown = join(folder, 'pictures');
	const { pace, timers, wallClock, startWriter } = edges;
	const pictures = await edges.openPictures(shown).catch((thrown) => {
		throw unwritable(shown, thrown);
	});
	const journal = await openJournal(
		{ folder, pictures, wallClock, pace, timers, startWriter, ...settings },
		log,
	);
	const watch = edges.watchClock();
	const record = createRecorder({ journal, secrets, clock: () => watch.clock, ...pace, log });
	await record.settleOwed();
	return {
		name: 'journal',
		folder,
		journal,
		record,
		clock: () => watch.clock,
		[Symbol.asyncDispose]: async () => {
			await record.settled(SETTLE_MS);
			await watch[Symbol.asyncDispose]();
			await journal[Symbol.asyncDispose]();
		},
	};
}
