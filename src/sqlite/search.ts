import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import type { Audited } from '../protocol/audit.js';
import type { Event, Picture } from '../protocol/events.js';
import type { TrailReport } from '../protocol/trail.js';
import { type Counts, countsIn } from './counts.js';
import { type Database, openToRead, sqliteVersion, troubleOf } from './database.js';
import type { DeadLetter, TrailQuery } from './exchange.js';
import { readLast } from './numbers.js';
import { MIGRATIONS, newer, versionOf } from './schema.js';
import { type Scores, type ScoresQuery, scoresIn } from './scores.js';
import { type Query, Store } from './store.js';
import type { Link } from './trail.js';

export type { ScoresQuery } from './scores.js';
export type { Query } from './store.js';

/** A journal that is read beside the daemon that writes it. */
export type Search = Disposable & {
	readonly series: string;
	/** In order of ids. */
	find(query: Query): Iterable<Event>;
	/** Of parts that were accepted or rejected. */
	scores(query: ScoresQuery): Scores;
	/** Of what was judged since the newest report. */
	counts(): Counts;
	/** The pictures of an event. */
	pictures(event: number): readonly Picture[];
	/** Entries of the trail of edits, in the order in which they were written. */
	trail(query: TrailQuery): readonly Audited[];
	/** Whether the trail is what was written, and holds `known`: an entry of which somebody remembers the hash. */
	verifyTrail(known?: Link): TrailReport;
	/** What outlets could not deliver, with its event where that still stands. */
	deadLetters(): readonly (DeadLetter & { readonly of: Event | undefined })[];
};

/** So many are read at once: a reader that takes its time must not keep the writer from its log. */
const PAGE = 500;

/** @throws Failure file-unreadable, journal-newer */
export function openSearch(folder: string): Search {
	const path = join(folder, 'journal.db');
	if (!existsSync(path))
		throw new Failure(
			'file-unreadable',
			`Cannot read journal "${folder}": there is none`,
			'It is made by `inspectord run`; which folder it is, the configuration says (journal.folder).',
		);
	const { database, store } = attempt(folder, () => opened(path));
	return {
		series: store.fact('series') ?? '',
		*find(query) {
			const ids = attempt(folder, () => store.find(query));
			for (let at = 0; at < ids.length; at += PAGE)
				yield* attempt(folder, () => store.eventsOf(ids.slice(at, at + PAGE)));
		},
		scores: (query) => attempt(folder, () => scoresIn(database, query)),
		counts: () => attempt(folder, () => countsIn(database, store)),
		pictures: (event) => attempt(folder, () => store.picturesOf(event)),
		trail: (query) => attempt(folder, () => store.trail.find(query)),
		verifyTrail: (known) =>
			attempt(folder, () => {
				// What stands beside the database is read first: the daemon may write meanwhile.
				const last = readLast(join(folder, 'last.json'));
				const beside = last?.series === store.fact('series') ? last?.trail : undefined;
				database.exec('BEGIN');
				try {
					return store.trail.verify([beside, known].filter((link) => link !== undefined));
				} finally {
					database.exec('COMMIT');
				}
			}),
		deadLetters: () =>
			attempt(folder, () =>
				store.deliveries
					.deadLetters()
					.map(({ id: _, ...letter }) => ({ ...letter, of: store.eventsOf([letter.event])[0] })),
			),
		[Symbol.dispose]: () => database.close(),
	};
}

/** That it can be opened and no later program has written it; damage is another matter. @throws Failure journal-newer, library-unusable */
export function assertKnown(folder: string): void {
	sqliteVersion();
	const path = join(folder, 'journal.db');
	if (!existsSync(path)) return;
	try {
		using database = disposable(openToRead(path));
		const version = versionOf(database.of);
		if (version > MIGRATIONS.length) throw newer(path, version, MIGRATIONS.length);
	} catch (thrown) {
		if (troubleOf(thrown) === undefined) throw thrown;
	}
}

function disposable(of: Database): Disposable & { readonly of: Database } {
	return { of, [Symbol.dispose]: () => of.close() };
}

function opened(path: string): { readonly database: Database; readonly store: Store } {
	const database = openToRead(path);
	try {
		const version = versionOf(database);
		if (version > MIGRATIONS.length) throw newer(path, version, MIGRATIONS.length);
		if (version < MIGRATIONS.length)
			throw new Failure(
				'file-unreadable',
				`Cannot read journal "${path}": its version ${version} is older than this program's ${MIGRATIONS.length}`,
				'Start the daemon once: it brings the journal up to date.',
			);
		return { database, store: new Store(database) };
	} catch (thrown) {
		database.close();
		throw thrown;
	}
}

function attempt<T>(folder: string, work: () => T): T {
	try {
		return work();
	} catch (thrown) {
		const trouble = troubleOf(thrown);
		if (trouble === undefined) throw thrown;
		throw new Failure(
			'file-unreadable',
			`Cannot read journal "${folder}": ${reasonOf(thrown)}`,
			trouble === 'damaged'
				? 'The daemon sets it aside and reads what it can when it starts.'
				: 'Try it as the user whom the daemon runs as.',
		);
	}
}
