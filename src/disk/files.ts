import {
	access,
	chmod,
	chown,
	constants,
	lstat,
	mkdir,
	open,
	readdir,
	readFile,
	readlink,
	realpath,
	rename,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';

/** Who a file belongs to, and who may read it. */
export type Owned = { readonly mode: number; readonly uid: number; readonly gid: number };

/** What stands under a path, itself and not what it leads to. */
export type Seen = {
	readonly isFile: boolean;
	/** Bytes. */
	readonly size: number;
	/** Another when anything changed. */
	readonly version: string;
	/** Stays when it gets another name; another when it is written anew. */
	readonly mark: string;
};

/**
 * What files of our own are read and written with, step by step, so that a simulation can end a process between any two of them. Each
 * throws what the file system threw.
 */
export type Files = {
	read(path: string): Promise<Uint8Array>;
	/** Undefined where nothing is, or nobody can tell. */
	look(path: string): Promise<Seen | undefined>;
	/** The first bytes of a plain file that others have written: it follows no link and waits for nobody. */
	head(path: string, mostBytes: number): Promise<Uint8Array>;
	/** Not on the disk's surface before it is flushed. */
	write(path: string, content: Uint8Array | string, mode: number): Promise<void>;
	/** Waits until a file, or the names in a folder, are on the disk's surface. */
	flush(path: string): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	/** Also where nothing is. */
	remove(path: string): Promise<void>;
	/** Names. */
	list(folder: string): Promise<readonly string[]>;
	/** With those above it. */
	makeFolder(path: string, mode?: number): Promise<void>;
	ownedBy(path: string): Promise<Owned & { readonly mtimeMs: number }>;
	own(path: string, owned: Owned): Promise<void>;
	assertWritable(path: string): Promise<void>;
	/** Without links. */
	realPath(path: string): Promise<string>;
	/** What a link says. */
	linkAt(path: string): Promise<string>;
	/** With all that is in it; also where nothing is. */
	removeFolder(path: string): Promise<void>;
};

/** UTF-8. */
export const textIn = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

export const realFiles: Files = {
	read: (path) => readFile(path),
	look: async (path) => {
		const found = await lstat(path, { bigint: true }).catch(() => undefined);
		if (!found) return undefined;
		const { dev, ino, size, ctimeNs, mtimeNs } = found;
		const marks = { version: `${dev}:${ino}:${ctimeNs}`, mark: `${ino}-${mtimeNs}` };
		return { isFile: found.isFile(), size: Number(size), ...marks };
	},
	head: async (path, mostBytes) => {
		const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
		try {
			const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
			return new Uint8Array(buffer.subarray(0, bytesRead));
		} finally {
			await file.close();
		}
	},
	write: (path, content, mode) => writeFile(path, content, { mode }),
	flush: async (path) => {
		const handle = await open(path, 'r');
		try {
			await handle.sync();
		} finally {
			await handle.close();
		}
	},
	rename,
	remove: (path) => rm(path, { force: true }),
	list: (folder) => readdir(folder),
	makeFolder: async (path, mode) => void (await mkdir(path, { recursive: true, mode })),
	ownedBy: stat,
	own: async (path, { mode, uid, gid }) => {
		const owner = await stat(path);
		if (owner.uid !== uid || owner.gid !== gid) await chown(path, uid, gid);
		await chmod(path, mode & 0o7777);
	},
	assertWritable: (path) => access(path, constants.W_OK),
	realPath: (path) => realpath(path),
	linkAt: (path) => readlink(path),
	removeFolder: (path) => rm(path, { recursive: true, force: true }),
};
