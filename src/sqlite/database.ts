import { createRequire } from 'node:module';
import type * as Sqlite from '@photostructure/sqlite';
import { unloadable } from '../base/failure.js';

const require = createRequire(import.meta.url);

export type Database = Sqlite.DatabaseSyncInstance;

/** Loaded where a database is opened: whoever opens none must be able to tell that it is missing. @throws Failure library-unusable */
function open(path: string, options: Sqlite.DatabaseSyncOptions = {}): Database {
	let sqlite: typeof Sqlite;
	try {
		sqlite = require('@photostructure/sqlite') as typeof Sqlite;
	} catch (thrown) {
		throw unloadable('SQLite', thrown);
	}
	return new sqlite.DatabaseSync(path, options);
}

/** SQLite's own version. @throws Failure library-unusable */
export function sqliteVersion(): string {
	const database = open(':memory:');
	try {
		return String(database.prepare('SELECT sqlite_version() AS version').get()?.version);
	} finally {
		database.close();
	}
}

/** How long a statement waits for another process, which holds the database for moments only. */
const PATIENCE_MS = 2000;

/** A page is what an SD card writes at least. */
const PAGE_BYTES = 4096;

/** The write-ahead log is cut to this after it has been larger; it counts for no bound. */
const MOST_LOG_BYTES = 8e6;

/** Opens a database for its only writer: write-ahead log, a commit is on the disk's surface, freed pages can be given back. */
export function openToWrite(path: string): Database {
	const database = open(path, { timeout: PATIENCE_MS });
	try {
		database.exec(
			`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
			PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${MOST_LOG_BYTES}; PRAGMA cache_size = -8000; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;`,
		);
	} catch (thrown) {
		database.close();
		throw thrown;
	}
	return database;
}

/** Opens a database beside its writer. */
export function openToRead(path: string): Database {
	return open(path, { timeout: PATIENCE_MS, readOnly: true });
}

/** Opens a file that is nothing but a lock: it goes with the process that holds it, however that ends. @throws where another holds it */
export function openLock(path: string): Database {
	const database = open(path);
	try {
		// Nothing is written, also where the disk takes nothing.
		database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
		return database;
	} catch (thrown) {
		database.close();
		throw thrown;
	}
}

/** What the world can do to a database. */
export type Trouble = 'full' | 'damaged' | 'busy' | 'unwritable' | 'unreadable';

/**
 * By SQLite's primary result code (sqlite.org/rescode.html), with its text: the binding tells the code of most errors and the text of
 * all. 1555 and 2067: no number or text of ours stands twice in tables that are whole.
 */
const RESULTS: readonly (readonly [code: number, text: string, trouble: Trouble])[] = [
	[5, 'database is locked', 'busy'],
	[6, 'database table is locked', 'busy'],
	[8, 'attempt to write a readonly database', 'unwritable'],
	[10, 'disk I/O error', 'unreadable'],
	[11, 'database disk image is malformed', 'damaged'],
	[13, 'database or disk is full', 'full'],
	[14, 'unable to open database file', 'unwritable'],
	[23, 'authorization denied', 'unwritable'],
	[26, 'file is not a database', 'damaged'],
	[1555, '', 'damaged'],
	[2067, '', 'damaged'],
];

const SYSTEM: Readonly<Record<string, Trouble>> = {
	ENOSPC: 'full',
	EDQUOT: 'full',
	EFBIG: 'full',
	EROFS: 'unwritable',
	EACCES: 'unwritable',
	EPERM: 'unwritable',
	ENOENT: 'unwritable',
	ENOTDIR: 'unwritable',
	EISDIR: 'unwritable',
	EMFILE: 'unreadable',
	EIO: 'unreadable',
	// Of the binding: a number in a row that none of ours is.
	ERR_OUT_OF_RANGE: 'damaged',
};

/** What stands in the database is not what was written. */
export class Damage extends Error {
	override readonly name = 'Damage';
}

/** What the world did when this was thrown; undefined for a fault of ours. */
export function troubleOf(thrown: unknown): Trouble | undefined {
	if (thrown instanceof Damage) return 'damaged';
	const { errcode, code, message } = thrown as {
		readonly errcode?: unknown;
		readonly code?: unknown;
		readonly message?: unknown;
	};
	const result = RESULTS.find(([number, text]) =>
		typeof errcode === 'number' ? number === errcode || number === (errcode & 0xff) : text === message,
	);
	return result?.[2] ?? (typeof code === 'string' ? SYSTEM[code] : undefined);
}

/** Runs work whole or not at all. */
export function inTransaction<T>(database: Database, work: () => T): T {
	database.exec('BEGIN IMMEDIATE');
	try {
		const done = work();
		database.exec('COMMIT');
		return done;
	} catch (thrown) {
		if (database.isTransaction) database.exec('ROLLBACK');
		throw thrown;
	}
}

export type Prepare = (sql: string) => ReturnType<Database['prepare']>;

/** Statements that are compiled once; their rows come as lists. */
export function preparing(database: Database): Prepare {
	const statements = new Map<string, ReturnType<Database['prepare']>>();
	return (sql) => {
		const known = statements.get(sql);
		if (known) return known;
		const statement = database.prepare(sql);
		statement.setReturnArrays(true);
		statements.set(sql, statement);
		return statement;
	};
}
