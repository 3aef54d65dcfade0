import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { type Files, realFiles } from './files.js';

/** Links after one another; more is a circle. */
const MOST_LINKS = 40;

type RealFiles = Pick<Files, 'realPath' | 'linkAt'>;

/** The absolute path in which no link is left, also of what does not exist yet. @throws Failure file-unreadable */
export async function realPathOf(path: string, files: RealFiles = realFiles): Promise<string> {
	try {
		return await followed(resolve(path), MOST_LINKS, files);
	} catch (thrown) {
		throw new Failure('file-unreadable', `Cannot follow path ${JSON.stringify(path)}: ${fileState(thrown)}`);
	}
}

async function followed(path: string, left: number, files: RealFiles): Promise<string> {
	try {
		return await files.realPath(path);
	} catch (thrown) {
		const { code = '' } = thrown as NodeJS.ErrnoException;
		if (!['ENOENT', 'ENOTDIR'].includes(code) || dirname(path) === path) throw thrown;
	}
	if (left === 0) throw new Error('it has too many links');
	// A link to what is not there yet leads there one day.
	const target = await files.linkAt(path).catch(() => undefined);
	if (target !== undefined) return followed(resolve(dirname(path), target), left - 1, files);
	return join(await followed(dirname(path), left, files), basename(path));
}
