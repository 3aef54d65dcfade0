import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from './file.js';

/**
 * Writes a file whole or not at all to a folder that holds `most` of them: the first by name go, this one stays. @returns its path
 * @throws Failure file-unwritable
 */
export async function writeRecent(
	folder: string,
	name: string,
	content: Uint8Array,
	most: number,
): Promise<string> {
	const path = join(folder, name);
	await writeWhole(path, content);
	const others = (await readdir(folder)).filter((other) => other !== name).sort();
	for (const old of others.slice(0, Math.max(0, others.length + 1 - most)))
		await rm(join(folder, old), { force: true });
	return path;
}
