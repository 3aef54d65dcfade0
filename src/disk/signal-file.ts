import { constants, type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf } from '../base/failure.js';
import type { Pace } from '../base/retry.js';
import { flush } from './file.js';

/** How often it is looked whether the file is there. */
const LOOK_MS = 10;

/** Taken files that lie there at most until their parts are safe: what comes then is not waited for. */
const MOST_LYING = 64;

/** At the end they are waited for so long. */
const ENDING_MS = 2000;

/** Taken files have a name of their own each, so that the next one may come. */
const TAKEN = '.taken';

/** Resolves when the part is on disk; undefined where there is none to wait for. */
export type Safe = Promise<void> | undefined;

/** What takes a file on. `taken`: the marks of those that are taken and lie there still, its own the last. */
export type SignalFile = {
	/** Its content, at most one byte more than is asked for. */
	readonly content: (bytes: Uint8Array, taken: readonly string[]) => Safe;
	/** The same of one that lay there when nobody looked: its part is gone. */
	readonly left: (bytes: Uint8Array, taken: readonly string[]) => Safe;
	/** Whether the part of the one with this mark is on disk. */
	readonly isKnown: (mark: string) => boolean;
	/** Something stands there that is no signal; it was put aside where that could be done. */
	readonly refused: (why: string) => void;
};

/**
 * Takes every file that appears under a path, until the signal is aborted; it is removed when its part is on disk, so that it can be
 * found again. A file may be written in place: it is taken when it has not grown for a moment.
 */
export async function watchSignalFile(
	path: string,
	mostBytes: number,
	{ content, left, isKnown, refused }: SignalFile,
	signal: AbortSignal,
	{ pause }: Pick<Pace, 'pause'>,
): Promise<void> {
	const lying = new Map<string, Promise<void>>();
	/** What is there and is not taken. */
	let passedOver: string | undefined;

	const remove = async (file: string): Promise<void> => {
		await rm(file, { force: true });
		// A file that comes back when the power goes must be known still. Not every kind of disk can tell.
		await flush(dirname(file)).catch(() => {});
	};
	const holds = (file: string, mark: string, safe: Promise<void>): void => {
		const over = safe
			.then(() => remove(file))
			.catch((thrown) => refused(`"${file}" cannot be removed: ${reasonOf(thrown)}`))
			.finally(() => lying.delete(mark));
		lying.set(mark, over);
	};
	const hand = async ({ file, mark }: Taken, to: SignalFile['content']): Promise<void> => {
		const read = await contentOf(file, mostBytes, () => pause(LOOK_MS, signal));
		const safe = to(read, [...lying.keys(), mark]);
		if (safe && lying.size < MOST_LYING) holds(file, mark, safe);
		else await remove(file);
	};
	/** Does it with what lies under the path, where that is a signal. */
	const taking = async (work: (taken: Taken) => Promise<void>): Promise<void> => {
		const found = await look(path);
		if (found === undefined || found.version === passedOver) {
			passedOver = found?.version;
			return;
		}
		try {
			// A link may lead to what others may not read; a pipe has no end.
			if (!found.isFile) {
				await rename(path, `${path}.refused`);
				refused(`it is no plain file: it was moved to "${path}.refused"`);
				return;
			}
			const file = `${path}${TAKEN}-${found.mark}`;
			await rename(path, file);
			await work({ file, mark: found.mark });
		} catch (thrown) {
			passedOver = await look(path).then(
				(now) => now?.version,
				() => undefined,
			);
			refused(`it cannot be taken: ${reasonOf(thrown)}`);
		}
	};

	await taking(async () => {});
	const before = await leftBeside(path);
	// First those that only have to go: until they are gone they must stay known.
	for (const { file, mark } of before) if (isKnown(mark)) holds(file, mark, Promise.resolve());
	for (const taken of before.filter(({ mark }) => !lying.has(mark)))
		await hand(taken, left).catch((thrown) =>
			refused(`"${taken.file}" cannot be taken: ${reasonOf(thrown)}`),
		);
	while (!signal.aborted) {
		await pause(LOOK_MS, signal);
		if (!signal.aborted) await taking((taken) => hand(taken, content));
	}
	const over = new AbortController();
	await Promise.race([Promise.all(lying.values()), pause(ENDING_MS, over.signal)]);
	over.abort();
}

type Taken = { readonly file: string; readonly mark: string };

type Found = {
	readonly isFile: boolean;
	/** Another when anything changed. */
	readonly version: string;
	/** Stays when it gets another name; another when it is written anew. */
	readonly mark: string;
};

/** Undefined where nothing is. */
async function look(path: string): Promise<Found | undefined> {
	const found = await lstat(path, { bigint: true }).catch(() => undefined);
	if (!found) return undefined;
	const { dev, ino, ctimeNs, mtimeNs } = found;
	return { isFile: found.isFile(), version: `${dev}:${ino}:${ctimeNs}`, mark: `${ino}-${mtimeNs}` };
}

/** Taken files that were not removed, the oldest first. */
async function leftBeside(path: string): Promise<readonly Taken[]> {
	const taken = `${basename(path)}${TAKEN}`;
	const names = await readdir(dirname(path)).catch(() => []);
	const left = names
		.filter((name) => name === taken || name.startsWith(`${taken}-`))
		.map(async (name) => {
			const file = join(dirname(path), name);
			const found = await look(file);
			return found?.isFile ? [{ file, mark: name.slice(taken.length + 1) || found.mark }] : [];
		});
	const since = (mark: string) => BigInt(/-(\d+)$/.exec(mark)?.[1] ?? 0);
	return (await Promise.all(left)).flat().sort((a, b) => (since(a.mark) < since(b.mark) ? -1 : 1));
}

async function contentOf(path: string, mostBytes: number, pause: () => Promise<void>): Promise<Uint8Array> {
	const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		let size = -1;
		for (let found = await sizeOf(file); found !== size && found <= mostBytes; found = await sizeOf(file)) {
			size = found;
			await pause();
		}
		const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes + 1), 0, mostBytes + 1, 0);
		return new Uint8Array(buffer.subarray(0, bytesRead));
	} finally {
		await file.close();
	}
}

async function sizeOf(file: FileHandle): Promise<number> {
	return (await file.stat()).size;
}
