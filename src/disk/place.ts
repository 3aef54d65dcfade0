import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';

/** Makes a folder, with those above it. @throws Failure file-unwritable */
export async function makeFolder(path: string): Promise<void> {
	await mkdir(path, { recursive: true }).catch((thrown) => {
		throw unwritable(path, thrown);
	});
}

/** Whether a folder could be made and written to; makes nothing. @throws Failure file-unwritable */
export async function tryFolder(path: string): Promise<void> {
	try {
		let at = resolve(path);
		let found = await statOf(at);
		while (!found) {
			at = dirname(at);
			found = await statOf(at);
		}
		if (!found.isDirectory())
			throw Object.assign(new Error(), { code: at === resolve(path) ? 'EEXIST' : 'ENOTDIR' });
		await access(at, constants.W_OK | constants.X_OK);
	} catch (thrown) {
		throw unwritable(path, thrown);
	}
}

/** What the file system threw, in words. */
export function unwritable(path: string, thrown: unknown): Failure {
	return new Failure(
		'file-unwritable',
		`Cannot write folder "${path}": ${fileState(thrown)}`,
		'Check the path and the permissions.',
	);
}

/** Undefined where nothing is. */
async function statOf(path: string) {
	try {
		return await stat(path);
	} catch (thrown) {
		if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw thrown;
	}
}
