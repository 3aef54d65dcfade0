import { statfs } from 'node:fs/promises';

/** Of the file system on which a folder lies. */
export type Space = { readonly freeBytes: number | null; readonly totalBytes: number | null };

/** Free is what we may use; null where that is not told. */
export async function spaceAt(folder: string): Promise<Space> {
	try {
		const { bsize, bavail, blocks } = await statfs(folder);
		return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
	} catch {
		return { freeBytes: null, totalBytes: null };
	}
}

/** Of tmpfs and ramfs (statfs(2)): what is written there lies in memory, and is safe as soon as it is written. */
const IN_MEMORY = [0x01021994, 0x858458f6];

/** Whether a folder lies in memory and on no disk; null where that is not told. */
export async function isInMemory(folder: string): Promise<boolean | null> {
	try {
		return IN_MEMORY.includes((await statfs(folder)).type);
	} catch {
		return null;
	}
}
