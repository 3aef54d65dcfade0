import { existsSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { type Database, openLock, troubleOf } from './database.js';

/** The lock of a journal: one program at a time writes to it. @throws Failure journal-busy, file-unwritable, library-unusable */
export function lockOf(folder: string): Database {
	const path = join(folder, 'journal.lock');
	try {
		return openLock(path);
	} catch (thrown) {
		if (thrown instanceof Failure) throw thrown;
		// What is read is held by nobody.
		if (troubleOf(thrown) === 'damaged' && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) {
			truncateSync(path);
			return lockOf(folder);
		}
		if (troubleOf(thrown) !== 'busy') throw unwritable(path, thrown);
		throw new Failure(
			'journal-busy',
			`Cannot open journal "${folder}": another program writes to it`,
			'End the other inspectord, or give this one a folder of its own.',
		);
	}
}

/** For whoever is about to open the journal, before anything else is done. @throws Failure journal-busy, file-unwritable */
export function assertUnlocked(folder: string): void {
	if (existsSync(join(folder, 'journal.lock'))) lockOf(folder).close();
}

/** What the file system threw, in words. */
export function unwritable(path: string, thrown: unknown): Failure {
	return new Failure(
		'file-unwritable',
		`Cannot write "${path}": ${reasonOf(thrown)}`,
		'Free some space, or choose a folder that this user may write to.',
	);
}
