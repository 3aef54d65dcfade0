import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Failure } from '../base/failure.js';
import { filePath, nameFrom, shownPath } from '../base/file-name.js';
import { fileState } from '../base/file-state.js';
import { isLeftBehind } from './folder-names.js';

const EXTENSIONS: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp']);
export const LOOKED_FOR = 'png, jpg, jpeg, bmp, tif, tiff or webp files, in folders below it too';

/** A folder with the pictures and folders in it, in natural order (2 before 10). */
export type PictureFolder = {
	readonly name: string;
	readonly dir: string;
	readonly entries: readonly ({ readonly name: string } | PictureFolder)[];
	/** What lies in it and below that was left there by systems. */
	readonly leftOut: readonly string[];
};

/**
 * Reads a folder and those below it. Hidden ones, and what systems leave behind, are left out; links are followed, but not back to a
 * folder above. Names that are not UTF-8 come as `nameFrom` writes them.
 * @throws Failure file-unreadable
 */
export async function readPictureFolder(
	dir: string,
	name = '',
	above: readonly string[] = [],
): Promise<PictureFolder> {
	const here = await realpath(filePath(dir)).catch(() => dir);
	const found = await entriesOf(dir);
	const entries: ({ name: string } | PictureFolder)[] = [];
	const leftOut = found
		.filter((entry) => isLeftBehind(entry.name) && isTold(entry))
		.map((entry) => entry.name);
	for (const entry of found) {
		if (isLeftBehind(entry.name)) continue;
		if (!entry.isFolder) {
			if (isPicture(entry.name)) entries.push({ name: entry.name });
			continue;
		}
		const inner = join(dir, entry.name);
		const real = await realpath(filePath(inner)).catch(() => inner);
		if (real === here || above.includes(real)) continue;
		const folder = await readPictureFolder(inner, entry.name, [...above, here]);
		entries.push(folder);
		leftOut.push(...folder.leftOut);
	}
	return { name, dir, entries, leftOut };
}

/** The folders in it, those without pictures too. */
export function foldersIn({ entries }: PictureFolder): PictureFolder[] {
	return entries.filter((entry): entry is PictureFolder => 'entries' in entry);
}

/** The names of the pictures that lie in the folder itself. */
export function picturesIn({ entries }: PictureFolder): string[] {
	return entries.filter((entry) => !('entries' in entry)).map(({ name }) => name);
}

/** Paths relative to it of all pictures in and below it. */
export function picturesBelow({ entries }: PictureFolder): string[] {
	return entries.flatMap((entry) =>
		'entries' in entry ? picturesBelow(entry).map((inner) => join(entry.name, inner)) : [entry.name],
	);
}

/** What was left out, as a line to be told; undefined where nothing was. */
export function leftOutOf({ dir, leftOut }: PictureFolder): string | undefined {
	if (leftOut.length === 0) return undefined;
	const [names, more] = [[...new Set(leftOut)], new Set(leftOut).size - 5];
	const shown = names.slice(0, 5).map((name) => `"${shownPath(name)}"`);
	return `left out of "${shownPath(dir)}" what systems leave in folders: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A path without the extension of its file. */
export function stemOf(path: string): string {
	return path.slice(0, path.length - extname(path).length);
}

function isPicture(name: string): boolean {
	return EXTENSIONS.has(extname(name).toLowerCase());
}

/** Hidden files are many; those that look like pictures, and what is not hidden, are worth a word. */
function isTold({ name, isFolder }: Entry): boolean {
	return !name.startsWith('.') || (!isFolder && isPicture(name)) || name === '.ipynb_checkpoints';
}

type Entry = { readonly name: string; readonly isFolder: boolean };

/** In natural order. A link that leads nowhere counts as a file, so that whoever reads it says so. */
async function entriesOf(dir: string): Promise<Entry[]> {
	try {
		const found = await readdir(filePath(dir), { withFileTypes: true, encoding: 'buffer' });
		const listed = await Promise.all(
			found.map(async (entry): Promise<Entry> => {
				const name = nameFrom(entry.name);
				const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(dir, name)) : entry.isDirectory();
				return { name, isFolder };
			}),
		);
		return listed.sort((a, b) => naturalOrder(a.name, b.name));
	} catch (thrown) {
		throw new Failure(
			'file-unreadable',
			`Cannot read folder "${shownPath(dir)}": ${fileState(thrown, OF_A_FOLDER)}`,
			'Name a folder of images.',
			{ cause: thrown },
		);
	}
}

async function leadsToFolder(path: string): Promise<boolean> {
	return stat(filePath(path)).then(
		(found) => found.isDirectory(),
		() => false,
	);
}

const collator = new Intl.Collator('en', { numeric: true });

function naturalOrder(a: string, b: string): number {
	return collator.compare(a, b) || (a < b ? -1 : 1);
}

const OF_A_FOLDER = { ENOENT: 'there is no such folder', ENOTDIR: 'it is not a folder' };
