import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Stream } from './exchange.js';
import type { Counted } from './store.js';
import type { Link } from './trail.js';

/**
 * What must outlive the database, in a file beside it: up to where numbers may have been given. Written to the disk's surface
 * before a number above it is given, in blocks, so that it costs nothing; after a clean end it is exact.
 */
export type Reserved = Counted & { readonly series: string; readonly isClean: boolean };

/**
 * What was last written, in a file that is overwritten at each commit and waits for no disk: it survives the end of a process,
 * and tells a write-ahead log that is whole from one whose end is gone.
 */
export type Last = Counted & {
	readonly series: string;
	/** What an outlet has to deliver begins there. */
	readonly delivered: readonly (readonly [stream: Stream, outlet: string, from: number])[];
	/** The end of the trail of edits. */
	readonly trail?: Link;
};

/** Numbers that are reserved at once. */
const BLOCK = 1000;

/** Undefined where there is no file, or none of ours. */
export function readReserved(path: string): Reserved | undefined {
	const found = readJson(path);
	return isCounted(found) && typeof found.isClean === 'boolean' ? (found as Reserved) : undefined;
}

/** Written beside, to the disk's surface, and put there by a rename. @throws an error of the file system */
export function writeReserved(path: string, reserved: Reserved): void {
	const fresh = `${path}.unfinished`;
	writeFileSync(fresh, `${JSON.stringify(reserved)}\n`);
	flush(fresh);
	renameSync(fresh, path);
	flush(dirname(path));
}

export function readLast(path: string): Last | undefined {
	const found = readJson(path);
	if (!isCounted(found) || !Array.isArray(found.delivered)) return undefined;
	const { trail, ...last } = found;
	return { ...last, ...(isLink(trail) && { trail }) } as Last;
}

/** Overwrites the file with what is `Last` as JSON; a longer text before it is covered with spaces. @returns its length */
export function writeLast(file: number, last: string, length: number): number {
	const text = Buffer.from(last);
	const covered = Buffer.alloc(Math.max(text.length, length), ' ');
	text.copy(covered);
	writeSync(file, covered, 0, covered.length, 0);
	return covered.length;
}

/** As much above what was given as a block. */
export function reservedAbove({ event, picture, sequences }: Counted): Counted {
	return {
		event: event + BLOCK,
		picture: picture + BLOCK,
		sequences: Object.fromEntries(
			Object.entries(sequences).map(([name, sequence]) => [name, sequence + BLOCK]),
		),
	};
}

/** Whether every number of one is at most the other's. */
export function isWithin(counted: Counted, most: Counted): boolean {
	return (
		counted.event <= most.event &&
		counted.picture <= most.picture &&
		Object.entries(counted.sequences).every(
			([name, sequence]) => sequence <= (own(most.sequences, name) ?? 0),
		)
	);
}

/** The highest of both. */
export function highest(one: Counted, other: Counted): Counted {
	const names = [...new Set([...Object.keys(one.sequences), ...Object.keys(other.sequences)])];
	return {
		event: Math.max(one.event, other.event),
		picture: Math.max(one.picture, other.picture),
		sequences: Object.fromEntries(
			names.map((name) => [name, Math.max(own(one.sequences, name) ?? 0, own(other.sequences, name) ?? 0)]),
		),
	};
}

/** What the next numbers come after. */
export type Resumption = Counted & {
	/** Numbers may have been given that the database does not show. */
	readonly isLoss: boolean;
};

/**
 * Where numbering goes on with a database that shows so much. `isWhole` is false where a part of the database is known to be
 * lost. Undefined: nothing tells which numbers were given.
 */
export function resumption(
	shown: Counted,
	isWhole: boolean,
	reserved: Reserved | undefined,
	last: Last | undefined,
): Resumption | undefined {
	if (!reserved) {
		const isLoss = last !== undefined && !isWithin(last, shown);
		return isWhole ? { ...highest(shown, last ?? shown), isLoss } : undefined;
	}
	const isShort = reserved.isClean
		? !isWithin(reserved, shown)
		: last === undefined || !isWithin(last, shown);
	return isWhole && !isShort ? { ...shown, isLoss: false } : { ...highest(shown, reserved), isLoss: true };
}

/** A value under a name, whatever else an object has. */
export const own = (record: Readonly<Record<string, number>>, name: string): number | undefined =>
	Object.hasOwn(record, name) ? record[name] : undefined;

function readJson(path: string): unknown {
	try {
		return JSON.parse(readFileSync(path, 'utf8'));
	} catch {
		return undefined;
	}
}

function isLink(value: unknown): value is Link {
	const { id, hash } = (value ?? {}) as Partial<Link>;
	return Number.isSafeInteger(id) && /^[0-9a-f]{64}$/.test(String(hash));
}

function isCounted(value: unknown): value is Counted & Readonly<Record<string, unknown>> {
	if (typeof value !== 'object' || value === null) return false;
	const { series, event, picture, sequences } = value as Readonly<Record<string, unknown>>;
	return (
		typeof series === 'string' &&
		Number.isSafeInteger(event) &&
		Number.isSafeInteger(picture) &&
		typeof sequences === 'object' &&
		sequences !== null &&
		Object.values(sequences).every(Number.isSafeInteger)
	);
}

/** Waits until a file, or the names in a folder, are on the disk's surface. */
export function flush(path: string): void {
	const file = openSync(path, 'r');
	try {
		fsyncSync(file);
	} finally {
		closeSync(file);
	}
}
