import { readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** A machine's files as they lie below a folder: `/`, or a copy of another machine. Paths are absolute; links lead nowhere outside. */
export type Below = {
	/** Null where it is not there or cannot be read: files of /sys do both at any time. */
	readonly text: (path: string) => Promise<string | null>;
	/** Of a folder, sorted; empty where there is none. */
	readonly names: (path: string) => Promise<readonly string[]>;
	/** Where a path leads through all links; null where that is nowhere. */
	readonly real: (path: string) => Promise<string | null>;
};

/** As many as Linux follows (path_resolution(7)). */
const MOST_LINKS = 40;

export function below(root: string): Below {
	const absolute = (path: string) => join(root, path);
	/** Of a path whose folder has no links left: where its last part leads at once, undefined where it is no link. */
	const linkAt = async (path: string): Promise<string | undefined> => {
		try {
			return await readlink(absolute(path));
		} catch (thrown) {
			const { code } = thrown as NodeJS.ErrnoException;
			if (code === 'EINVAL') return undefined;
			throw thrown;
		}
	};
	const real = async (path: string): Promise<string | null> => {
		let at = '/';
		let links = 0;
		const parts = resolve('/', path).split('/').filter(Boolean);
		for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
			const next = resolve(at, part);
			try {
				const target = await linkAt(next);
				if (target === undefined) at = next;
				else if (++links > MOST_LINKS) return null;
				else {
					parts.unshift(...resolve(dirname(next), target).split('/').filter(Boolean));
					at = '/';
				}
			} catch {
				return null;
			}
		}
		return at;
	};
	const reached = async <T>(path: string, read: (real: string) => Promise<T>, otherwise: T): Promise<T> => {
		try {
			// The kernel follows links faster, and nothing lies above its root.
			const at = root === '/' ? path : await real(path);
			return at === null ? otherwise : await read(absolute(at));
		} catch {
			return otherwise;
		}
	};
	return {
		text: (path) => reached<string | null>(path, (at) => readFile(at, 'utf8'), null),
		names: (path) => reached<readonly string[]>(path, async (at) => (await readdir(at)).sort(), []),
		real,
	};
}

/** Device tree texts end with a zero, files of /sys with a line break. */
export const bare = (text: string | null): string | null => text?.replace(/[\0\s]+$/, '') || null;
