import { randomBytes } from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	statfsSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import type { Level, LogEvent } from '../base/log.js';
import type { Entry, Event } from '../protocol/events.js';
import type { Gap } from '../protocol/gap.js';
import { breakLine } from '../protocol/trail.js';
import { Damage, type Database, inTransaction, openToWrite, troubleOf } from './database.js';
import { eventOf, rowOf } from './entry.js';
import type { Asks, Bounds, Committed, Extent, News, Numbers, Opened, Stream, Write } from './exchange.js';
import { lockOf, unwritable } from './lock.js';
import {
	flush,
	isWithin,
	own,
	readLast,
	readReserved,
	reservedAbove,
	resumption,
	writeLast,
	writeReserved,
} from './numbers.js';
import { orderly } from './ranges.js';
import { excess, giveBack, nextStep, type Taken, takeEvents, takePictures, tooOld } from './retention.js';
import { type Salvaged, salvage } from './salvage.js';
import { MIGRATIONS, migrate, versionOf } from './schema.js';
import { type Counted, Store } from './store.js';
import type { Link, Trail } from './trail.js';

/** How many of the newest events the other side keeps in memory. */
const NEWEST = 512;

/** A database up to this size is looked through before it is used. */
const CHECKED_BYTES = 64e6;

/** Damaged databases that are kept. */
const MOST_DAMAGED = 3;
const DAMAGED = /^journal-damaged-.*\.db$/;

/** The journal as it was before this program changed its schema: the newest is kept. */
const COPY = /^journal-version-\d+\.db$/;

/** For so long a damaged database is read at most, while nothing is written. */
const SALVAGE_MS = 5000;

const NONE: Counted = { event: 0, picture: 0, sequences: {} };

/** As much as some thousand verdicts take. Given up step by step: what is free for a moment, others take. */
const RESERVE_BYTES = 8 * 2 ** 20;
const RESERVE_STEP = 2 ** 17;

/** How long the room on the disk is believed to be what it was. */
const FREE_MS = 100;

/** What is lost at most when the power goes: it is said or noted again, and nobody is told that it stands. */
const LAZY: readonly Write['kind'][] = ['due', 'undelivered', 'said'];
const isLazy = (write: Write): boolean =>
	LAZY.includes(write.kind) && !(write.kind === 'due' && write.taken !== undefined);

type Open = { readonly database: Database; readonly store: Store; readonly series: string };

/** The journal's only writer. Every call blocks until the disk has done it, which is why it has a thread of its own. */
export class Writer {
	readonly #folder: string;
	readonly #path: string;
	#bounds: Bounds;
	/** Of what the journal adds itself. */
	readonly #origin: object;
	readonly #lock: Database;
	readonly #lastFile: number;
	#lastLength: number;
	#lastText = '';
	/** Undefined between a damage and the new database. */
	#open: Open | undefined;
	#reserved: Counted = NONE;
	#committed: Counted = NONE;
	#isSynced = true;
	#nowMs: number;
	#pictures = 0;
	#pictureBytes = 0;
	#asideBytes = 0;
	#reserveBytes = 0;
	#freeBytes = { bytes: 0, atMs: Number.NaN };
	#events: Event[] = [];
	#lines: (readonly [Level, string, LogEvent])[] = [];

