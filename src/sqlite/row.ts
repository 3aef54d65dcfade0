import { EVENTS, type Event, type EventKind, type Picture, type PictureRole } from '../protocol/events.js';
import type { Verdict } from '../protocol/verdict.js';
import { Damage } from './database.js';

/** What a column holds. */
export type Value = number | string | Uint8Array | null;

/** The tables whose rows are sealed, each with the letter that its seals begin with and its number of columns, the seal counted. */
export const SEALED = {
	stations: { letter: 's', columns: 4 },
	origins: { letter: 'o', columns: 3 },
	shapes: { letter: 'f', columns: 3 },
	copies: { letter: 'c', columns: 5 },
	events: { letter: 'e', columns: 13 },
	pictures: { letter: 'p', columns: 7 },
	trail: { letter: 't', columns: 5 },
} as const;
export type SealedTable = keyof typeof SEALED;

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
	let crc = byte;
	for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	return crc;
});

/** CRC-32 (IEEE 802.3) as a signed number, which takes four bytes in a column. */
function crc32(bytes: Uint8Array): number {
	let crc = -1;
	for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
	return ~crc;
}

/**
 * The last column of a row: SQLite notices a page that is no page, and not that a byte of a value is another one. It also tells
 * our rows from whatever else lies in a file that is read without its tree.
 */
export function sealOf(table: SealedTable, values: readonly Value[]): number {
	const shown = values.map((value) =>
		value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value),
	);
	return crc32(Buffer.from(`${SEALED[table].letter}\n${shown.join('\n')}`));
}

/** A row with its seal. */
export function sealed(table: SealedTable, values: readonly Value[]): Value[] {
	return [...values, sealOf(table, values)];
}

/** Whether a row is what was written. */
export function isSealed(table: SealedTable, row: readonly Value[]): boolean {
	return row.length === SEALED[table].columns && row.at(-1) === sealOf(table, row.slice(0, -1));
}

/** A text as a column keeps it: the inside of a JSON string, so that lone surrogates and NUL come back too, and equal texts stay equal. */
export function stored(text: string): string {
	return JSON.stringify(text).slice(1, -1);
}

/** The text that was stored. @throws Damage for what `stored` never made */
export function restored(text: string): string {
	return parsed(`"${text}"`) as string;
}

/** @throws Damage */
export function parsed(json: string): unknown {
	try {
		return JSON.parse(json);
	} catch {
		throw new Damage('a text in the journal is no JSON');
	}
}

/** The names of an object, with what they hold: objects as shapes, everything else as 0. */
type Shape = { readonly [name: string]: Shape } | 0;

/** Names deeper than this stand with the values, as do those of an object that has more of them than many can have in common. */
const DEEPEST = 4;
const LONGEST = 4000;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** A body in two texts: the names in it, which many bodies have in common, and its values. */
export function folded(body: object): { readonly shape: string; readonly values: string } {
	const values: unknown[] = [];
	const shapeOf = (value: unknown, depth: number): Shape => {
		if (isObject(value) && depth < DEEPEST)
			return Object.fromEntries(
				Object.entries(value).map(([name, inner]) => [name, shapeOf(inner, depth + 1)]),
			);
		values.push(value);
		return 0;
	};
	const shape = JSON.stringify(shapeOf(body, 0));
	return shape.length > LONGEST ? unshaped(body) : { shape, values: inside(values) };
}

/** A body whose names stand with its values. */
export function unshaped(body: object): { readonly shape: string; readonly values: string } {
	return { shape: '0', values: inside([body]) };
}

const inside = (values: readonly unknown[]): string => JSON.stringify(values).slice(1, -1);

/** The body that was folded. @throws Damage */
export function unfolded(shape: unknown, values: string): object {
	const leaves = parsed(`[${values}]`) as unknown[];
	let at = 0;
	const unfold = (inner: Shape): unknown =>
		inner === 0
			? leaves[at++]
			: Object.fromEntries(Object.entries(inner).map(([name, deeper]) => [name, unfold(deeper)]));
	return unfold(shape as Shape) as object;
}

/** A place is a code, and never another one's. */
const ROLES: readonly PictureRole[] = ['heatmap', 'frame'];
const VERDICTS: readonly Verdict[] = ['accept', 'reject', 'error'];

export const codeOf = (verdict: Verdict): number => VERDICTS.indexOf(verdict);

const KINDS = new Map<number, EventKind>(
	Object.entries(EVENTS).map(([kind, { code }]) => [code, kind as EventKind]),
);

/** What an event's row refers to, by number. */
export type References = {
	readonly station: number | null;
	readonly origin: number;
	readonly shape: number;
};

/** An event as its row. */
export function eventRow(
	event: Omit<Event, 'origin' | 'body' | 'station'>,
	values: string,
	{ station, origin, shape }: References,
): Value[] {
	return sealed('events', [
		event.id,
		EVENTS[event.kind].code,
		station,
		event.sequence,
		event.atMs,
		event.recordedMs - event.atMs,
		event.verdict === null ? null : codeOf(event.verdict),
		event.score,
		event.part === null ? null : stored(event.part),
		origin,
		shape,
		values,
	]);
}

/** What a row that is sealed says, save what it refers to. @throws Damage */
export function eventFrom(row: readonly Value[]): {
	readonly event: Omit<Event, 'origin' | 'body' | 'station'>;
	readonly values: string;
	readonly references: References;
} {
	const [id, kind, station, sequence, atMs, afterMs, verdict, score, part, origin, shape, values] =
		row as readonly [
			number,
			number,
			number | null,
			number | null,
			number,
			number,
			number | null,
			number | null,
			string | null,
			number,
			number,
			string,
		];
	return {
		event: {
			id,
			kind: KINDS.get(kind)!,
			sequence,
			atMs,
			recordedMs: atMs + afterMs,
			verdict: verdict === null ? null : VERDICTS[verdict]!,
			score,
			part: part === null ? null : restored(part),
		},
		values,
		references: { station, origin, shape },
	};
}

export function pictureRow({ id, event, role, index, hash, bytes }: Picture): Value[] {
	return sealed('pictures', [id, event, ROLES.indexOf(role), index, Buffer.from(hash, 'hex'), bytes]);
}

/** What a row that is sealed says. */
export function pictureFrom(row: readonly Value[]): Picture {
	const [id, event, role, index, hash, bytes] = row as readonly [
		number,
		number,
		number,
		number,
		Uint8Array,
		number,
	];
	return { id, event, role: ROLES[role]!, index, hash: Buffer.from(hash).toString('hex'), bytes };
}
