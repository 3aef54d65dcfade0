import { mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';

/** Between a folder's name and what tells its unfinished forms apart. */
const UNFINISHED = '.unfinished-';
const REPLACED = '.replaced-';

/**
 * Writes a folder of files whole or not at all: beside its place, to the disk's surface, then by a rename. A folder that
 * stands there already is replaced; what interrupted writers left is removed.
 * @throws Failure file-unwritable; nothing has changed then
 */
export async function writeFolder(
	dir: string,
	files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
	const parent = dirname(dir);
	let fresh: string | undefined;
	try {
		await mkdir(parent, { recursive: true });
		await sweep(dir);
		fresh = await mkdtemp(join(parent, basename(dir) + UNFINISHED));
		for (const [name, content] of Object.entries(files)) await writeThrough(join(fresh, name), content);
		await flush(fresh);
		await swap(fresh, dir);
		await flush(parent);
	} catch (thrown) {
		if (fresh) await rm(fresh, { recursive: true, force: true }).catch(() => {});
		throw new Failure(
			'file-unwritable',
			`Cannot write folder "${dir}": ${reasonOf(thrown)}`,
			'Free some space or choose another place.',
		);
	}
}

/** Writes one file whole or not at all. @throws Failure file-unwritable */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
	const fresh = path + UNFINISHED;
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

async function swap(fresh: string, dir: string): Promise<void> {
	const old = dir + REPLACED + process.pid;
	const stands = await stat(dir).then(
		() => true,
		() => false,
	);
	if (stands) await rename(dir, old);
	try {
		await rename(fresh, dir);
	} catch (thrown) {
		if (stands) await rename(old, dir);
		throw thrown;
	}
	if (stands) await rm(old, { recursive: true, force: true });
}

/** Removes unfinished writes; a folder that was moved aside when the machine stopped comes back. */
async function sweep(dir: string): Promise<void> {
	const [parent, name] = [dirname(dir), basename(dir)];
	for (const entry of await readdir(parent)) {
		if (entry.startsWith(name + UNFINISHED)) await rm(join(parent, entry), { recursive: true, force: true });
		if (entry.startsWith(name + REPLACED)) {
			const stands = await stat(dir).then(
				() => true,
				() => false,
			);
			if (stands) await rm(join(parent, entry), { recursive: true, force: true });
			else await rename(join(parent, entry), dir);
		}
	}
}

async function writeThrough(path: string, content: Uint8Array | string): Promise<void> {
	await writeFile(path, content);
	await flush(path);
}

async function flush(path: string): Promise<void> {
	const handle = await open(path, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
