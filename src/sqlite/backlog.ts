import { EVENTS, type Event, type EventKind } from '../protocol/events.js';
import type { Numbers, Row, Write } from './exchange.js';

/** Something that waits to be written. */
export type Waiting = {
	readonly write: Write;
	/** Called when it stands, with the numbers of its rows, or without any when it had to go. @returns the events that it added */
	done(numbers: readonly Numbers[]): readonly Event[];
};

/** What had to go because memory could not hold it while the disk took nothing, or took it too slowly. */
export type Dropped = Readonly<Record<EventKind | 'picture' | 'deadLetter', number>>;

export const noneDropped = Object.fromEntries(
	[...Object.keys(EVENTS), 'picture', 'deadLetter'].map((what) => [what, 0]),
) as Dropped;

type Lost = Extract<Write, { kind: 'lost' }>;

/** What a row takes beside its texts. */
const ROW_BYTES = 300;

/**
 * What waits for the disk, in order and bounded. When it is too much, what is no verdict goes first, then the oldest verdicts: their
 * numbers are kept, so that a gap can name them.
 */
export class Backlog {
	readonly #mostBytes: number;
	readonly #items: Waiting[] = [];
	/** So many of the first are being written. */
	#taken = 0;
	#bytes = 0;
	/** Where there is none, nobody looks for one. */
	readonly #count = { minor: 0, due: 0 };
	readonly #dropped: Record<keyof Dropped, number> = { ...noneDropped };

	constructor(mostBytes: number) {
		this.#mostBytes = mostBytes;
	}

	get length(): number {
		return this.#items.length;
	}

	get bytes(): number {
		return this.#bytes;
	}

	get dropped(): Dropped {
		return { ...this.#dropped };
	}

	count(what: keyof Dropped, many: number): void {
		this.#dropped[what] += many;
	}

	put(item: Waiting): void {
		this.#items.push(item);
		this.#weigh(item, 1);
		while (this.#bytes > this.#mostBytes && this.#drop());
	}

	/** The first ones, which are written now. */
	take(most: number): readonly Waiting[] {
		this.#taken = Math.min(most, this.#items.length);
		return this.#items.slice(0, this.#taken);
	}

	/** Those that were taken stand. */
	written(): void {
		for (const item of this.#items.splice(0, this.#taken)) this.#weigh(item, -1);
		this.#taken = 0;
	}

	/** Those that were taken wait on. */
	refused(): void {
		this.#taken = 0;
	}

	/** @returns whether something could go */
	#drop(): boolean {
		const minor = this.#count.minor === 0 ? -1 : this.#find(({ write }) => isMinor(write));
		const at = minor >= 0 ? minor : this.#find(({ write }) => write.kind === 'events');
		if (at >= 0) this.#dropAt(at);
		return at >= 0;
	}

	#dropAt(at: number): void {
		const [item] = this.#replace(at, []);
		const { write } = item!;
		if (write.kind === 'dead-letter') this.#dropped.deadLetter += 1;
		if (write.kind === 'events') for (const row of write.rows) this.#lose(row, at);
		item!.done([]);
	}

	#lose({ kind, station, settles }: Row, at: number): void {
		this.#dropped[kind] += 1;
		if (station === null || !EVENTS[kind].isNumbered) return;
		const announced =
			this.#count.due === 0
				? -1
				: this.#find(
						({ write }) => write.kind === 'due' && write.due.station === station && write.due.key === settles,
					);
		// A part that nobody heard of yet needs no word that it is owed nothing.
		if (announced >= 0) this.#replace(announced, [])[0]!.done([]);
		const place = announced >= 0 && announced < at ? at - 1 : at;
		const known = this.#find(({ write }) => write.kind === 'lost' && write.station === station);
		const before = this.#items[known]?.write as Lost | undefined;
		const write: Lost = {
			kind: 'lost',
			station,
			count: (before?.count ?? 0) + 1,
			settles: [...(before?.settles ?? []), ...(settles === null || announced >= 0 ? [] : [settles])],
		};
		const item = { write, done: () => [] };
		if (before) this.#replace(known, [item]);
		else this.#insert(place, item);
	}

	/** The place of the first one of those that are not being written. */
	#find(isMeant: (item: Waiting) => boolean): number {
		return this.#items.findIndex((item, i) => i >= this.#taken && isMeant(item));
	}

	#insert(at: number, item: Waiting): void {
		this.#items.splice(at, 0, item);
		this.#weigh(item, 1);
	}

	#replace(at: number, items: readonly Waiting[]): readonly Waiting[] {
		const gone = this.#items.splice(at, 1, ...items);
		for (const item of gone) this.#weigh(item, -1);
		for (const item of items) this.#weigh(item, 1);
		return gone;
	}

	#weigh({ write }: Waiting, by: 1 | -1): void {
		this.#bytes += by * bytesOf(write);
		if (isMinor(write)) this.#count.minor += by;
		if (write.kind === 'due') this.#count.due += by;
	}
}

/** What no number is missing for. */
const isMinor = (write: Write): boolean =>
	write.kind === 'dead-letter' ||
	(write.kind === 'events' && !write.rows.some(({ kind }) => EVENTS[kind].isNumbered));

function bytesOf(write: Write): number {
	if (write.kind === 'events')
		return write.rows.reduce((sum, { origin, body }) => sum + ROW_BYTES + origin.length + body.length, 0);
	if (write.kind === 'claim') return ROW_BYTES + write.claim.length;
	if (write.kind === 'answer') return ROW_BYTES + write.answer.length;
	if (write.kind === 'audit') return ROW_BYTES + write.body.length;
	return ROW_BYTES + (write.kind === 'due' ? write.due.body.length : 0);
}
