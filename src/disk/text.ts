import { readFile } from 'node:fs/promises';
import { Failure, reasonOf } from '../base/failure.js';

/** A text file, whole. `what` names its part in the error: "configuration", "password file". @throws Failure file-unreadable */
export async function readText(path: string, what: string): Promise<string> {
	try {
		return await readFile(path, 'utf8');
	} catch (thrown) {
		const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
		const state = missing ? 'there is no such file' : reasonOf(thrown);
		throw new Failure(
			'file-unreadable',
			`Cannot read ${what} "${path}": ${state}`,
			'Check the path and the permissions.',
		);
	}
}
