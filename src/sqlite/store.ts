import {
	type Due,
	EVENTS,
	type Event,
	type EventKind,
	type IdRange,
	type Picture,
	type PictureRole,
} from '../protocol/events.js';
import { VERDICTS } from '../protocol/verdict.js';
import type { Database } from './database.js';
import type { DeadLetter, Numbers, Row, Stream, Undelivered, Write } from './exchange.js';
import { restored, stored } from './text.js';

const HOUR_MS = 3_600_000;

/** A role's place is its code. */
const ROLES: readonly PictureRole[] = ['heatmap', 'frame'];

const KINDS = new Map<number, EventKind>(
	Object.entries(EVENTS).map(([kind, { code }]) => [code, kind as EventKind]),
);

/** Dead letters that are kept; the oldest go. */
const MOST_DEAD_LETTERS = 10_000;

/** The last numbers that were given. */
export type Counted = {
	readonly event: number;
	readonly picture: number;
	readonly sequences: ReadonlyMap<string, number>;
};

type EventRow = {
	readonly id: number;
	readonly kind: number;
	readonly station: string | null;
	readonly sequence: number | null;
	readonly at_ms: number;
	readonly recorded_ms: number;
	readonly verdict: number | null;
	readonly score: number | null;
	readonly part: string | null;
	readonly origin: string;
	readonly body: string;
};

const SELECT_EVENTS = `
	SELECT e.id, e.kind, s.name AS station, e.sequence, e.at_ms, e.recorded_ms, e.verdict, e.score, e.part, o.body AS origin, e.body
	FROM events e LEFT JOIN stations s ON s.id = e.station LEFT JOIN origins o ON o.id = e.origin`;

/** A journal's tables, as values of ours go in and come out. Knows no transaction, file or clock. */
export class Store {
	readonly #database: Database;
	readonly #statements = new Map<string, ReturnType<Database['prepare']>>();
	readonly #stations = new Map<string, { readonly id: number; sequence: number }>();
	readonly #origins = new Map<string, number>();
	#event: number;
	#picture: number;

	constructor(database: Database) {
		this.#database = database;
		this.#event = Number(this.fact('event') ?? 0);
		this.#picture = Number(this.fact('picture') ?? 0);
		this.#readStations();
	}

