import { Failure } from '../base/failure.js';
import { type Database, inTransaction } from './database.js';

/**
 * What leads from each version of the schema to the next, the first from an empty database; a row that has been released never
 * changes. How rows are read and written is `row.ts`'s.
 */
export const MIGRATIONS: readonly string[] = [
	`
	CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

	-- Who verdicts are of, and the last number that was given.
	CREATE TABLE stations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, seal INTEGER NOT NULL);

	-- What many events have in common.
	CREATE TABLE origins (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE, seal INTEGER NOT NULL);

	-- The names in bodies; their values stand in the events.
	CREATE TABLE shapes (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE, seal INTEGER NOT NULL);

	-- Once more what events refer to, in other pages: without it they say nothing.
	CREATE TABLE copies (id INTEGER PRIMARY KEY, original TEXT NOT NULL, ref INTEGER NOT NULL, body TEXT NOT NULL, seal INTEGER NOT NULL);

	CREATE TABLE events (
		id INTEGER PRIMARY KEY,
		kind INTEGER NOT NULL,
		station INTEGER,
		sequence INTEGER,
		at_ms INTEGER NOT NULL,
		-- Recorded so long after.
		after_ms INTEGER NOT NULL,
		verdict INTEGER,
		score REAL,
		part TEXT,
		origin INTEGER NOT NULL,
		shape INTEGER NOT NULL,
		body TEXT NOT NULL,
		seal INTEGER NOT NULL
	);
	CREATE INDEX events_by_station ON events (station);
	CREATE INDEX events_by_verdict ON events (verdict) WHERE verdict > 0;
	CREATE INDEX events_by_part ON events (part) WHERE part IS NOT NULL;

	-- Which events fell in an hour of the wall clock: finds a time without an entry for each event.
	CREATE TABLE hours (hour INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);

	CREATE TABLE pictures (
		id INTEGER PRIMARY KEY,
		event INTEGER NOT NULL,
		role INTEGER NOT NULL,
		place INTEGER NOT NULL,
		hash BLOB NOT NULL,
		bytes INTEGER NOT NULL,
		seal INTEGER NOT NULL
	);
	CREATE INDEX pictures_by_event ON pictures (event);
	CREATE INDEX pictures_by_hash ON pictures (hash);

	CREATE TABLE due (station TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (station, key)) WITHOUT ROWID;

	-- Ranges of ids that an outlet still has to deliver; without an end: what comes.
	CREATE TABLE undelivered (
		outlet TEXT NOT NULL,
		stream TEXT NOT NULL,
		first INTEGER NOT NULL,
		last INTEGER,
		PRIMARY KEY (outlet, stream, first)
	) WITHOUT ROWID;

	CREATE TABLE dead_letters (
		id INTEGER PRIMARY KEY,
		outlet TEXT NOT NULL,
		event INTEGER NOT NULL,
		reason TEXT NOT NULL,
		at_ms INTEGER NOT NULL
	);
	`,
	`
	-- Requests that were taken on, by who asked under which id, and the answer where there is one yet.
	CREATE TABLE answers (
		id INTEGER PRIMARY KEY,
		requester TEXT NOT NULL,
		request TEXT NOT NULL,
		-- Tells whether it is the same one again.
		print TEXT NOT NULL,
		claim TEXT NOT NULL,
		at_ms INTEGER NOT NULL,
		answer TEXT,
		bytes INTEGER NOT NULL,
		said INTEGER NOT NULL,
		UNIQUE (requester, request)
	);
	`,
	`
	-- What was edited, each row with SHA-256 of the one before it and of itself (trail.ts).
	CREATE TABLE trail (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL, seal INTEGER NOT NULL);

	-- Which signatures were used.
	CREATE TABLE nonces (key TEXT NOT NULL, nonce TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (key, nonce)) WITHOUT ROWID;
	CREATE INDEX nonces_by_time ON nonces (at_ms);
	`,
];

/** The version of a database's schema, 0 where there is none. */
export function versionOf(database: Database): number {
	const row = database.prepare('PRAGMA user_version').get() as { readonly user_version: number };
	return row.user_version;
}

/** Brings a database to the newest version, each step whole or not at all. @throws Failure journal-newer for one of a later program */
export function migrate(database: Database, path: string, migrations: readonly string[] = MIGRATIONS): void {
	const found = versionOf(database);
	if (found > migrations.length) throw newer(path, found, migrations.length);
	for (let version = found; version < migrations.length; version += 1) {
		inTransaction(database, () => {
			database.exec(migrations[version]!);
			database.exec(`PRAGMA user_version = ${version + 1}`);
		});
	}
}

/** Of a later program. */
export function newer(path: string, found: number, known: number): Failure {
	return new Failure(
		'journal-newer',
		`Cannot open journal "${path}": its version ${found} is newer than this program's ${known}`,
		`Install the newer program again, or put back the copy that it made before ("journal-version-${known}.db", docs/install.md), or move the journal away to begin a new one.`,
	);
}
