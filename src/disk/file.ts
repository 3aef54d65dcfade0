import { randomBytes } from 'node:crypto';
import { mkdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { type Files, realFiles } from './files.js';

/** Writes one file whole or not at all; `mode` says who may read it. @throws Failure file-unwritable */
export async function writeWhole(
	path: string,
	content: Uint8Array | string,
	mode = 0o666,
	files = realFiles,
): Promise<void> {
	const fresh = `${path}.unfinished`;
	try {
		await files.makeFolder(dirname(path));
		await files.remove(fresh);
		await writeThrough(fresh, content, mode, files);
		await files.rename(fresh, path);
		await files.flush(dirname(path));
	} catch (thrown) {
		await files.remove(fresh).catch(() => {});
		throw unwritable(path, fileState(thrown));
	}
}

/** Between a name and what tells its unfinished forms apart. */
export const UNFINISHED = '.unfinished-';

/** Another name beside a place, which says whose work it is: what a process that runs no more left there may go. */
export function unfinished(place: string): string {
	return `${place}${UNFINISHED}${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Writes a file that its owner alone may read, where there is none yet. @throws Failure file-unwritable */
export async function writeSecret(path: string, content: string): Promise<void> {
	try {
		await writeFile(path, content, { flag: 'wx', mode: 0o600 });
		await flush(path);
	} catch (thrown) {
		throw unwritable(path, fileState(thrown, { EEXIST: 'there is a file already' }));
	}
}

/** A disk with less room than this counts as full. */
const LEAST_ROOM = 1_000_000;

/**
 * Tries to write where a file or folder shall be, before work is spent on it: as much as shows a full disk. Leaves nothing behind.
 * @throws Failure file-unwritable
 */
export async function assertWritable(path: string): Promise<void> {
	const place = resolve(path);
	const trial = unfinished(place);
	try {
		const made = await mkdir(dirname(place), { recursive: true });
		try {
			await writeThrough(trial, new Uint8Array(LEAST_ROOM));
		} finally {
			await rm(trial, { force: true });
			if (made !== undefined) await removeEmpty(dirname(place), made);
		}
	} catch (thrown) {
		throw unwritable(path, fileState(thrown));
	}
}

/** The same for a file, which no folder can be replaced by. @throws Failure file-unwritable */
export async function assertFilePlace(path: string): Promise<void> {
	const isFolder = await stat(path).then(
		(found) => found.isDirectory(),
		() => false,
	);
	if (isFolder) throw unwritable(path, 'it is a folder');
	await assertWritable(path);
}

/** Folders that hold nothing, from `deepest` up to `highest`. */
async function removeEmpty(deepest: string, highest: string): Promise<void> {
	for (let folder = deepest; folder.length >= highest.length; folder = dirname(folder))
		await rmdir(folder).catch(() => {});
}

function unwritable(path: string, state: string): Failure {
	return new Failure(
		'file-unwritable',
		`Cannot write "${path}": ${state}`,
		'Free some space or choose another place.',
	);
}

/** Waits until a file, or the names in a folder, are on the disk's surface. */
export const flush = (path: string): Promise<void> => realFiles.flush(path);

/** Writes a file to the disk's surface. */
export async function writeThrough(
	path: string,
	content: Uint8Array | string,
	mode = 0o666,
	files: Files = realFiles,
): Promise<void> {
	await files.write(path, content, mode);
	await files.flush(path);
}