	get counted(): Counted {
		return {
			event: this.#event,
			picture: this.#picture,
			sequences: new Map([...this.#stations].map(([name, { sequence }]) => [name, sequence])),
		};
	}

	fact(name: string): string | undefined {
		const row = this.#get('SELECT value FROM facts WHERE name = ?', name) as { value: unknown } | undefined;
		return row === undefined ? undefined : String(row.value);
	}

	note(name: string, value: string | number): void {
		this.#run(
			'INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
			name,
			value,
		);
	}

	/** After a transaction that did not happen, what is remembered is read again. */
	forget(): void {
		this.#origins.clear();
		this.#event = Number(this.fact('event') ?? 0);
		this.#picture = Number(this.fact('picture') ?? 0);
		this.#readStations();
	}

	/** Writes in order. @returns for each write the numbers of its rows */
	write(writes: readonly Write[]): Numbers[][] {
		const { event, picture } = this.counted;
		const numbers = writes.map((write) => this.#writeOne(write));
		if (this.#event !== event) this.note('event', this.#event);
		if (this.#picture !== picture) this.note('picture', this.#picture);
		return numbers;
	}

	#writeOne(write: Write): Numbers[] {
		switch (write.kind) {
			case 'events':
				return write.rows.map((row) => this.#writeEvent(row, write.recordedMs));
			case 'pictures':
				return write.rows.map(({ event, role, index, hash, bytes }) => {
					this.#picture += 1;
					this.#run(
						'INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?)',
						this.#picture,
						event,
						ROLES.indexOf(role),
						index,
						Buffer.from(hash, 'hex'),
						bytes,
					);
					return { id: this.#picture, sequence: null };
				});
			case 'due':
				this.#run(
					'INSERT INTO due VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body',
					stored(write.due.station),
					stored(write.due.key),
					write.due.body,
				);
				return [];
			case 'undelivered':
				this.#writeUndelivered(write);
				return [];
			case 'dead-letter':
				this.#run(
					'INSERT INTO dead_letters (outlet, event, reason, at_ms) VALUES (?, ?, ?, ?)',
					stored(write.outlet),
					write.event,
					stored(write.reason),
					write.atMs,
				);
				this.#run(
					'DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?',
					MOST_DEAD_LETTERS,
				);
				return [];
		}
	}

	#writeEvent(row: Row, recordedMs: number): Numbers {
		const { kind, station, verdict } = row;
		this.#event += 1;
		const id = this.#event;
		const atMs = Math.round(row.atMs);
		const known = station === null ? undefined : this.#stationOf(station);
		let sequence: number | null = null;
		if (known && EVENTS[kind].isNumbered) {
			known.sequence += 1;
			sequence = known.sequence;
			this.#run('UPDATE stations SET sequence = ? WHERE id = ?', sequence, known.id);
		}
		this.#run(
			'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
			id,
			EVENTS[kind].code,
			known?.id ?? null,
			sequence,
			atMs,
			Math.round(recordedMs) - atMs,
			verdict === null ? null : VERDICTS.indexOf(verdict),
			row.score,
			row.part === null ? null : stored(row.part),
			this.#originOf(row.origin),
			row.body,
		);
		this.#run(
			`INSERT INTO hours VALUES (?1, ?2, ?2)
			ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`,
			Math.floor(atMs / HOUR_MS),
			id,
		);
		if (row.settles !== null && station !== null)
			this.#run('DELETE FROM due WHERE station = ? AND key = ?', stored(station), stored(row.settles));
		return { id, sequence };
	}

	#writeUndelivered({ outlet, stream, ranges }: Undelivered): void {
		this.#run('DELETE FROM undelivered WHERE outlet = ? AND stream = ?', stored(outlet), stream);
		for (const { from, to } of ranges)
			this.#run(
				'INSERT INTO undelivered VALUES (?, ?, ?, ?)',
				stored(outlet),
				stream,
				from,
				to === Number.POSITIVE_INFINITY ? null : to,
			);
	}

	events(range: IdRange, limit: number, kinds: readonly EventKind[] | null): Event[] {
		const codes = kinds?.map((kind) => EVENTS[kind].code).join(', ');
		const rows = this.#all(
			`${SELECT_EVENTS} WHERE e.id >= ? AND e.id <= ? ${codes === undefined ? '' : `AND e.kind IN (${codes})`} ORDER BY e.id LIMIT ?`,
			range.from,
			Math.min(range.to, Number.MAX_SAFE_INTEGER),
			limit,
		) as EventRow[];
		return rows.map(eventFrom);
	}

	/** In order of ids. */
	newestEvents(count: number): Event[] {
		const rows = this.#all(`${SELECT_EVENTS} ORDER BY e.id DESC LIMIT ?`, count) as EventRow[];
		return rows.reverse().map(eventFrom);
	}

	pictures(range: IdRange, limit: number): Picture[] {
		const rows = this.#all(
			'SELECT * FROM pictures WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?',
			range.from,
			Math.min(range.to, Number.MAX_SAFE_INTEGER),
			limit,
		) as { id: number; event: number; role: number; place: number; hash: Uint8Array; bytes: number }[];
		return rows.map(({ id, event, role, place, hash, bytes }) => ({
			id,
			event,
			role: ROLES[role]!,
			index: place,
			hash: Buffer.from(hash).toString('hex'),
			bytes,
		}));
	}

	due(): Due[] {
		const rows = this.#all('SELECT * FROM due') as { station: string; key: string; body: string }[];
		return rows.map(({ station, key, body }) => ({
			station: restored(station),
			key: restored(key),
			body: JSON.parse(body) as object,
		}));
	}

	clearDue(): void {
		this.#run('DELETE FROM due');
	}

	undelivered(): Undelivered[] {
		const rows = this.#all('SELECT * FROM undelivered ORDER BY outlet, stream, first') as {
			outlet: string;
			stream: Stream;
			first: number;
			last: number | null;
		}[];
		const found = new Map<string, Undelivered & { readonly ranges: IdRange[] }>();
		for (const { outlet, stream, first, last } of rows) {
			const key = `${stream} ${outlet}`;
			const one = found.get(key) ?? { outlet: restored(outlet), stream, ranges: [] };
			one.ranges.push({ from: first, to: last ?? Number.POSITIVE_INFINITY });
			found.set(key, one);
		}
		return [...found.values()];
	}

	deadLetters(): (DeadLetter & { id: number })[] {
		const rows = this.#all('SELECT * FROM dead_letters ORDER BY id') as {
			id: number;
			outlet: string;
			event: number;
			reason: string;
			at_ms: number;
		}[];
		return rows.map(({ id, outlet, event, reason, at_ms }) => ({
			id,
			outlet: restored(outlet),
			event,
			reason: restored(reason),
			atMs: at_ms,
		}));
	}

	#stationOf(name: string): { readonly id: number; sequence: number } {
		const known = this.#stations.get(name);
		if (known) return known;
		const { lastInsertRowid } = this.#run(
			'INSERT INTO stations (name, sequence) VALUES (?, 0)',
			stored(name),
		);
		const fresh = { id: Number(lastInsertRowid), sequence: 0 };
		this.#stations.set(name, fresh);
		return fresh;
	}

	#readStations(): void {
		this.#stations.clear();
		const rows = this.#all('SELECT id, name, sequence FROM stations') as {
			id: number;
			name: string;
			sequence: number;
		}[];
		for (const { id, name, sequence } of rows) this.#stations.set(restored(name), { id, sequence });
	}

	#originOf(body: string): number {
		let id = this.#origins.get(body);
		if (id === undefined) {
			const row = this.#get('SELECT id FROM origins WHERE body = ?', body) as { id: number } | undefined;
			id = row?.id ?? Number(this.#run('INSERT INTO origins (body) VALUES (?)', body).lastInsertRowid);
			if (this.#origins.size >= 1000) this.#origins.clear();
			this.#origins.set(body, id);
		}
		return id;
	}

	#prepared(sql: string): ReturnType<Database['prepare']> {
		const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
		this.#statements.set(sql, known);
		return known;
	}

	#run(
		sql: string,
		...values: unknown[]
	): { readonly lastInsertRowid: number | bigint; readonly changes: number } {
		return this.#prepared(sql).run(...values);
	}

	#get(sql: string, ...values: unknown[]): unknown {
		return this.#prepared(sql).get(...values);
	}

	#all(sql: string, ...values: unknown[]): unknown[] {
		return this.#prepared(sql).all(...values);
	}
}

function eventFrom(row: EventRow): Event {
	return {
		id: row.id,
		kind: KINDS.get(row.kind)!,
		station: row.station === null ? null : restored(row.station),
		sequence: row.sequence,
		atMs: row.at_ms,
		recordedMs: row.at_ms + row.recorded_ms,
		verdict: row.verdict === null ? null : VERDICTS[row.verdict]!,
		score: row.score,
		part: row.part === null ? null : restored(row.part),
		origin: JSON.parse(row.origin) as object,
		body: JSON.parse(row.body) as object,
	};
}
