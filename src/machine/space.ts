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
