import type { Range, Ranges } from '../base/ranges.js';
import { type Due, EVENTS, type Event, type EventKind, type Picture } from '../protocol/events.js';
import type { Gap } from '../protocol/gap.js';
import type { Verdict } from '../protocol/verdict.js';
import { Damage, type Database, type Prepare, preparing } from './database.js';
import { Deliveries } from './deliveries.js';
import type { Numbers, Row, Write } from './exchange.js';
import { Facts } from './facts.js';
import { Requests } from './requests.js';
import {
	codeOf,
	eventFrom,
	eventRow,
	folded,
	isSealed,
	parsed,
	pictureFrom,
	pictureRow,
	restored,
	type SealedTable,
	sealed,
	stored,
	unfolded,
	unshaped,
	type Value,
} from './row.js';
import { copy, Texts } from './texts.js';
import { Trail } from './trail.js';

const HOUR_MS = 3_600_000;

/** Begins the names of facts on signals. */
const TAKEN = 'taken ';

/** Shapes of bodies that are kept; the names of others stand in their events. */
const MOST_SHAPES = 1000;

/** The last numbers that were given. */
export type Counted = {
	readonly event: number;
	readonly picture: number;
	readonly sequences: Readonly<Record<string, number>>;
};

/** Numbers of a station, both included. */
export type Hole = { readonly station: string; readonly from: number; readonly to: number };

/** What is looked for; what is left out may be anything. */
export type Query = {
	readonly station?: string | undefined;
	readonly sinceMs?: number | undefined;
	readonly verdict?: Verdict | undefined;
	readonly part?: string | undefined;
	/** Of a station: through those of all kinds there is no short way. */
	readonly kind?: EventKind | undefined;
	/** So many of the newest. */
	readonly limit: number;
};

type TakenPictures = {
	/** Of those that no row names any more. */
	readonly hashes: readonly string[];
	readonly pictures: number;
	readonly pictureBytes: number;
};

/** Verdicts of a station that an outlet had not delivered. */
export type Unheard = {
	readonly outlet: string;
	readonly station: string;
	readonly reason: Gap['reason'];
	readonly holes: Ranges;
};

/** Ranges of an outlet, a station and a reason at most; where there are more, they become one, which names too many. */
const MOST_HOLES = 20;

/** Rising ranges, of which the last may touch the one before. */
function joined(holes: Ranges): Ranges {
	const last = holes.at(-1)!;
	const before = holes.at(-2);
	if (before && last.from <= before.to + 1)
		return [
			...holes.slice(0, -2),
			{ from: Math.min(before.from, last.from), to: Math.max(before.to, last.to) },
		];
	if (holes.length <= MOST_HOLES) return holes;
	return [{ from: Math.min(...holes.map(({ from }) => from)), to: Math.max(...holes.map(({ to }) => to)) }];
}

type Station = { readonly id: number; readonly name: string; sequence: number };

/** A journal's tables, as values of ours go in and come out. Knows no transaction, file or clock. */
export class Store {
	readonly #prepared: Prepare;
	readonly #facts: Facts;
	/** What was edited. */
	readonly trail: Trail;
	readonly requests: Requests;
	readonly deliveries: Deliveries;
	readonly #stations = new Map<string, Station>();
	readonly #stationNames = new Map<number, string>();
	readonly #origins = new Texts('origins', (sql) => this.#prepared(sql));
	readonly #shapes = new Texts('shapes', (sql) => this.#prepared(sql));
	#event = 0;
	#picture = 0;
	/** What is written once a transaction, however often it changed. */
	readonly #numbered = new Set<Station>();
	/** How far facts stand in the database. */
	#noted = { event: Number.NaN, picture: Number.NaN };
	#oldest: { readonly id: number; readonly atMs: number } | undefined;
	/** What pages take that hold something, as the last transaction left it: no reader's lock is taken for it. */
	#used: number | undefined;
	#pageBytes: number | undefined;
	readonly #hours = new Map<number, { readonly first: number; readonly last: number }>();
	/** Rows that were read and are not what was written. */
	readonly damaged = new Set<number>();

