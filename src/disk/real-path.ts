import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';

/** Links after one another; more is a circle. */
const MOST_LINKS = 40;

/** The absolute path in which no link is left, also of what does not exist yet. @throws Failure file-unreadable */
export async function realPathOf(path: string): Promise<string> {
	try {
		return await followed(resolve(path), MOST_LINKS);
	} catch (thrown) {
		throw new Failure('file-unreadable', `Cannot follow path ${JSON.stringify(path)}: ${fileState(thrown)}`);
	}
}

async function followed(path: string, left: number): Promise<string> {
	try {
		return await realpath(path);
	} catch (thrown) {
		const { code = '' } = thrown as NodeJS.ErrnoException;
		if (!['ENOENT', 'ENOTDIR'].includes(code) || dirname(path) === path) throw thrown;
	}
	if (left === 0) throw new Error('it has too many links');
	// A link to what is not there yet leads there one day.
	const target = await readlink(path).catch(() => undefined);
	if (target !== undefined) return followed(resolve(dirname(path), target), left - 1);
	return join(await followed(dirname(path), left), basename(path));
}
