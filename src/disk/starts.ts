import { join } from 'node:path';
import { writeWhole } from './file.js';
import { type Files, realFiles, textIn } from './files.js';

/** A start of the daemon with a revision of its configuration. */
export type Start = {
	readonly rev: string;
	/** Of the machine; null where it tells none. */
	readonly boot: string | null;
	/** Since the machine started. */
	readonly upMs: number;
	/** Wall clock. */
	readonly atMs: number;
};

/** Starts that follow one another within so long are a loop. */
const WITHIN_MS = 300_000;

/** More need not be told apart. */
const MOST_NOTED = 10;

const STARTS = 'starts.json';

/** Notes a start in the folder of the journal. @returns how many there were of its revision within five minutes, this one counted @throws Failure file-unwritable */
export async function noteStart(folder: string, start: Start, files = realFiles): Promise<number> {
	const starts = [...loopOf(await startsIn(folder, files), start), start];
	await writeWhole(join(folder, STARTS), JSON.stringify(starts.slice(-MOST_NOTED)), undefined, files);
	return starts.length;
}

/** It ended in order, or it has run for long. */
export async function forgetStarts(folder: string, files = realFiles): Promise<void> {
	await files.remove(join(folder, STARTS));
}

/** Those that make a loop with one more. */
export function loopOf(starts: readonly Start[], next: Start): readonly Start[] {
	return starts.filter((start) => start.rev === next.rev && isWithin(start, next));
}

/** By the clock that nobody sets within one start of the machine; else by the wall clock, which says nothing when it went back. */
function isWithin(start: Start, next: Start): boolean {
	const isSameBoot = start.boot !== null && start.boot === next.boot;
	return (isSameBoot ? next.upMs - start.upMs : next.atMs - start.atMs) <= WITHIN_MS;
}

async function startsIn(folder: string, files: Files): Promise<readonly Start[]> {
	try {
		const read: unknown = JSON.parse(textIn(await files.read(join(folder, STARTS))));
		return Array.isArray(read) ? read.filter(isStart) : [];
	} catch {
		return [];
	}
}

function isStart(value: unknown): value is Start {
	const { rev, upMs, atMs } = (value ?? {}) as Partial<Start>;
	return typeof rev === 'string' && Number.isFinite(upMs) && Number.isFinite(atMs);
}
