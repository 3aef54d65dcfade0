import { createHash } from 'node:crypto';
import type { AuditEntry, Audited } from '../protocol/audit.js';
import type { TrailBreak, TrailReport } from '../protocol/trail.js';
import { type Database, type Prepare, preparing } from './database.js';
import { isSealed, parsed, sealed, type Value } from './row.js';

/** Entries that are kept, and bytes of them: the oldest go, and the hash of the last of those stays. */
const MOST_ENTRIES = 100_000;
const MOST_BYTES = 64e6;

/** So often it is looked whether there are too many. */
const EACH = 64;

/** Read at once. */
const PAGE = 500;

const NO_HASH = Buffer.alloc(32);

/** Facts of the journal: the last entry that was dropped, and the last that was written. */
export const TRAIL_FACTS = ['trail_begin', 'trail_end'] as const;

/** An entry's place in the chain. */
export type Link = { readonly id: number; readonly hash: string };

/**
 * What was edited, as rows that each hold SHA-256 of the one before and of themselves: whoever changes, removes or inserts one would
 * have to write all that follow anew. Knows no transaction.
 */
export class Trail {
	readonly #mostEntries: number;
	readonly #prepared: Prepare;
	#end: Link | undefined;

	constructor(database: Database, mostEntries = MOST_ENTRIES) {
		this.#prepared = preparing(database);
		this.#mostEntries = mostEntries;
	}

	/** The last entry that was written. */
	get end(): Link {
		this.#end ??= this.#link('trail_end') ?? this.#lastRow() ?? this.#link('trail_begin') ?? NONE;
		return this.#end;
	}

	/** After a transaction that did not happen, the end is read again. */
	forget(): void {
		this.#end = undefined;
	}

	/** Goes on behind an entry that is known of otherwise, where it is behind what stands. */
	skipTo(end: Link): void {
		if (end.id > this.end.id) this.#endAt(end);
	}

	/** @returns its number */
	append(atMs: number, body: string): number {
		const before = this.end;
		const id = before.id + 1;
		const hash = hashOf(before.hash, id, atMs, body);
		this.#run('INSERT INTO trail VALUES (?, ?, ?, ?, ?)', ...rowOf(id, atMs, body, hash));
		this.#endAt({ id, hash });
		if (id % EACH === 0) this.#bound(id);
		return id;
	}

	/** The newest, in the order in which they were written; a row that is not what was written is left out. */
	find({ sinceMs, limit }: { readonly sinceMs?: number | undefined; readonly limit: number }): Audited[] {
		return this.#rows(
			'SELECT * FROM trail WHERE at_ms >= ? ORDER BY id DESC LIMIT ?',
			sinceMs ?? Number.MIN_SAFE_INTEGER,
			limit,
		)
			.filter((row) => isSealed('trail', row))
			.map((row) => {
				const { id, atMs, body, hash } = entryIn(row);
				return { ...(parsed(body) as AuditEntry), number: id, atMs, hash };
			})
			.reverse();
	}

	/** Follows the chain from its begin to its end. `known`: entries that stood in it, as something beside the database says. */
	verify(known: readonly Link[] = []): TrailReport {
		const breaks: TrailBreak[] = [];
		const note = (kind: TrailBreak['kind'], from: number, to = from): void => {
			if (from <= to) breaks.push({ kind, from, to });
		};
		const begin = this.#link('trail_begin') ?? NONE;
		const end = this.#link('trail_end');
		const told = end ? [end, ...known] : known;
		let before = begin;
		let entries = 0;
		for (let from = Number.MIN_SAFE_INTEGER; ; ) {
			const rows = this.#rows('SELECT * FROM trail WHERE id > ? ORDER BY id LIMIT ?', from, PAGE);
			for (const row of rows) {
				const { id, atMs, body, hash } = entryIn(row);
				if (id <= begin.id || (end && id > end.id)) {
					note('inserted', id);
					continue;
				}
				note('missing', before.id + 1, id - 1);
				// What is missing takes along what the next one held of it.
				const follows = id > before.id + 1 || hash === hashOf(before.hash, id, atMs, body);
				const isTold = told.every((link) => link.id !== id || link.hash === hash);
				if (isSealed('trail', row) && follows && isTold) entries += 1;
				else note('changed', id);
				before = { id, hash };
			}
			const last = rows.at(-1);
			if (!last) break;
			from = last[0] as number;
		}
		note('missing', before.id + 1, Math.max(0, ...told.map(({ id }) => id)));
		return { entries, first: begin.id + 1, end: { number: before.id, hash: before.hash }, breaks };
	}

	#bound(newest: number): void {
		let bytes = 0;
		let cut = newest - this.#mostEntries;
		for (const [id, length] of this.#rows('SELECT id, length(body) FROM trail ORDER BY id DESC')) {
			bytes += length as number;
			if (bytes <= MOST_BYTES) continue;
			cut = Math.max(cut, id as number);
			break;
		}
		const [row] = this.#rows('SELECT * FROM trail WHERE id <= ? ORDER BY id DESC LIMIT 1', cut);
		if (!row) return;
		const { id, hash } = entryIn(row);
		this.#run('DELETE FROM trail WHERE id <= ?', id);
		this.#note('trail_begin', { id, hash });
	}

	#endAt(end: Link): void {
		this.#note('trail_end', end);
		this.#end = end;
	}

	#lastRow(): Link | undefined {
		const [row] = this.#rows('SELECT * FROM trail ORDER BY id DESC LIMIT 1');
		return row && entryIn(row);
	}

	#link(name: (typeof TRAIL_FACTS)[number]): Link | undefined {
		const [row] = this.#rows('SELECT value FROM facts WHERE name = ?', name);
		const [, id, hash] = /^(\d+):([0-9a-f]{64})$/.exec(String(row?.[0])) ?? [];
		return hash === undefined ? undefined : { id: Number(id), hash };
	}

	#note(name: (typeof TRAIL_FACTS)[number], { id, hash }: Link): void {
		this.#run(
			'INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
			name,
			`${id}:${hash}`,
		);
	}

	#run(sql: string, ...values: readonly Value[]): void {
		this.#prepared(sql).run(...values);
	}

	#rows(sql: string, ...values: readonly Value[]): Value[][] {
		return this.#prepared(sql).all(...values) as Value[][];
	}
}

const NONE: Link = { id: 0, hash: NO_HASH.toString('hex') };

function hashOf(before: string, id: number, atMs: number, body: string): string {
	const hash = createHash('sha256').update(Buffer.from(before, 'hex'));
	return hash.update(`${id}\n${atMs}\n${body}`).digest('hex');
}

function rowOf(id: number, atMs: number, body: string, hash: string): Value[] {
	return sealed('trail', [id, atMs, body, Buffer.from(hash, 'hex')]);
}

/** What a row says; whoever wrote into it may have written anything. */
function entryIn([id, atMs, body, hash]: readonly Value[]) {
	return {
		id: id as number,
		atMs: Number(atMs),
		body: String(body),
		hash: hash instanceof Uint8Array ? Buffer.from(hash).toString('hex') : '',
	};
}
