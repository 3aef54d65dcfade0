import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { sha256Of } from '../base/hash.js';
import { flush, UNFINISHED, unfinished, writeThrough } from './file.js';

/** Pictures on disk, each a file that is named by the SHA-256 of its content. */
export type Pictures = {
	/** Resolves with the hashes when all are on the disk's surface, and the names that lead to them. @throws an error of the file system */
	write(jpegs: readonly Uint8Array[]): Promise<readonly string[]>;
	/** Undefined where there is none, or not what its name says. */
	read(hash: string): Promise<Uint8Array | undefined>;
	/** Those that are not there are none that could not be removed. */
	remove(hashes: readonly string[]): Promise<void>;
	/** What lies there. */
	list(): Promise<readonly string[]>;
};

/** The folder of pictures in the folder of a journal. */
const PICTURES = 'pictures';

const ENDING = '.jpg';
const NAME = /^[0-9a-f]{64}\.jpg$/;

/** So many files are on their way to the disk at once: others need the threads that wait for it. */
const AT_ONCE = 2;

/** Where a picture of a journal lies. */
export function pictureFile(journal: string, hash: string): string {
	return join(journal, PICTURES, hash + ENDING);
}

/** @throws Failure file-unwritable when the folder cannot be made */
export async function openPictures(folder: string): Promise<Pictures> {
	const pathOf = (hash: string) => join(folder, hash + ENDING);
	try {
		await mkdir(folder, { recursive: true });
		// What a writer left unfinished which is no more.
		for (const name of await readdir(folder))
			if (name.includes(UNFINISHED)) await rm(join(folder, name), { force: true });
	} catch (thrown) {
		throw new Failure(
			'file-unwritable',
			`Cannot make folder "${folder}" for pictures: ${fileState(thrown)}`,
			'Free some space, or choose a folder that this user may write to.',
		);
	}

	const write = async (jpeg: Uint8Array): Promise<string> => {
		const hash = sha256Of(jpeg);
		const path = pathOf(hash);
		const stands = await stat(path).then(
			({ size }) => size === jpeg.length,
			() => false,
		);
		if (stands) return hash;
		const fresh = unfinished(path);
		try {
			await writeThrough(fresh, jpeg);
			await rename(fresh, path);
		} catch (thrown) {
			await rm(fresh, { force: true }).catch(() => {});
			throw thrown;
		}
		return hash;
	};

	return {
		write: async (jpegs) => {
			const hashes: string[] = [];
			for (let at = 0; at < jpegs.length; at += AT_ONCE)
				hashes.push(...(await Promise.all(jpegs.slice(at, at + AT_ONCE).map(write))));
			await flush(folder);
			return hashes;
		},
		read: async (hash) => {
			const jpeg = await readFile(pathOf(hash)).catch(() => undefined);
			return jpeg && sha256Of(jpeg) === hash ? jpeg : undefined;
		},
		remove: async (hashes) => {
			for (const hash of hashes) await rm(pathOf(hash), { force: true });
		},
		list: async () =>
			(await readdir(folder)).filter((name) => NAME.test(name)).map((name) => name.slice(0, -ENDING.length)),
	};
}
