import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { filePath, nameFrom } from '../base/file-name.js';

/**
 * The first link in a folder, or below it, that leads out of `root`; undefined where there is none. Links within `root` are followed.
 * What cannot be looked at leads nowhere. Both are real paths.
 */
export async function linkOutOf(
	root: string,
	folder: string,
	seen: Set<string> = new Set([folder]),
): Promise<string | undefined> {
	const entries = await readdir(filePath(folder), { withFileTypes: true, encoding: 'buffer' }).catch(
		() => [],
	);
	for (const entry of entries) {
		const path = join(folder, nameFrom(entry.name));
		const real = entry.isSymbolicLink() ? await realNameOf(path) : path;
		if (real === undefined) continue;
		if (real !== root && !real.startsWith(`${root === '/' ? '' : root}/`)) return path;
		if (seen.has(real) || !(await isFolder(real, entry.isDirectory()))) continue;
		seen.add(real);
		const found = await linkOutOf(root, real, seen);
		if (found !== undefined) return found;
	}
	return undefined;
}

async function realNameOf(path: string): Promise<string | undefined> {
	return realpath(filePath(path), { encoding: 'buffer' }).then(nameFrom, () => undefined);
}

async function isFolder(path: string, isKnown: boolean): Promise<boolean> {
	if (isKnown) return true;
	return stat(filePath(path)).then(
		(found) => found.isDirectory(),
		() => false,
	);
}