	/** @throws Damage */
	constructor(database: Database) {
		this.#prepared = preparing(database);
		this.#facts = new Facts(database);
		this.trail = new Trail(database);
		this.requests = new Requests(database);
		this.deliveries = new Deliveries(database);
		this.forget();
	}

	get counted(): Counted {
		return {
			event: this.#event,
			picture: this.#picture,
			sequences: Object.fromEntries([...this.#stations].map(([name, { sequence }]) => [name, sequence])),
		};
	}

	fact(name: string): string | undefined {
		return this.#facts.of(name);
	}

	note(name: string, value: string | number): void {
		this.#facts.note(name, value);
	}

	/** After a transaction that did not happen, what is remembered is read again. @throws Damage */
	forget(): void {
		this.trail.forget();
		this.requests.forget();
		this.deliveries.forget();
		this.#origins.forget();
		this.#shapes.forget();
		this.#numbered.clear();
		this.#hours.clear();
		this.#noted = { event: Number.NaN, picture: Number.NaN };
		this.#oldest = undefined;
		this.#used = undefined;
		this.#event = this.#lastOf('event', 'events');
		this.#picture = this.#lastOf('picture', 'pictures');
		this.#stations.clear();
		this.#stationNames.clear();
		for (const row of this.#rows('SELECT * FROM stations')) {
			if (!isSealed('stations', row)) throw new Damage('a station in the journal is not what was written');
			const [id, name, sequence] = row as [number, string, number];
			this.#know({ id, name: restored(name), sequence });
		}
	}

	#lastOf(fact: string, table: string): number {
		const [[last] = []] = this.#rows(`SELECT max(id) FROM ${table}`);
		return Math.max(Number(this.fact(fact) ?? 0), Number(last ?? 0)) || 0;
	}

	/** Goes on after these numbers, where they are higher than what stands. */
	skipTo({ event, picture, sequences }: Counted): void {
		this.#event = Math.max(this.#event, event);
		this.#picture = Math.max(this.#picture, picture);
		for (const [name, sequence] of Object.entries(sequences)) {
			const station = this.#stationOf(name);
			if (sequence > station.sequence) this.#number(station, sequence);
		}
	}

	/** Writes in order. @returns for each write the numbers of its rows */
	write(writes: readonly Exclude<Write, { kind: 'lost' }>[]): Numbers[][] {
		return writes.map((write) => this.#writeOne(write));
	}

	/** To be called before a transaction ends: what was counted in it is written. */
	flush(): void {
		const { event, picture } = this.#noted;
		if (event !== this.#event) this.note('event', this.#event);
		if (picture !== this.#picture) this.note('picture', this.#picture);
		this.#noted = { event: this.#event, picture: this.#picture };
		for (const { id, name, sequence } of this.#numbered) {
			const [, , last, seal] = sealed('stations', [id, stored(name), sequence]);
			this.run('UPDATE stations SET sequence = ?, seal = ? WHERE id = ?', last!, seal!, id);
		}
		this.#numbered.clear();
		for (const [hour, { first, last }] of this.#hours)
			this.run(
				`INSERT INTO hours VALUES (?, ?, ?)
				ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`,
				hour,
				first,
				last,
			);
		this.#hours.clear();
		this.#used = this.#measured();
	}

	/** Numbers that are given to verdicts which could not be kept. */
	skip(station: string, count: number): { readonly from: number; readonly to: number } {
		const known = this.#stationOf(station);
		const from = known.sequence + 1;
		this.#number(known, known.sequence + count);
		return { from, to: known.sequence };
	}

	/** The part is owed no verdict any more. */
	unowe(station: string, key: string): void {
		this.run('DELETE FROM due WHERE station = ? AND key = ?', stored(station), stored(key));
	}

	#writeOne(write: Exclude<Write, { kind: 'lost' }>): Numbers[] {
		switch (write.kind) {
			case 'events':
				return write.rows.map((row) => this.#writeEvent(row, write.recordedMs));
			case 'pictures':
				return write.rows.map((row) => {
					this.#picture += 1;
					this.insert('pictures', pictureRow({ id: this.#picture, ...row }));
					return { id: this.#picture, sequence: null };
				});
			case 'due':
				this.run(
					'INSERT INTO due VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body',
					stored(write.due.station),
					stored(write.due.key),
					write.due.body,
				);
				if (write.taken !== undefined) this.note(TAKEN + write.due.station, write.taken);
				return [];
			case 'undelivered':
			case 'dead-letter':
			case 'letters-done':
				this.deliveries.write(write);
				return [];
			case 'audit':
				return [{ id: this.trail.append(write.atMs, write.body), sequence: null }];
			default:
				return this.requests.write(write);
		}
	}

	#writeEvent({ station, origin, body, settles, ...rest }: Row, recordedMs: number): Numbers {
		this.#event += 1;
		const id = this.#event;
		const known = station === null ? undefined : this.#stationOf(station);
		let sequence: number | null = null;
		if (known && EVENTS[rest.kind].isNumbered) {
			sequence = known.sequence + 1;
			this.#number(known, sequence);
		}
		const { shape, values } = this.#foldedOf(body);
		const references = { station: known?.id ?? null, origin: this.#origins.idOf(origin), shape };
		this.insert('events', eventRow({ ...rest, id, sequence, recordedMs }, values, references));
		this.noteHour(rest.atMs, id);
		if (settles !== null && station !== null) this.unowe(station, settles);
		return { id, sequence };
	}

	#foldedOf(body: string): { readonly shape: number; readonly values: string } {
		const value = JSON.parse(body) as object;
		const parts = folded(value);
		const known = this.#shapes.idOf(parts.shape, MOST_SHAPES);
		if (known !== undefined) return { shape: known, values: parts.values };
		const { shape, values } = unshaped(value);
		return { shape: this.#shapes.idOf(shape), values };
	}

	insert(table: SealedTable, row: readonly Value[]): void {
		this.run(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`, ...row);
	}

	noteHour(atMs: number, id: number): void {
		const hour = Math.floor(atMs / HOUR_MS);
		const { first, last } = this.#hours.get(hour) ?? { first: id, last: id };
		this.#hours.set(hour, { first: Math.min(first, id), last: Math.max(last, id) });
	}

	/** In order of ids; rows that are damaged are left out and noted. */
	events(range: Range, limit: number, kinds: readonly EventKind[] | null): Event[] {
		const codes = kinds?.map((kind) => EVENTS[kind].code).join(', ');
		return this.#events(
			`SELECT * FROM events WHERE id >= ? AND id <= ? ${codes === undefined ? '' : `AND kind IN (${codes})`} ORDER BY id LIMIT ?`,
			range.from,
			Math.min(range.to, Number.MAX_SAFE_INTEGER),
			limit,
		);
	}

	/** In order of ids. */
	newestEvents(count: number): Event[] {
		return this.#events('SELECT * FROM events ORDER BY id DESC LIMIT ?', count).reverse();
	}

	#events(sql: string, ...values: readonly Value[]): Event[] {
		return this.#rows(sql, ...values).flatMap((row) => {
			if (isSealed('events', row)) return [this.#eventOf(row)];
			this.damaged.add(row[0] as number);
			return [];
		});
	}

	#eventOf(row: readonly Value[]): Event {
		const { event, values, references } = eventFrom(row);
		const station = references.station === null ? null : this.#stationNames.get(references.station);
		if (station === undefined) throw new Damage('a station is missing in the journal');
		return {
			...event,
			station,
			origin: this.#origins.parsedOf(references.origin) as object,
			body: unfolded(this.#shapes.parsedOf(references.shape), values),
		};
	}

	/** What the database's pages take that hold something. */
	usedBytes(): number {
		this.#used ??= this.#measured();
		return this.#used;
	}

	#measured(): number {
		const value = (name: string) => this.#rows(`PRAGMA ${name}`)[0]![0] as number;
		this.#pageBytes ??= value('page_size');
		return (value('page_count') - value('freelist_count')) * this.#pageBytes;
	}

	/** Ids of the newest events that are meant, in rising order. */
	find({ station, sinceMs, verdict, part, kind, limit }: Query): number[] {
		const known = station === undefined ? undefined : this.#stations.get(station)?.id;
		if (station !== undefined && known === undefined) return [];
		const terms: (readonly [string, Value])[] = [];
		if (known !== undefined) terms.push(['station = ?', known]);
		if (part !== undefined) terms.push(['part = ?', stored(part)]);
		if (verdict !== undefined) terms.push(['verdict = ?', codeOf(verdict)]);
		if (kind !== undefined) terms.push(['kind = ?', EVENTS[kind].code]);
		if (sinceMs !== undefined) {
			const [[first] = []] = this.#rows(
				'SELECT min(first) FROM hours WHERE hour >= ?',
				Math.floor(sinceMs / HOUR_MS),
			);
			if (typeof first !== 'number') return [];
			terms.push(['id >= ?', first], ['at_ms >= ?', sinceMs]);
		}
		// What is rarest leads; SQLite sees of a partial index only that it may use it where the same term stands.
		const isRare = verdict !== undefined && verdict !== 'accept';
		const index =
			part !== undefined ? 'part' : isRare ? 'verdict' : station !== undefined ? 'station' : undefined;
		const where = [...terms.map(([term]) => term), ...(isRare ? ['verdict > 0'] : [])].join(' AND ');
		const rows = this.#rows(
			`SELECT id FROM events ${index === undefined ? 'NOT INDEXED' : `INDEXED BY events_by_${index}`}
			${where === '' ? '' : `WHERE ${where}`} ORDER BY id DESC LIMIT ?`,
			...terms.map(([, value]) => value),
			limit,
		);
		return rows.map(([id]) => id as number).reverse();
	}

	/** Those that stand of these, in order of ids. */
	eventsOf(ids: readonly number[]): Event[] {
		return this.#events(
			'SELECT * FROM events WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id',
			JSON.stringify(ids),
		);
	}

	/** The pictures of an event. */
	picturesOf(event: number): Picture[] {
		return this.#rows('SELECT * FROM pictures WHERE event = ? ORDER BY id', event).flatMap((row) =>
			isSealed('pictures', row) ? [pictureFrom(row)] : [],
		);
	}

	/** The id of the oldest event; above the newest where there is none. */
	get oldest(): number {
		return this.#oldestRow()?.id ?? this.#event + 1;
	}

	/** When the oldest event was, where there is one. */
	get oldestMs(): number | null {
		return this.#oldestRow()?.atMs ?? null;
	}

	#oldestRow(): { readonly id: number; readonly atMs: number } | undefined {
		if (this.#oldest) return this.#oldest;
		const [row] = this.#rows('SELECT id, at_ms FROM events ORDER BY id LIMIT 1');
		if (row) this.#oldest = { id: row[0] as number, atMs: row[1] as number };
		return this.#oldest;
	}

	takeEvent(id: number): void {
		this.#oldest = undefined;
		this.run('DELETE FROM events WHERE id = ?', id);
	}

	/** The number of pictures, and their bytes. */
	pictureExtent(): { readonly pictures: number; readonly pictureBytes: number } {
		const [[pictures, bytes] = []] = this.#rows('SELECT count(*), sum(bytes) FROM pictures');
		return { pictures: Number(pictures ?? 0), pictureBytes: Number(bytes ?? 0) };
	}

	/** The last event of the hours from one time to another, below the first of what came later and is not in the future: clocks move. */
	lastBetween(fromMs: number, toMs: number, nowMs: number): number | undefined {
		const hour = (ms: number) => Math.floor(ms / HOUR_MS);
		const [[last] = []] = this.#rows(
			'SELECT max(last) FROM hours WHERE hour >= ? AND hour < ?',
			hour(fromMs),
			hour(toMs),
		);
		if (last === null) return undefined;
		const [[first] = []] = this.#rows(
			'SELECT min(first) FROM hours WHERE hour >= ? AND hour <= ?',
			hour(toMs),
			hour(nowMs),
		);
		return first === null ? (last as number) : Math.min(last as number, (first as number) - 1);
	}

	/** Takes the oldest pictures away. */
	takePictures(count: number): TakenPictures {
		return this.#takePictures('id IN (SELECT id FROM pictures ORDER BY id LIMIT ?)', count);
	}

	/** Takes the pictures of events up to one away. */
	takePicturesOf(event: number): TakenPictures {
		return this.#takePictures('event <= ?', event);
	}

	#takePictures(where: string, value: number): TakenPictures {
		const rows = this.#rows(`DELETE FROM pictures WHERE ${where} RETURNING id, hash, bytes`, value) as [
			number,
			Uint8Array,
			number,
		][];
		const hashes = new Set(rows.map(([, hash]) => Buffer.from(hash).toString('hex')));
		return {
			hashes: [...hashes].filter((hash) => !this.isNamed(hash)),
			pictures: rows.length,
			pictureBytes: rows.reduce((sum, [, , bytes]) => sum + bytes, 0),
		};
	}

	/** Whether a row names this picture. */
	isNamed(hash: string): boolean {
		return this.#rows('SELECT 1 FROM pictures WHERE hash = ? LIMIT 1', Buffer.from(hash, 'hex')).length > 0;
	}

	/** What outlets would never hear of if the events up to one went, gaps that they did not hear of included. */
	undeliveredUpTo(last: number): Unheard[] {
		const unheard = new Map<string, Unheard>();
		const add = (outlet: string, station: string, reason: Gap['reason'], from: number, to: number): void => {
			const key = JSON.stringify([outlet, station, reason]);
			const { holes } = unheard.get(key) ?? { holes: [] };
			unheard.set(key, { outlet, station, reason, holes: joined([...holes, { from, to }]) });
		};
		for (const { outlet, stream, ranges } of this.deliveries.undelivered()) {
			if (stream !== 'events') continue;
			for (const { from, to } of ranges)
				for (const event of this.events({ from, to: Math.min(to, last) }, Number.MAX_SAFE_INTEGER, [
					'verdict',
					'gap',
				])) {
					const { station, sequence, body, origin } = event;
					if (station === null) continue;
					if (sequence !== null) add(outlet, station, 'retention', sequence, sequence);
					else if (((origin as { readonly outlet?: string }).outlet ?? outlet) === outlet) {
						const gap = body as Gap;
						add(outlet, station, gap.reason, gap.from, gap.to);
					}
				}
		}
		return [...unheard.values()];
	}

	/** Takes the events up to one away, also from what outlets have to deliver. */
	takeEvents(last: number): void {
		this.#oldest = undefined;
		this.run('DELETE FROM events WHERE id <= ?', last);
		this.run('DELETE FROM hours WHERE last <= ?', last);
		this.run('UPDATE hours SET first = ?1 + 1 WHERE first <= ?1', last);
		this.deliveries.forgetEvents(last);
	}

	/** In order of ids. */
	pictures(range: Range, limit: number): Picture[] {
		return this.#rows(
			'SELECT * FROM pictures WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?',
			range.from,
			Math.min(range.to, Number.MAX_SAFE_INTEGER),
			limit,
		).flatMap((row) => (isSealed('pictures', row) ? [pictureFrom(row)] : []));
	}

	/** @throws Damage */
	due(): Due[] {
		return this.#rows('SELECT station, key, body FROM due').map((row) => {
			const [station, key, body] = row as [string, string, string];
			return { station: restored(station), key: restored(key), body: parsed(body) as object };
		});
	}

	/** The signals of each station that lay there when one of them made a part due last. @throws Damage */
	taken(): (readonly [station: string, signals: readonly string[]])[] {
		return this.#facts.below(TAKEN).map(([station, signals]) => [station, parsed(signals) as string[]]);
	}

	/**
	 * After a salvage: what events refer to comes back from its copy, and events that still refer to nothing go, because the next ones
	 * would be given their references. @returns how many
	 */
	settle(): number {
		let gone = 0;
		for (const table of ['stations', 'shapes', 'origins'] as const) {
			for (const row of this.#rows(
				`SELECT * FROM copies WHERE original = ? AND ref NOT IN (SELECT id FROM ${table})`,
				table,
			)) {
				if (!isSealed('copies', row)) continue;
				const [, , ref, body] = row as [number, string, number, string];
				const last = () => this.#rows('SELECT max(sequence) FROM events WHERE station = ?', ref)[0]?.[0] ?? 0;
				this.insert(table, sealed(table, table === 'stations' ? [ref, body, last()] : [ref, body]));
			}
			const column = table.slice(0, -1);
			gone += this.run(
				`DELETE FROM events WHERE ${column} IS NOT NULL AND ${column} NOT IN (SELECT id FROM ${table})`,
			);
		}
		this.forget();
		return gone;
	}

	/** Numbers of verdicts that stand between others and are missing, and that no gap names. */
	holes(): Hole[] {
		const holes: Hole[] = [];
		const explained: Hole[] = [];
		const reached = new Map<string, number>();
		for (let from = 1; ; ) {
			const events = this.events({ from, to: Number.POSITIVE_INFINITY }, 1000, ['verdict', 'gap']);
			for (const { station, sequence, body } of events) {
				if (station === null) continue;
				if (sequence === null) explained.push({ station, ...(body as Gap) });
				else {
					const before = reached.get(station);
					if (before !== undefined && sequence > before + 1)
						holes.push({ station, from: before + 1, to: sequence - 1 });
					reached.set(station, sequence);
				}
			}
			const last = events.at(-1);
			if (!last) break;
			from = last.id + 1;
		}
		for (const [station, last] of reached)
			holes.push({ station, from: last + 1, to: this.#stations.get(station)?.sequence ?? last });
		const isExplained = (hole: Hole) =>
			explained.some(
				({ station, from, to }) => station === hole.station && from <= hole.from && to >= hole.to,
			);
		return holes.filter((hole) => hole.from <= hole.to && !isExplained(hole));
	}

	/**
	 * Numbers below a station's first verdict that an outlet may still have had to deliver: no more than there are ids between. `shown`:
	 * the numbers above these are accounted for; `isUnheard`: nothing tells of outlets.
	 */
	holesBefore(shown: Counted, isUnheard: boolean): Hole[] {
		const begins = this.deliveries
			.firstUndelivered()
			.flatMap(([stream, , from]) => (stream === 'events' ? [from] : []));
		const begin = isUnheard ? 1 : Math.min(...begins);
		return [...this.#stations.values()].flatMap(({ id: station, name }) => {
			const after = (Object.hasOwn(shown.sequences, name) ? shown.sequences[name]! : 0) + 1;
			const [[id, sequence] = [this.#event + 1, after]] = this.#rows(
				'SELECT id, sequence FROM events WHERE station = ? AND sequence IS NOT NULL ORDER BY id LIMIT 1',
				station,
			) as [number, number][];
			const many = Math.min(sequence - 1, id - begin);
			return many > 0 ? [{ station: name, from: sequence - many, to: sequence - 1 }] : [];
		});
	}

	/** Numbers that are missing where an event is missing. */
	holesAround(id: number): Hole[] {
		return [...this.#stations.values()].flatMap((station) => {
			const find = (where: string) =>
				this.#rows(
					`SELECT sequence FROM events WHERE station = ? AND sequence IS NOT NULL AND ${where} LIMIT 1`,
					station.id,
					id,
				)[0]?.[0] as number | undefined;
			const next = find('id > ? ORDER BY id') ?? station.sequence + 1;
			const before = find('id < ? ORDER BY id DESC') ?? next - 2;
			return next > before + 1 ? [{ station: station.name, from: before + 1, to: next - 1 }] : [];
		});
	}

	#know(station: Station): void {
		this.#stations.set(station.name, station);
		this.#stationNames.set(station.id, station.name);
	}

	#stationOf(name: string): Station {
		const known = this.#stations.get(name);
		if (known) return known;
		const fresh = { id: Math.max(0, ...this.#stationNames.keys()) + 1, name, sequence: 0 };
		this.insert('stations', sealed('stations', [fresh.id, stored(name), 0]));
		copy('stations', fresh.id, stored(name), this.#prepared);
		this.#know(fresh);
		return fresh;
	}

	#number(station: Station, sequence: number): void {
		station.sequence = sequence;
		this.#numbered.add(station);
	}

	run(sql: string, ...values: readonly Value[]): number {
		return this.#prepared(sql).run(...values).changes;
	}

	#rows(sql: string, ...values: readonly Value[]): Value[][] {
		return this.#prepared(sql).all(...values) as Value[][];
	}
}
