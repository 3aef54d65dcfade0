import { existsSync } from 'node:fs';
import { Damage, type Database, inTransaction, openToRead, troubleOf } from './database.js';
import { rowsInFile, rowsInLog } from './pages.js';
import { isSealed, SEALED, type SealedTable, type Value } from './row.js';
import { Store } from './store.js';
import { TRAIL_FACTS } from './trail.js';

/** What was found in a damaged database. */
export type Salvaged = {
	readonly series: string | undefined;
	/** Facts that hold for the new database, too. */
	readonly facts: ReadonlyMap<string, string>;
	/** Whether it is known what outlets still had to deliver. */
	readonly knowsUndelivered: boolean;
	/** Whether it is known which signatures were used. */
	readonly knowsNonces: boolean;
	readonly events: number;
	/** Whether the time, or the room, was enough to look everywhere. */
	readonly isComplete: boolean;
};

/** Rows in one transaction and one statement. */
const BATCH = 500;

/** First what others refer to. */
const ORDER: readonly SealedTable[] = [
	'trail',
	'stations',
	'shapes',
	'origins',
	'copies',
	'events',
	'pictures',
];

/** Short, and read as a whole or not at all. */
const UNSEALED = ['due', 'undelivered', 'dead_letters', 'answers', 'nonces'] as const;

const KEPT_FACTS = [...TRAIL_FACTS, 'nonces_after'];

/**
 * Reads into a new database whatever a damaged one still holds, the newest first, until the time is over: first as SQLite leads to
 * it, then page by page. Rows keep their numbers, which are at most `highest`; what is not what was written stays behind.
 */
export function salvage(path: string, into: Database, highest: number, budgetMs: number): Salvaged {
	const end = performance.now() + budgetMs;
	let isWhole = true;
	let isComplete = true;
	/** What cannot be read or written ends one attempt, and not the others. @returns whether it went to its end */
	const attempt = (work: () => void): boolean => {
		try {
			work();
			return true;
		} catch (thrown) {
			const trouble = troubleOf(thrown);
			if (trouble === undefined) throw thrown;
			isWhole = false;
			if (trouble === 'full') isComplete = false;
			return false;
		}
	};
	const isOver = (): boolean => {
		if (performance.now() > end) isComplete = false;
		return !isComplete;
	};
	const taker = new Taker(into);
	let series: string | undefined;
	let facts: ReadonlyMap<string, string> = new Map();
	let knowsUndelivered = false;
	let knowsNonces = false;
	attempt(() => {
		const source = openToRead(path);
		try {
			attempt(() => {
				series = seriesOf(source);
				facts = factsOf(source);
			});
			for (const table of UNSEALED) {
				const isRead = attempt(() => taker.copy(source, table));
				if (table === 'undelivered') knowsUndelivered = isRead;
				if (table === 'nonces') knowsNonces = isRead;
			}
			for (const table of ORDER)
				attempt(() => {
					for (const rows of downwards(source, table, highest)) {
						if (rows === 'unreadable') isWhole = false;
						else taker.take(table, rows);
						if (isOver()) break;
					}
				});
		} finally {
			source.close();
		}
	});
	const files = [
		[`${path}-wal`, rowsInLog],
		[path, rowsInFile],
	] as const;
	for (const [file, rowsOf] of isWhole ? [] : files)
		if (existsSync(file))
			attempt(() => {
				for (const row of rowsOf(file)) {
					taker.find(row);
					if (isOver()) break;
				}
				taker.flush();
			});
	taker.settle();
	return { series, facts, knowsUndelivered, knowsNonces, events: taker.events, isComplete };
}

/** Puts rows into a new database. */
class Taker {
	readonly #into: Database;
	readonly #store: Store;
	readonly #found = new Map<SealedTable, Value[][]>();
	events = 0;

	constructor(into: Database) {
		this.#into = into;
		this.#store = new Store(into);
	}

