import { join } from 'node:path';
import type { Log } from '../../src/base/log.js';
import { openPictures } from '../../src/disk/pictures.js';
import type { Entry } from '../../src/protocol/events.js';
import { type Journal, type JournalSettings, openJournal } from '../../src/sqlite/journal.js';

/** The journal of a folder, as the daemon opens it; `lines` hears its log. */
export async function journalIn(
	folder: string,
	settings: Partial<JournalSettings> = {},
	lines: string[] = [],
): Promise<Journal> {
	const log: Log = (level, about, message) => lines.push(`${level}: ${about}: ${message}`);
	const pictures = await openPictures(join(folder, 'pictures'));
	return openJournal({ folder, box: 'cell-4', pictures, ...settings }, log);
}

/** A verdict as a station gives one. */
export function verdict(station: string, more: Partial<Entry> = {}): Entry {
	return {
		kind: 'verdict',
		station,
		atMs: 1_800_000_000_000,
		verdict: 'accept',
		score: 0.25,
		part: null,
		origin: { recipe: 'lid', bundle: 'lid@1c947c1d' },
		body: { frame: '1.png' },
		...more,
	};
}

/** What the box says of a station. */
export function state(station: string | null, more: Partial<Entry> = {}): Entry {
	return {
		...verdict('', more),
		kind: 'state',
		station,
		verdict: null,
		score: null,
		body: { state: 'ready' },
		...more,
	};
}

export const ALL = { from: 0, to: Number.POSITIVE_INFINITY } as const;
