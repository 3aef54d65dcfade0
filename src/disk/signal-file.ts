import { constants, type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { reasonOf } from '../base/failure.js';
import type { Pace } from '../base/retry.js';

/** How often it is looked whether the file is there. */
const LOOK_MS = 10;

/** What takes a file on: its content, or what it is instead. */
export type SignalFile = {
	/** At most one byte more than is asked for. */
	readonly content: (bytes: Uint8Array) => void;
	/** Something stands there that is no signal; it was put aside where that could be done. */
	readonly refused: (why: string) => void;
};

/**
 * Takes every file that appears under a path, and removes it; until the signal is aborted. What lies there at the beginning is of
 * another time, and stays. A file may be written in place: it is taken when it has not grown for a moment.
 */
export async function watchSignalFile(
	path: string,
	mostBytes: number,
	{ content, refused }: SignalFile,
	signal: AbortSignal,
	{ pause }: Pick<Pace, 'pause'>,
): Promise<void> {
	const taken = `${path}.taken`;
	/** What is there and is not taken. */
	let passedOver = await identityOf(path);
	if (passedOver !== undefined)
		refused('it lay there before, and the part that it was for is gone: it stays');
	const take = async (): Promise<void> => {
		const identity = await identityOf(path);
		if (identity === undefined || identity === passedOver) {
			passedOver = identity;
			return;
		}
		try {
			// A link may lead to what others may not read; a pipe has no end.
			if (!(await lstat(path)).isFile()) {
				await rename(path, `${path}.refused`);
				refused(`it is no plain file: it was moved to "${path}.refused"`);
				return;
			}
			await rename(path, taken);
			const read = await contentOf(taken, mostBytes, () => pause(LOOK_MS, signal));
			await rm(taken);
			content(read);
		} catch (thrown) {
			passedOver = await identityOf(path).catch(() => undefined);
			refused(`it cannot be taken: ${reasonOf(thrown)}`);
		}
	};
	while (!signal.aborted) {
		await take();
		await pause(LOOK_MS, signal);
	}
}

/** Undefined where nothing is. */
async function identityOf(path: string): Promise<string | undefined> {
	const found = await lstat(path, { bigint: true }).catch(() => undefined);
	return found && `${found.dev}:${found.ino}:${found.ctimeNs}`;
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