	/** Those among the rows that are what was written. */
	take(table: SealedTable, rows: readonly (readonly Value[])[]): void {
		// A station's row is written anew with each number; of all others one copy is as good as another.
		const already =
			table === 'stations'
				? '(id) DO UPDATE SET sequence = excluded.sequence, seal = excluded.seal WHERE excluded.sequence > sequence'
				: 'DO NOTHING';
		inTransaction(this.#into, () => {
			for (const row of rows) {
				if (!isSealed(table, row)) continue;
				const places = row.map(() => '?').join(', ');
				const isNew =
					this.#store.run(`INSERT INTO ${table} VALUES (${places}) ON CONFLICT ${already}`, ...row) > 0;
				if (table !== 'events' || !isNew) continue;
				this.#store.noteHour(row[4] as number, row[0] as number);
				this.events += 1;
			}
			this.#store.flush();
		});
	}

	/** A row of some table. */
	find(row: Value[]): void {
		const table = ORDER.find((name) => SEALED[name].columns === row.length && isSealed(name, row));
		if (!table) return;
		const rows = this.#found.get(table) ?? [];
		this.#found.set(table, rows);
		if (rows.push(row) >= BATCH) this.#flushOne(table);
	}

	flush(): void {
		for (const table of ORDER) this.#flushOne(table);
	}

	#flushOne(table: SealedTable): void {
		this.take(table, this.#found.get(table) ?? []);
		this.#found.delete(table);
	}

	/** What refers to nothing says nothing. */
	settle(): void {
		inTransaction(this.#into, () => {
			this.events -= this.#store.settle();
		});
	}

	/** A whole table, where there is one and it can be read: an older program knew fewer. @throws Damage */
	copy(source: Database, table: (typeof UNSEALED)[number]): void {
		const known = source.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
		if (known === undefined) return;
		const statement = source.prepare(`SELECT * FROM ${table}`);
		statement.setReturnArrays(true);
		const rows = statement.all() as Value[][];
		inTransaction(this.#into, () => {
			for (const row of rows) {
				const places = row.map(() => '?').join(', ');
				if (this.#store.run(`INSERT OR IGNORE INTO ${table} VALUES (${places})`, ...row) === 0)
					throw new Damage(`a row of ${table} is none`);
			}
			this.#store.due();
			this.#store.deliveries.undelivered();
			this.#store.deliveries.deadLetters();
			this.#store.requests.kept();
		});
	}
}

/** A table's rows from the highest number down, past those that SQLite cannot read. */
function* downwards(
	source: Database,
	table: SealedTable,
	highest: number,
): Generator<Value[][] | 'unreadable'> {
	const statement = source.prepare(`SELECT * FROM ${table} WHERE id < ? ORDER BY id DESC LIMIT ?`);
	statement.setReturnArrays(true);
	let limit = BATCH;
	let step = 1;
	for (let below = highest + 1; below > 0; ) {
		let rows: Value[][];
		try {
			rows = statement.all(below, limit) as Value[][];
		} catch (thrown) {
			if (troubleOf(thrown) !== 'damaged') throw thrown;
			yield 'unreadable';
			if (limit > 1) limit = Math.floor(limit / 4);
			else {
				below -= step;
				step *= 2;
			}
			continue;
		}
		if (rows.length === 0) return;
		yield rows;
		below = rows.at(-1)![0] as number;
		[limit, step] = [Math.min(BATCH, limit * 2), 1];
	}
}

function factsOf(source: Database): ReadonlyMap<string, string> {
	const rows = source.prepare('SELECT name, value FROM facts').all() as { name: unknown; value: unknown }[];
	const found = rows.map(({ name, value }) => [String(name), String(value)] as const);
	return new Map(found.filter(([name]) => KEPT_FACTS.includes(name)));
}

function seriesOf(source: Database): string | undefined {
	const row = source.prepare("SELECT value FROM facts WHERE name = 'series'").get() as
		| { readonly value: unknown }
		| undefined;
	return typeof row?.value === 'string' && /^[0-9a-f]{12}$/.test(row.value) ? row.value : undefined;
}
