import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';

/** Writes one file whole or not at all. @throws Failure file-unwritable */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
	const fresh = `${path}.unfinished`;
	try {
		await mkdir(dirname(path), { recursive: true });
		await writeThrough(fresh, content);
		await rename(fresh, path);
		await flush(dirname(path));
	} catch (thrown) {
		await rm(fresh, { force: true }).catch(() => {});
		throw new Failure(
			'file-unwritable',
			`Cannot write "${path}": ${reasonOf(thrown)}`,
			'Free some space or choose another place.',
		);
	}
}

/** Writes a file to the disk's surface. */
export async function writeThrough(path: string, content: Uint8Array | string): Promise<void> {
	await writeFile(path, content);
	await flush(path);
}

/** Waits until a file, or the names in a folder, are on the disk's surface. */
export async function flush(path: string): Promise<void> {
	const handle = await open(path, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
