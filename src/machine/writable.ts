import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { spaceAt } from './space.js';

/** A folder that is to be written to: `absent` could be made. */
export type Place = {
	readonly folder: string;
	readonly state: 'writable' | 'absent' | 'refused';
	readonly freeBytes: number | null;
};

/** Looks without writing; of a folder that is not there, at the next one above that is. */
export async function placeAt(folder: string): Promise<Place> {
	const given = resolve(folder);
	let at = given;
	while (at !== dirname(at) && (await isAbsent(at))) at = dirname(at);
	const { freeBytes } = await spaceAt(at);
	const isOpen = await access(at, constants.W_OK | constants.X_OK).then(
		() => true,
		() => false,
	);
	const isFolder = await stat(at).then(
		(found) => found.isDirectory(),
		() => false,
	);
	const state = !isOpen || !isFolder ? 'refused' : at === given ? 'writable' : 'absent';
	return { folder: given, state, freeBytes };
}

async function isAbsent(path: string): Promise<boolean> {
	return stat(path).then(
		() => false,
		(thrown: NodeJS.ErrnoException) => thrown.code === 'ENOENT',
	);
}