	/** @throws Failure journal-busy, journal-newer, file-unwritable */
	constructor({ folder, box, bounds, nowMs }: Asks['open']['ask']) {
		this.#origin = { box };
		this.#folder = folder;
		this.#bounds = bounds;
		this.#nowMs = nowMs;
		this.#path = join(folder, 'journal.db');
		makeFolder(folder);
		this.#lock = lockOf(folder);
		try {
			this.#lastFile = openSync(this.#in('last.json'), existsSync(this.#in('last.json')) ? 'r+' : 'w+');
			this.#lastLength = bytesOf(this.#in('last.json'));
			this.#beginAlsoOnFullDisk();
		} catch (thrown) {
			this.#lock.close();
			if (thrown instanceof Failure || troubleOf(thrown) === undefined) throw thrown;
			throw unwritable(this.#path, thrown);
		}
	}

	/** A disk that was filled while nobody was there shows in many ways. */
	#beginAlsoOnFullDisk(): void {
		for (;;)
			try {
				this.#begin();
				return;
			} catch (thrown) {
				const isFull = troubleOf(thrown) !== undefined && this.#free() < RESERVE_BYTES;
				if (!isFull || !this.#useReserve()) throw thrown;
			}
	}

	opened(): Opened {
		this.#holdReserve();
		return this.#with((open) => {
			const { store, series } = open;
			const { event, picture } = store.counted;
			return {
				series,
				owed: store.due(),
				taken: store.taken(),
				newest: store.newestEvents(NEWEST),
				lastEvent: event,
				lastPicture: picture,
				undelivered: store.deliveries.undelivered(),
				extent: this.#extent(open),
			};
		});
	}

	commit({ writes, nowMs }: Asks['commit']['ask']): Committed {
		this.#nowMs = nowMs;
		// What is lost at most when the power goes waits for the next commit that does not wait: it costs no write of its own.
		const isEachLazy = writes.every(isLazy);
		this.#sync(!isEachLazy);
		const write = (open: Open): Committed => {
			const numbers = this.#transact(
				open,
				() => {
					const given: Numbers[][] = [];
					for (const one of writes)
						given.push(one.kind === 'lost' ? this.#lose(open.store, one) : open.store.write([one])[0]!);
					return given;
				},
				isEachLazy,
			);
			for (const one of writes)
				if (one.kind === 'pictures') this.#countPictures(one.rows.length, sumOf(one.rows));
			return { numbers, extent: this.#extent(open) };
		};
		return this.#with((open) => {
			for (;;)
				try {
					return write(open);
				} catch (thrown) {
					if (troubleOf(thrown) !== 'full' || !this.#useReserve()) throw thrown;
				}
		});
	}

	/** Verdicts that could not be kept get their numbers, and a gap names them. */
	#lose(store: Store, { station, count, settles }: Extract<Write, { kind: 'lost' }>): Numbers[] {
		const { from, to } = store.skip(station, count);
		for (const key of settles) store.unowe(station, key);
		this.#addGap(store, station, { reason: 'disk-full', from, to });
		return [];
	}

	/** One step towards the bounds: small, because nothing is written meanwhile. */
	tidy({ nowMs, ageMs, bounds }: Asks['tidy']['ask']): Asks['tidy']['answer'] {
		this.#bounds = bounds;
		this.#nowMs = nowMs;
		this.#sync(true);
		return this.#with((open) => {
			const isLess = this.#takeAside(open.store);
			const taken = isLess ? undefined : this.#transact(open, () => this.#take(open.store, ageMs));
			this.#countPictures(-(taken?.pictures ?? 0), -(taken?.pictureBytes ?? 0));
			const isGiven = this.#isShort() && giveBack(open.database);
			this.#holdReserve();
			const isMore = isLess || isGiven || taken !== undefined;
			return { hashes: taken?.hashes ?? [], isMore, extent: this.#extent(open) };
		});
	}

	/** Small, as `tidy` is. */
	vacuum(): Asks['vacuum']['answer'] {
		this.#sync(true);
		return this.#with(({ database }) => ({ isMore: giveBack(database) }));
	}

	/** What lies beside the journal goes before anything that is in it. @returns whether there was one that had to */
	#takeAside(store: Store): boolean {
		const [oldest] = this.#asides();
		if (oldest === undefined) return false;
		if (!this.#isShort() && excess(this.#extentOf(store), this.#bounds) !== 'events') return false;
		remove(this.#in(oldest));
		this.#weighAsides();
		return true;
	}

	#weighAsides(): void {
		this.#asideBytes = this.#asides().reduce(
			(sum, name) => sum + bytesOf(this.#in(name)) + bytesOf(this.#in(`${name}-wal`)),
			0,
		);
	}

	#take(store: Store, ageMs: number): Taken | undefined {
		const old = tooOld(store, this.#bounds.mostAgeDays, ageMs);
		const first = old === undefined ? excess(this.#extentOf(store), this.#bounds) : 'events';
		if (first === 'pictures') return takePictures(store);
		if (first === undefined) return undefined;
		const taken = takeEvents(store, old ?? nextStep(store));
		for (const { outlet, station, reason, holes } of taken.unheard)
			for (const { from, to } of holes) this.#addGap(store, station, { reason, from, to }, outlet);
		return taken;
	}

	unnamed({ hashes }: Asks['unnamed']['ask']): readonly string[] {
		return this.#with(({ store }) => hashes.filter((hash) => !store.isNamed(hash)));
	}

	#countPictures(count: number, bytes: number): void {
		this.#pictures += count;
		this.#pictureBytes += bytes;
	}

	#isShort(): boolean {
		return this.#free() < this.#bounds.leastFreeBytes;
	}

	#free(): number {
		const { bavail, bsize } = statfsSync(this.#folder);
		this.#freeBytes = { bytes: bavail * bsize, atMs: this.#nowMs };
		return this.#freeBytes.bytes;
	}

	/** @returns whether there was something left of it */
	#useReserve(): boolean {
		const path = this.#in('reserve');
		const bytes = bytesOf(path);
		if (bytes === RESERVE_BYTES)
			this.#say('error', 'the disk is full: its reserve is in use now', 'journal.disk-full');
		if (bytes > RESERVE_STEP) truncateSync(path, bytes - RESERVE_STEP);
		else rmSync(path, { force: true });
		this.#reserveBytes = bytesOf(path);
		return bytes > 0;
	}

	/** Room that others cannot take, for when they have taken everything else. */
	#holdReserve(): void {
		const path = this.#in('reserve');
		const left = Math.max(this.#bounds.leastFreeBytes, RESERVE_BYTES) + RESERVE_BYTES;
		this.#reserveBytes = bytesOf(path);
		if (this.#reserveBytes === RESERVE_BYTES || this.#free() < left) return;
		try {
			// Random, because some disks keep no zeros.
			writeFileSync(path, randomBytes(RESERVE_BYTES));
			flush(path);
		} catch (thrown) {
			rmSync(path, { force: true });
			if (troubleOf(thrown) === undefined) throw thrown;
		} finally {
			this.#reserveBytes = bytesOf(path);
		}
	}

	events({ range, limit, kinds }: Asks['events']['ask']): readonly Event[] {
		return this.#with(({ store }) => store.events(range, limit, kinds));
	}

	pictures({ range, limit }: Asks['pictures']['ask']): Asks['pictures']['answer'] {
		return this.#with(({ store }) => store.pictures(range, limit));
	}

	deadLetters(): Asks['deadLetters']['answer'] {
		return this.#with(({ store }) => store.deliveries.deadLetters());
	}

	kept(): Asks['kept']['answer'] {
		return this.#with(({ store }) => store.requests.kept());
	}

	answerTo(key: Asks['answerTo']['ask']): string | null {
		return this.#with(({ store }) => store.requests.answerTo(key));
	}

	trail(query: Asks['trail']['ask']): Asks['trail']['answer'] {
		return this.#with(({ store }) => store.trail.find(query));
	}

	/** What happened beside what was asked for, since this was last called. */
	news(): News {
		const news = { events: this.#events, lines: this.#lines };
		this.#events = [];
		this.#lines = [];
		return news;
	}

	/** Lets go of its files as a process that dies does: nothing is noted of an end. */
	abandon(): void {
		this.#leave();
		this.#lock.close();
	}

	close({ isWhole }: Asks['close']['ask']): null {
		this.#sync(true);
		this.#with((open) => {
			if (isWhole) this.#transact(open, () => open.store.run('DELETE FROM due'));
			open.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
			writeReserved(this.#in('numbers.json'), { ...open.store.counted, series: open.series, isClean: true });
		});
		this.#leave();
		this.#lock.close();
		return null;
	}

	/** Works on the database; when it shows to be damaged, on the one that takes its place. */
	#with<T>(work: (open: Open) => T): T {
		const open = this.#open ?? this.#begin();
		try {
			const done = work(open);
			return this.#mend(open) ? work(open) : done;
		} catch (thrown) {
			if (troubleOf(thrown) !== 'damaged') throw thrown;
			this.#leave();
			// So far numbers were given, and no further.
			writeReserved(this.#in('numbers.json'), { ...this.#committed, series: open.series, isClean: true });
			return work(this.#begin(thrown as Error));
		}
	}

	/** Writes whole or not at all; a number stands in a file of its own before it is used. */
	#transact<T>({ database, store, series }: Open, work: () => T, isLazy = false): T {
		const events = this.#events.length;
		try {
			const done = inTransaction(database, () => {
				const inside = work();
				store.flush();
				if (!isWithin(store.counted, this.#reserved)) this.#reserve(series, store.counted);
				return inside;
			});
			this.#committed = store.counted;
			// It gave no numbers; what outlets have delivered meanwhile they would say again at worst.
			if (!isLazy) this.#noteLast(store, series);
			return done;
		} catch (thrown) {
			this.#events.length = events;
			if (troubleOf(thrown) !== 'damaged') store.forget();
			throw thrown;
		}
	}

	#reserve(series: string, counted: Counted): void {
		const reserved = reservedAbove(counted);
		writeReserved(this.#in('numbers.json'), { ...reserved, series, isClean: false });
		this.#reserved = reserved;
	}

	#noteLast(store: Store, series: string): void {
		const last = {
			...store.counted,
			series,
			delivered: store.deliveries.firstUndelivered(),
			trail: store.trail.end,
		};
		const text = JSON.stringify(last);
		if (text === this.#lastText) return;
		this.#lastLength = writeLast(this.#lastFile, text, this.#lastLength);
		this.#lastText = text;
	}

	/** Opens the database, or one in place of it when it is damaged, and sees to it that no number is given twice. */
	#begin(damage?: Error): Open {
		const reserved = readReserved(this.#in('numbers.json'));
		const last = readLast(this.#in('last.json'));
		const fresh = this.#in('journal-fresh.db');
		// The place was emptied for it already.
		if (existsSync(fresh) && !existsSync(this.#path)) renameSync(fresh, this.#path);
		const isMissing = !existsSync(this.#path) && reserved !== undefined;
		if (isMissing) this.#say('error', `"${this.#path}" is missing: a new one goes on with its numbers`);
		let found: Found | undefined;
		let database: Database;
		try {
			if (damage) throw damage;
			if (existsSync(this.#path) && !statSync(this.#path).isFile()) throw new Damage('it is no file');
			database = this.#openDatabase();
		} catch (thrown) {
			if (troubleOf(thrown) !== 'damaged') throw thrown;
			found = this.#rebuild(thrown as Error, Math.max(reserved?.event ?? 0, reserved?.picture ?? 0));
			database = this.#openDatabase();
		}
		try {
			const store = new Store(database);
			const known = store.fact('series');
			/** What tells of another journal tells nothing of this one. */
			const mine = <T extends { readonly series: string }>(one: T | undefined) =>
				known === undefined || one?.series === known ? one : undefined;
			const shown = store.counted;
			const goesOn = resumption(shown, !found && !isMissing, mine(reserved), mine(last));
			const before = goesOn && (known ?? mine(reserved)?.series);
			if (found && before === undefined) this.#say('error', 'its numbers are lost too: a new series begins');
			const series = before ?? randomBytes(6).toString('hex');
			const counted = goesOn ?? shown;
			// What was last written is overwritten only when the numbers above it are taken care of.
			if (!mine(reserved)) this.#noteLast(store, series);
			this.#reserve(series, counted);
			const open = { database, store, series };
			this.#transact(open, () => {
				if (series !== known) store.note('series', series);
				if (found || known === undefined) widen(store, mine(last)?.delivered ?? []);
				if (known === undefined || found?.knowsNonces === false) store.note('nonces_after', this.#nowMs);
				this.#explainTrail(store.trail, mine(last)?.trail, found !== undefined);
				if (!goesOn?.isLoss && !found) return;
				const isUnheard = found && !found.knowsUndelivered && !mine(last);
				this.#explain(store, shown, counted, found && { ...found, isUnheard: isUnheard ?? false });
			});
			this.#open = open;
			({ pictures: this.#pictures, pictureBytes: this.#pictureBytes } = store.pictureExtent());
			this.#weighAsides();
			return open;
		} catch (thrown) {
			database.close();
			throw thrown;
		}
	}

	/** Goes on at higher numbers, and says which are missing; also what is missing inside a database that took the place of another. */
	#explain(
		store: Store,
		shown: Counted,
		counted: Counted,
		found: { readonly aside: string; readonly isUnheard: boolean } | undefined,
	): void {
		const holes = found ? store.holes() : [];
		store.skipTo(counted);
		if (found) holes.push(...store.holesBefore(shown, found.isUnheard));
		for (const [station, to] of Object.entries(counted.sequences))
			holes.push({ station, from: (own(shown.sequences, station) ?? 0) + 1, to });
		for (const { station, from, to } of holes)
			if (from <= to) this.#addGap(store, station, { reason: 'damaged', from, to });
		const [from, to] = [shown.event + 1, counted.event];
		this.#add(store, {
			kind: 'state',
			station: null,
			origin: this.#origin,
			body: {
				state: 'journal-damaged',
				aside: found?.aside ?? null,
				events: from <= to ? { from, to } : null,
			},
		});
		if (from <= to) this.#say('error', `events ${from} to ${to} may be lost: numbers go on above them`);
	}

	/** What is lost of the trail of edits stays missing in it: it goes on behind it. `last`: what was last written, as far as is known. */
	#explainTrail(trail: Trail, last: Link | undefined, isSalvaged: boolean): void {
		const isShort = last !== undefined && last.id > trail.end.id;
		if (!isShort && !isSalvaged) return;
		if (last) trail.skipTo(last);
		const { breaks } = trail.verify(last && [last]);
		if (breaks.length > 0)
			this.#say('error', `the trail of edits is not whole any more: ${breaks.map(breakLine).join(', ')}`);
	}

	/** `outlet`: who did not deliver them; without one nobody will. */
	#addGap(store: Store, station: string, body: Gap, outlet?: string): void {
		const origin = { ...this.#origin, ...(outlet !== undefined && { outlet }) };
		this.#add(store, { kind: 'gap', station, origin, body });
	}

	#add(store: Store, entry: Pick<Entry, 'kind' | 'station' | 'origin' | 'body'>): void {
		const recordedMs = this.#nowMs;
		const row = rowOf({ ...entry, atMs: recordedMs, verdict: null, score: null, part: null }, recordedMs);
		const [numbers] = store.write([{ kind: 'events', rows: [row], recordedMs }]);
		this.#events.push(eventOf(row, recordedMs, numbers![0]!));
	}

	/** @throws Damage, Failure journal-newer */
	#openDatabase(): Database {
		const database = openToWrite(this.#path);
		try {
			this.#keepCopy(database);
			migrate(database, this.#path);
			if (bytesOf(this.#path) <= CHECKED_BYTES) {
				const found = database.prepare('PRAGMA quick_check(1)').get() as { readonly quick_check: string };
				if (found.quick_check !== 'ok') throw new Damage(found.quick_check);
			}
			new Store(database);
			return database;
		} catch (thrown) {
			database.close();
			throw thrown;
		}
	}

	/** Before its schema changes, so that an older program has something to go back to. Without room it goes on without. @throws Damage */
	#keepCopy(database: Database): void {
		const version = versionOf(database);
		if (version === 0 || version >= MIGRATIONS.length) return;
		const name = `journal-version-${version}.db`;
		const [path, unfinished] = [this.#in(name), this.#in(`${name}.unfinished`)];
		const change = `its schema goes from version ${version} to ${MIGRATIONS.length}`;
		const lack = this.#copyTo(path, unfinished, database);
		if (lack === undefined)
			this.#say('info', `${change}: as it was it is kept as "${name}"`, 'journal.copied');
		else this.#say('warning', `${change}, and no copy of it is kept: ${lack}`, 'journal.copied');
	}

	/** @returns in words why it is not there */
	#copyTo(path: string, unfinished: string, database: Database): string | undefined {
		for (const old of [unfinished, ...this.#names(COPY).map((name) => this.#in(name))])
			if (old !== path) remove(old);
		const bytes = bytesOf(this.#path) + bytesOf(`${this.#path}-wal`);
		if (this.#free() - bytes < this.#bounds.leastFreeBytes) return 'the disk has no room for it';
		try {
			database.prepare('VACUUM INTO ?').run(unfinished);
			flush(unfinished);
			renameSync(unfinished, path);
			flush(this.#folder);
			return undefined;
		} catch (thrown) {
			remove(unfinished);
			if (troubleOf(thrown) === undefined || troubleOf(thrown) === 'damaged') throw thrown;
			return reasonOf(thrown);
		}
	}

	/** A new database of what can be read of a damaged one, which is set aside. */
	#rebuild(damage: Error, highest: number): Found {
		const name = `journal-damaged-${new Date(this.#nowMs).toISOString().replaceAll(':', '-')}.db`;
		this.#say('error', `"${this.#path}" is damaged (${damage.message}): set aside as "${name}"`);
		const fresh = this.#in('journal-fresh.db');
		remove(fresh);
		const database = openToWrite(fresh);
		let salvaged: Salvaged;
		try {
			migrate(database, fresh);
			salvaged = salvage(this.#path, database, Math.max(highest, 1e6), SALVAGE_MS);
			const store = new Store(database);
			if (salvaged.series !== undefined) store.note('series', salvaged.series);
			for (const [name, value] of salvaged.facts) store.note(name, value);
			database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
		} finally {
			database.close();
		}
		// First its log, which must not be taken for the new one's.
		for (const ending of ['-wal', '-shm', '']) {
			const from = this.#path + ending;
			if (ending === '-shm') rmSync(from, { force: true });
			else if (existsSync(from)) renameSync(from, this.#in(name) + ending);
		}
		renameSync(fresh, this.#path);
		flush(this.#folder);
		for (const old of this.#names(DAMAGED).slice(0, -MOST_DAMAGED)) remove(this.#in(old));
		const rest = salvaged.isComplete ? '' : ', which was not all: the time or the room did not last';
		this.#say('warning', `${salvaged.events} events were read from "${name}"${rest}`);
		return { ...salvaged, aside: name };
	}

	/** Rows that were read and are not what was written go, and their numbers are said. @returns whether there were any */
	#mend(open: Open): boolean {
		const { store } = open;
		if (store.damaged.size === 0) return false;
		const ids = [...store.damaged];
		store.damaged.clear();
		this.#sync(true);
		this.#say('error', `events ${ids.slice(0, 10).join(', ')} in the journal are damaged`);
		this.#transact(open, () => {
			for (const id of ids) {
				store.takeEvent(id);
				for (const { station, from, to } of store.holesAround(id))
					this.#addGap(store, station, { reason: 'damaged', from, to });
			}
		});
		return true;
	}

	#leave(): void {
		this.#open?.database.close();
		this.#open = undefined;
		this.#isSynced = true;
	}

	#sync(isSynced: boolean): void {
		if (isSynced === this.#isSynced || !this.#open) return;
		this.#open.database.exec(`PRAGMA synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`);
		this.#isSynced = isSynced;
	}

	/** What nobody needs to go on. */
	#asides(): string[] {
		return [...this.#names(DAMAGED), ...this.#names(COPY)];
	}

	#names(kind: RegExp): string[] {
		return readdirSync(this.#folder)
			.filter((name) => kind.test(name))
			.sort();
	}

	#extent({ store }: Open): Extent {
		const extent = this.#extentOf(store);
		return { ...extent, excess: excess(extent, this.#bounds) ?? null };
	}

	#extentOf(store: Store): Extent {
		const { oldest, oldestMs } = store;
		return {
			databaseBytes: store.usedBytes() + this.#asideBytes,
			pictureBytes: this.#pictureBytes,
			events: store.counted.event - oldest + 1,
			pictures: this.#pictures,
			oldestMs,
			freeBytes:
				Math.abs(this.#nowMs - this.#freeBytes.atMs) < FREE_MS ? this.#freeBytes.bytes : this.#free(),
			excess: null,
			isTight: this.#reserveBytes < RESERVE_BYTES,
		};
	}

	#say(level: Level, line: string, event: LogEvent = 'journal.damaged'): void {
		this.#lines.push([level, line, event]);
	}

	#in(name: string): string {
		return join(this.#folder, name);
	}
}

type Found = Salvaged & { readonly aside: string };

/** Sees to it that outlets deliver at least from there on: where they were is written at each commit, and to be trusted more than a damaged database. */
function widen(
	store: Store,
	delivered: readonly (readonly [stream: Stream, outlet: string, from: number])[],
): void {
	const known = store.deliveries.undelivered();
	for (const [stream, outlet, from] of delivered) {
		const { ranges = [] } = known.find((one) => one.stream === stream && one.outlet === outlet) ?? {};
		const first = ranges[0]?.from ?? Number.POSITIVE_INFINITY;
		if (from < first)
			store.deliveries.put({
				outlet,
				stream,
				ranges: orderly([{ from, to: first === Number.POSITIVE_INFINITY ? first : first - 1 }, ...ranges]),
			});
	}
}

/** A database with what belongs to it. */
function remove(path: string): void {
	for (const ending of ['-wal', '-shm', '']) rmSync(path + ending, { force: true, recursive: true });
}

function makeFolder(folder: string): void {
	try {
		mkdirSync(folder, { recursive: true });
	} catch (thrown) {
		throw unwritable(folder, thrown);
	}
}

const sumOf = (rows: readonly { readonly bytes: number }[]): number =>
	rows.reduce((sum, { bytes }) => sum + bytes, 0);

function bytesOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
