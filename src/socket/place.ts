import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** The socket's name in the folder of the journal. */
export const SOCKET = 'ask.sock';

/** What the system takes as a socket's path, in bytes, its end counted (unix(7)). */
const MOST_BYTES = 107;

/** Calls `use` with a path that the system takes: a long one is shortened through its folder, which is open meanwhile (Linux). */
export function withShortPath<T>(path: string, use: (path: string) => T): T {
	if (Buffer.byteLength(path) <= MOST_BYTES) return use(path);
	const folder = openSync(dirname(path), 'r');
	try {
		return use(`/proc/self/fd/${folder}/${basename(path)}`);
	} finally {
		closeSync(folder);
	}
}
