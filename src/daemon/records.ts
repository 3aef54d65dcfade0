import { join } from 'node:path';
import type { Log } from '../base/log.js';
import { realPace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { openPictures } from '../disk/pictures.js';
import { makeFolder, tryFolder, unwritable } from '../disk/place.js';
import { watchClock } from '../machine/clock.js';
import type { Clock } from '../protocol/verdict.js';
import { type Journal, type JournalSettings, openJournal } from '../sqlite/journal.js';
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
};

/** At the end, what was handed over gets so long to arrive. */
const SETTLE_MS = 2000;

/** Whether a journal can be kept there; makes nothing. @returns what was found, in words @throws Failure file-unwritable */
export async function tryRecords({ folder }: Pick<RecordsSettings, 'folder'>): Promise<string> {
	await tryFolder(folder);
	return `folder "${folder}" can hold the journal`;
}

/** Opens the journal, and settles what the last daemon owed. @throws Failure journal-busy, file-unwritable */
export async function openRecords(
	{ folder, ...settings }: RecordsSettings,
	{ secrets, log }: RecordsWorld,
): Promise<Records> {
	await makeFolder(folder);
	const shown = join(folder, 'pictures');
	const pictures = await openPictures(shown).catch((thrown) => {
		throw unwritable(shown, thrown);
	});
	const journal = await openJournal({ folder, pictures, ...settings }, log);
	const watch = watchClock();
	const { now } = realPace;
	const record = createRecorder({ journal, secrets, clock: () => watch.clock, now, log });
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
