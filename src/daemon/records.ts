import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.js';
import { realPace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { openPictures } from '../disk/pictures.js';
import { watchClock } from '../machine/clock.js';
import { type Journal, openJournal } from '../sqlite/journal.js';
import { createRecorder, type Recorder } from './record.js';

export type RecordsSettings = { readonly folder: string };

/** The open journal, and the door into it. */
export type Records = Service & { readonly journal: Journal; readonly record: Recorder };

export type RecordsWorld = {
	/** What nobody may read in it; the list may grow. */
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** At the end, what was handed over gets so long to arrive. */
const SETTLE_MS = 2000;

/** Opens the journal, and settles what the last daemon owed. @throws Failure journal-busy, file-unwritable */
export async function openRecords(
	{ folder }: RecordsSettings,
	{ secrets, log }: RecordsWorld,
): Promise<Records> {
	await mkdir(folder, { recursive: true });
	const pictures = await openPictures(join(folder, 'pictures'));
	const journal = await openJournal({ folder, pictures }, log);
	const clock = watchClock();
	const { now } = realPace;
	const record = createRecorder({ journal, secrets, clock: () => clock.clock, now, log });
	await record.settleOwed();
	return {
		name: 'journal',
		journal,
		record,
		[Symbol.asyncDispose]: async () => {
			await record.settled(SETTLE_MS);
			await clock[Symbol.asyncDispose]();
			await journal[Symbol.asyncDispose]();
		},
	};
}
