import { randomBytes } from 'node:crypto';
import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Failure, reasonOf } from '../base/failure.js';
import { type Database, inTransaction, openLock, openToWrite, troubleOf } from './database.js';
import type { Answer, Ask, Asks, Committed, Extent, Opened, Write } from './exchange.js';
import { migrate } from './schema.js';
import { Store } from './store.js';

/** How many of the newest events the other side keeps in memory. */
export const NEWEST = 512;

/** The journal's only writer: every call blocks until the disk has done it, which is why it has a thread of its own. */
class Writer {
	readonly #folder: string;
	readonly #path: string;
	readonly #lock: Database;
	readonly #database: Database;
	readonly #store: Store;
	#isSynced = true;

	/** @throws Failure journal-busy, journal-newer, file-unwritable */
	constructor(folder: string) {
		this.#folder = folder;
		this.#path = join(folder, 'journal.db');
		makeFolder(folder);
		this.#lock = lockOf(folder);
		this.#database = openToWrite(this.#path);
		migrate(this.#database, this.#path);
		this.#store = new Store(this.#database);
	}

	opened(): Opened {
		const store = this.#store;
		let series = store.fact('series');
		if (series === undefined) {
			series = randomBytes(6).toString('hex');
			store.note('series', series);
		}
		const { event, picture } = store.counted;
		return {
			series,
			owed: store.due(),
			newest: store.newestEvents(NEWEST),
			lastEvent: event,
			lastPicture: picture,
			undelivered: store.undelivered(),
			extent: this.#extent(),
		};
	}

	commit(writes: readonly Write[]): Committed {
		this.#sync(writes.some(({ kind }) => kind !== 'due' && kind !== 'undelivered'));
		try {
			const numbers = inTransaction(this.#database, () => this.#store.write(writes));
			return { numbers, extent: this.#extent() };
		} catch (thrown) {
			this.#store.forget();
			throw thrown;
		}
	}

	events({ range, limit, kinds }: Asks['events']['ask']): Asks['events']['answer'] {
		return this.#store.events(range, limit, kinds);
	}

	pictures({ range, limit }: Asks['pictures']['ask']): Asks['pictures']['answer'] {
		return this.#store.pictures(range, limit);
	}

	deadLetters(): Asks['deadLetters']['answer'] {
		return this.#store.deadLetters();
	}

	close(): void {
		this.#sync(true);
		inTransaction(this.#database, () => this.#store.clearDue());
		this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
		this.#database.close();
		this.#lock.close();
	}

	/** What is lost at most when the power goes may wait for the next commit that does not: it costs no write of its own. */
	#sync(isSynced: boolean): void {
		if (isSynced !== this.#isSynced)
			this.#database.exec(`PRAGMA synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`);
		this.#isSynced = isSynced;
	}

	#extent(): Extent {
		const { bavail, bsize } = statfsSync(this.#folder);
		return {
			databaseBytes: bytesOf(this.#path) + bytesOf(`${this.#path}-wal`),
			pictureBytes: 0,
			events: 0,
			pictures: 0,
			oldestMs: null,
			freeBytes: bavail * bsize,
		};
	}
}

function makeFolder(folder: string): void {
	try {
		mkdirSync(folder, { recursive: true });
	} catch (thrown) {
		throw new Failure(
			'file-unwritable',
			`Cannot make folder "${folder}" for the journal: ${reasonOf(thrown)}`,
			'Choose a folder that this user may write to.',
		);
	}
}

function lockOf(folder: string): Database {
	const path = join(folder, 'journal.lock');
	try {
		return openLock(path);
	} catch (thrown) {
		if (troubleOf(thrown) === 'busy')
			throw new Failure(
				'journal-busy',
				`Cannot open journal "${folder}": another program writes to it`,
				'End the other inspectord, or give this one a folder of its own.',
			);
		throw new Failure(
			'file-unwritable',
			`Cannot write "${path}": ${reasonOf(thrown)}`,
			'Choose a folder that this user may write to.',
		);
	}
}

function bytesOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Answers what comes through the port, one after the other. */
function serve(port: MessagePort): void {
	let writer: Writer | undefined;
	const answerTo = (ask: Ask): unknown => {
		if (ask.kind === 'open') {
			writer = new Writer(ask.ask.folder);
			return writer.opened();
		}
		if (!writer) throw new Error('the journal is not open');
		switch (ask.kind) {
			case 'commit':
				return writer.commit(ask.ask.writes);
			case 'events':
				return writer.events(ask.ask);
			case 'pictures':
				return writer.pictures(ask.ask);
			case 'deadLetters':
				return writer.deadLetters();
			case 'close':
				return writer.close();
		}
	};
	port.on('message', (ask: Ask) => {
		let answer: Answer;
		try {
			answer = { id: ask.id, answer: answerTo(ask) };
		} catch (thrown) {
			const { message, stack = null } = thrown as Error;
			const { code = null, advice = null } = thrown instanceof Failure ? thrown : {};
			answer = { id: ask.id, failure: { trouble: troubleOf(thrown) ?? null, code, message, advice, stack } };
		}
		port.postMessage(answer);
		if (ask.kind === 'close' && !answer.failure) port.close();
	});
}

if (parentPort) serve(parentPort);
