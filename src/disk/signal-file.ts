import { basename, dirname, join } from 'node:path';
import { fileState } from '../base/file-state.js';
import type { Pace } from '../base/retry.js';
import type { Files } from './files.js';

/** How often it is looked whether the file is there. */
const LOOK_MS = 10;

/** Taken files that lie there at most until their parts are safe: what comes then is not waited for. */
const MOST_LYING = 64;

/** With as many that another daemon left there, or that cannot be removed: the next one stays where it is. */
export const MOST_TAKEN = 2 * MOST_LYING;

/** Who waits for the end at once: those, and whoever looks. */
export const MOST_WAITING = MOST_TAKEN + 1;

/** What the disk, or nobody, would take is tried again after this time. */
const RETRY_MS = 1000;

/** At the end they are waited for so long. */
const ENDING_MS = 2000;

/** Taken files have a name of their own each, so that the next one may come. */
const TAKEN = '.taken';

/** Resolves when the part is on disk; undefined where there is none to wait for; `later`: nobody takes it now. */
export type Safe = Promise<void> | 'later' | undefined;

/** So many milliseconds ago it appeared, at least and at most. */
export type Ago = { readonly least: number; readonly most: number };

/** What takes a file on. `taken`: the marks of those that are taken and lie there still, its own the last. */
export type SignalFile = {
	/** Its content, at most one byte more than is asked for. */
	readonly content: (bytes: Uint8Array, taken: readonly string[], ago: Ago) => Safe;
	/** The same of one of which nobody knows when it came: its part is gone. */
	readonly left: (bytes: Uint8Array, taken: readonly string[]) => Safe;
	/** Whether the part of the one with this mark is on disk. */
	readonly isKnown: (mark: string) => boolean;
	/** Something is no signal, or cannot be taken or removed now, or was put aside. */
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
	{ now, pause }: Pick<Pace, 'now' | 'pause'>,
	files: Files,
): Promise<void> {
	const lying = new Map<string, Promise<void>>();
	/** Taken files that have no part yet. */
	let stranded: readonly Taken[] = [];
	/** Somebody has looked for those of before. */
	let isSearched = false;
	/** What is there and cannot be taken. */
	let passedOver: { readonly version: string; readonly seenMs: number; readonly triedMs: number } | undefined;
	/** When nothing was there last; undefined before that. */
	let clearMs: number | undefined;
	let triedMs = now();

	const remove = async (file: string): Promise<void> => {
		await files.remove(file);
		// A file that comes back when the power goes must be known still. Not every kind of disk can tell.
		await files.flush(dirname(file)).catch(() => {});
	};
	/** Removes it when its part is safe. Until it is gone its mark must stay known. */
	const holds = (file: string, mark: string, safe: Promise<void>): void => {
		const over = async (): Promise<void> => {
			await safe;
			for (let why = ''; ; await pause(RETRY_MS, signal))
				try {
					return await remove(file);
				} catch (thrown) {
					if (signal.aborted) throw thrown;
					const state = fileState(thrown);
					if (state !== why) refused(`"${file}" cannot be removed: ${state}`);
					why = state;
				}
		};
		const done = over()
			.catch((thrown) => refused(`"${file}" cannot be removed: ${fileState(thrown)}`))
			.finally(() => lying.delete(mark));
		lying.set(mark, done);
	};
	const strand = (taken: Taken, thrown?: unknown): void => {
		if (thrown !== undefined) refused(`"${taken.file}" cannot be taken: ${fileState(thrown)}`);
		stranded = [...stranded, taken];
	};
	/** `came`: when it appeared, where that is known. */
	const hand = async (taken: Taken, came?: Came): Promise<void> => {
		const { file, mark } = taken;
		let read: Uint8Array;
		try {
			read = await contentOf(file);
		} catch (thrown) {
			return strand(taken, thrown);
		}
		const marks = [...lying.keys(), mark];
		const safe = came
			? content(read, marks, { least: now() - came.seenMs, most: now() - came.clearMs })
			: left(read, marks);
		if (safe === 'later') return strand(taken);
		if (safe && lying.size < MOST_LYING) return holds(file, mark, safe);
		await remove(file).catch(() => holds(file, mark, Promise.resolve()));
	};
	/** First those that only have to go: until they are gone they must stay known. */
	const handLeft = async (those: readonly Taken[]): Promise<void> => {
		for (const { file, mark } of those) if (isKnown(mark)) holds(file, mark, Promise.resolve());
		for (const taken of those) if (!lying.has(taken.mark)) await hand(taken);
	};
	/** What lies under the path, where that is a signal, has a name of its own then. */
	const take = async (): Promise<(Taken & { readonly came: Came | undefined }) | undefined> => {
		if (stranded.length >= MOST_LYING || lying.size >= MOST_TAKEN) return undefined;
		const lookedMs = now();
		const found = await files.look(path);
		if (found === undefined) {
			passedOver = undefined;
			clearMs = lookedMs;
			return undefined;
		}
		const before = found.version === passedOver?.version ? passedOver : undefined;
		if (before && lookedMs - before.triedMs < RETRY_MS) return undefined;
		const seenMs = before?.seenMs ?? now();
		try {
			// A link may lead to what others may not read; a pipe has no end.
			if (!found.isFile) {
				await files.rename(path, `${path}.refused`);
				refused(`it is no plain file: it was moved to "${path}.refused"`);
				return undefined;
			}
			const file = `${path}${TAKEN}-${found.mark}`;
			const came = clearMs === undefined ? undefined : { clearMs, seenMs };
			const takenMs = now();
			await files.rename(path, file);
			clearMs = takenMs;
			return { file, mark: found.mark, came };
		} catch (thrown) {
			const version = (await files.look(path))?.version;
			if (!before) refused(`it cannot be taken: ${fileState(thrown)}`);
			if (version !== undefined) passedOver = { version, seenMs, triedMs: now() };
			return undefined;
		}
	};
	/** Those that another daemon took and did not remove. */
	const leftBeside = async (): Promise<readonly Taken[]> => {
		const taken = `${basename(path)}${TAKEN}`;
		const names = await files.list(dirname(path)).catch(() => undefined);
		isSearched = names !== undefined;
		const found = (names ?? [])
			.filter((name) => name === taken || name.startsWith(`${taken}-`))
			.map(async (name) => {
				const file = join(dirname(path), name);
				const seen = await files.look(file);
				return seen?.isFile ? [{ file, mark: name.slice(taken.length + 1) || seen.mark }] : [];
			});
		const isNew = ({ mark }: Taken) => !lying.has(mark) && !stranded.some((other) => other.mark === mark);
		return (await Promise.all(found)).flat().filter(isNew);
	};
	/** What lies there and has no part yet, the oldest first. */
	const handRest = async (): Promise<void> => {
		triedMs = now();
		const found = isSearched ? [] : await leftBeside();
		const rest = [...stranded, ...found].sort((a, b) => (sinceOf(a) < sinceOf(b) ? -1 : 1));
		stranded = [];
		await handLeft(rest);
	};
	const contentOf = async (file: string): Promise<Uint8Array> => {
		const sizeOf = async () => (await files.look(file))?.size ?? 0;
		let size = -1;
		for (let found = await sizeOf(); found !== size && found <= mostBytes; found = await sizeOf()) {
			size = found;
			await pause(LOOK_MS, signal);
		}
		return files.head(file, mostBytes + 1);
	};

	await take();
	await handRest();
	while (!signal.aborted) {
		await pause(LOOK_MS, signal);
		if (signal.aborted) break;
		const taken = await take();
		if (taken?.came) await hand(taken, taken.came);
		else if (taken) await handLeft([taken]);
		const isRest = stranded.length > 0 || !isSearched;
		if (isRest && now() - triedMs >= RETRY_MS) await handRest();
	}
	const over = new AbortController();
	await Promise.race([Promise.all(lying.values()), pause(ENDING_MS, over.signal)]);
	over.abort();
}

type Taken = { readonly file: string; readonly mark: string };

/** When it was written, in nanoseconds. */
const sinceOf = ({ mark }: Taken): bigint => BigInt(/-(\d+)$/.exec(mark)?.[1] ?? 0);

/** Nothing was there, and something was. */
type Came = { readonly clearMs: number; readonly seenMs: number };
