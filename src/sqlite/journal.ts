import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { Failure, type FailureCode, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Log } from '../base/log.js';
import type { Range, Ranges } from '../base/ranges.js';
import { type Pace, realPace, realTimers, type Timers } from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { AuditEntry, Audited } from '../protocol/audit.js';
import type { Due, Entry, Event, EventKind, NewPicture, Picture } from '../protocol/events.js';
import { Backlog, type Dropped, type Waiting } from './backlog.js';
import { createCalendar } from './calendar.js';
import type { Trouble } from './database.js';
import { eventOf, rowOf } from './entry.js';
import type {
	Answer,
	Ask,
	Asks,
	Bounds,
	Claim,
	DeadLetter,
	Extent,
	Kept,
	News,
	Nonce,
	Opened,
	RequestKey,
	Stream,
	TrailQuery,
	Write,
} from './exchange.js';
import { startThread, type WriterPort } from './port.js';
import { orderly } from './ranges.js';

export type { Bounds, Claim, DeadLetter, Kept, RequestKey, Stream } from './exchange.js';

/** Where pictures lie: each a file that is named by its SHA-256. */
export type PictureFiles = {
	/** Resolves when all are on the disk's surface. */
	write(jpegs: readonly Uint8Array[]): Promise<unknown>;
	/** Undefined where there is none, or not what its name says. */
	read(hash: string): Promise<Uint8Array | undefined>;
	remove(hashes: readonly string[]): Promise<void>;
	list(): Promise<readonly string[]>;
};

export type JournalSettings = {
	/** Made where it is missing. */
	readonly folder: string;
	/** Stands in the origin of events that the journal adds itself. */
	readonly box: string;
	readonly pictures: PictureFiles;
	readonly bounds?: Bounds;
	readonly wallClock?: () => number;
	readonly pace?: Pace;
	readonly timers?: Timers;
	/** Who writes: by default a thread of its own. */
	readonly startWriter?: () => WriterPort;
	/** For so long a clock that leapt ahead makes nothing older. */
	readonly disbeliefMs?: number;
	/** What waits in memory at most. */
	readonly mostWaitingBytes?: number;
};

export type JournalCondition = Extent & {
	/** What waits to be written. */
	readonly waiting: number;
	readonly waitingBytes: number;
	/** Why writing fails now. */
	readonly failure: string | null;
	/** What had to go while the disk took nothing. */
	readonly dropped: Dropped;
};

export type Journal = Service & {
	/** Random (12 hex), made with the journal: series and an event's id are unique for ever. */
	readonly series: string;
	/** What was due when the last daemon died; empty after a clean end. */
	readonly owed: readonly Due[];
	readonly condition: JournalCondition;
	/**
	 * Numbers and writes in order, in one commit with whatever waits at that moment; resolves when on disk, however long that takes.
	 * What had to go because memory could not hold it any more is missing in the answer; a gap names its number.
	 */
	append(entries: readonly Entry[]): Promise<readonly Event[]>;
	/**
	 * Notes a part that is due. An entry with `settles: key` of its station takes it away in its own transaction. `taken`: the signals of
	 * its station that were taken and may still lie there, its own among them. Resolves when it is on disk; with `taken` the power may go then.
	 */
	announce(due: Due, taken?: readonly string[]): Promise<void>;
	/** Signals of a station whose parts are known here; those among them that lie there no more may be missing. */
	takenOf(station: string): readonly string[];
	/** Picture files first, then the rows that name them; appends pass in between. Resolves with those that stand: they are the first to go. */
	keep(pictures: readonly NewPicture[]): Promise<readonly Picture[]>;
	readPicture(hash: string): Promise<Uint8Array | undefined>;
	/** In order of ids. */
	events(range: Range, limit: number, kinds?: readonly EventKind[]): Promise<readonly Event[]>;
	pictures(range: Range, limit: number): Promise<readonly Picture[]>;
	/** What an outlet still has to deliver, in rising order, the last range open; one that is not known begins at the end of what stands. */
	undelivered(outlet: string, stream: Stream): Promise<Ranges>;
	/** Written with the next commit or soon; not waited for. Without ranges the outlet is forgotten. */
	deliver(outlet: string, stream: Stream, undelivered: Ranges): void;
	/** Refused for good by an outlet: listed, and sent again on request. Bounded; the oldest go. */
	deadLetter(letter: DeadLetter): void;
	deadLetters(): Promise<readonly (DeadLetter & { readonly id: number })[]>;
	/** These are dead letters of an outlet no more. Resolves when that is on disk. */
	revive(outlet: string, events: readonly number[]): Promise<void>;
	/** What is kept of requests, in the order in which they were taken on; bounded, the oldest go. */
	kept(): Promise<readonly Kept[]>;
	/** Resolves when it is on disk that a request is taken on, however long that takes. */
	claim(claim: Claim): Promise<void>;
	/** Takes a claim back; not waited for. */
	release(key: RequestKey): void;
	/** The one answer to a claim: a second one is passed over. Resolves when on disk. */
	answer(key: RequestKey, answer: string): Promise<void>;
	answerTo(key: RequestKey): Promise<string | null>;
	/** Who asked has the answer; not waited for. */
	said(key: RequestKey): void;
	/** Notes that a signature is used; resolves when on disk, with whether it is for the first time. */
	use(nonce: Nonce): Promise<boolean>;
	/** Adds an entry to the trail of edits, which no retention takes; resolves when on disk. */
	audit(entry: AuditEntry): Promise<void>;
	/** Entries of the trail, in the order in which they were written. */
	trail(query: TrailQuery): Promise<readonly Audited[]>;
	/** What it may hold from now on; what is over goes in steps. */
	keepWithin(bounds: Bounds): void;
	/** Gives the disk back what nothing uses, in steps; resolves with how many bytes. @throws Failure file-unwritable; the signal's reason */
	vacuum(signal: AbortSignal): Promise<number>;
	/** Called after each commit with the events that were added. @returns what ends it */
	onEvents(listener: (events: readonly Event[]) => void): () => void;
	/** The same of pictures. */
	onPictures(listener: (pictures: readonly Picture[]) => void): () => void;
	/** Called when writing begins to fail, fails for another reason, or does not fail any more. @returns what ends it */
	onFailure(listener: () => void): () => void;
	/** The newest ids that stand; 0: none. */
	readonly last: Readonly<Record<Stream, number>>;
};

/** Events in memory on this side, so that a reader of the newest never waits for a commit. */
const NEWEST = 512;

/** What a commit takes at most: a longer one would hold up what comes after it. */
const MOST_WRITES = 1000;

/** What may wait for another commit does not wait longer. */
const DELIVER_MS = 200;

/** A clock that leapt is wrong, until it has stood for so long. */
const DISBELIEF_MS = 86_400_000;

/** Between attempts while the disk takes nothing. */
const RETRY_MS = 1000;

/** What waits in memory at most for a disk that is slow, full or gone. */
const MOST_WAITING_BYTES = 64e6;
const MOST_PICTURE_BYTES = 64e6;

/** So often it is looked whether something is too old, or the disk too full. */
const TIDY_MS = 60_000;

const PICTURES_AT_ONCE = 64;

/** Files of pictures that are looked at at once for whether a row names them. */
const FILES_AT_ONCE = 1000;

/** For a card of 32 GB. */
const BOUNDS: Bounds = { mostBytes: 8e9, mostAgeDays: 400, leastFreeBytes: 1e9 };

/** A picture on its way into a file. */
type Coming = {
	readonly jpeg: Uint8Array;
	readonly row: Omit<Picture, 'id'>;
	/** Called when it stands, or when it had to go. */
	done(kept: Picture | undefined): void;
};

/** Opens the journal of a folder, with its writer in a thread of its own. @throws Failure journal-busy, journal-newer, file-unwritable */
export async function openJournal(settings: JournalSettings, log: Log): Promise<Journal> {
	const { folder, box, pictures: files, wallClock = Date.now } = settings;
	const { pace = realPace, timers = realTimers, startWriter = startThread } = settings;
	let { bounds = BOUNDS } = settings;
	const { mostWaitingBytes = MOST_WAITING_BYTES, disbeliefMs = DISBELIEF_MS } = settings;
	const nowMs = () => Math.round(wallClock());
	const listeners = new Set<(events: readonly Event[]) => void>();
	let newest: Event[] = [];
	let lastEvent = 0;
	const tell = (events: readonly Event[]): void => {
		if (events.length === 0) return;
		lastEvent = events.at(-1)!.id;
		newest = newest.concat(events).slice(-NEWEST);
		for (const listener of [...listeners]) listener(events);
	};

	/** What the writer added beside what it was asked for, to be told in order of ids. */
	const besides: Event[] = [];
	const writer = asked(startWriter(), pace, ({ events, lines }) => {
		for (const [level, line, event] of lines) log(level, 'journal', line, event);
		besides.push(...events);
	});
	let opened: Opened;
	try {
		opened = await writer.ask('open', { folder, box, bounds, nowMs: nowMs() });
	} catch (thrown) {
		await writer.end();
		throw thrown;
	}
	let { lastPicture } = opened;
	let extent: Extent = { ...opened.extent, isTight: false };
	const measure = (now: Extent): void => {
		const megabytes = (bytes: number) => Math.round(bytes / 1e6);
		const least = megabytes(bounds.leastFreeBytes);
		if (now.isTight && !extent.isTight)
			log(
				'warning',
				'journal',
				`the disk of "${folder}" has ${megabytes(now.freeBytes)} MB left, and ${least} are to stay free: no pictures are kept`,
				'journal.tight',
			);
		if (!now.isTight && extent.isTight)
			log('info', 'journal', 'the disk has room again: pictures are kept', 'journal.roomy');
		extent = now;
	};
	measure(opened.extent);
	lastEvent = opened.lastEvent;
	newest = [...opened.newest];
	const late = createCalendar(newest.at(-1)?.recordedMs, pace.now(), disbeliefMs);
	besides.length = 0;
	const cursors = new Map(
		opened.undelivered.map(({ outlet, stream, ranges }) => [cursorOf(outlet, stream), ranges]),
	);
	const taken = new Map(opened.taken);
	const toDeliver = new Map<string, Write>();
	const pictureListeners = new Set<(pictures: readonly Picture[]) => void>();
	const failureListeners = new Set<() => void>();
	const backlog = new Backlog(mostWaitingBytes);
	const ending = new AbortController();
	/** Pictures on their way into files. */
	const onTheWay = new Map<string, number>();
	let onTheWayBytes = 0;
	let working: Promise<void> | undefined;
	const pictures: Coming[] = [];
	let keeping: Promise<void> | undefined;
	let removing: Promise<void> = Promise.resolve();
	let keepFromDelivering: (() => void) | undefined;
	let isUntidy = false;
	let failure: string | null = null;
	let isClosed = false;

	const enqueue = (write: Write, done: Waiting['done'] = () => []): void => {
		if (isClosed) throw new Error('the journal is closed');
		backlog.put({ write, done });
		wake();
	};

	const wake = (): void => {
		working ??= workOff();
	};

	/** Writes what waits, and takes a step towards the bounds after each commit where it is needed. */
	const workOff = async (): Promise<void> => {
		// Whatever comes in this turn goes along.
		await Promise.resolve();
		while (backlog.length > 0 || isUntidy) {
			const isWritten = backlog.length === 0 || (await succeeds(commit));
			const isTidied = !isUntidy || (await succeeds(tidy));
			if (isWritten && isTidied) continue;
			if (ending.signal.aborted) break;
			await pace.pause(RETRY_MS, ending.signal);
		}
		// In the same turn as the last look at what waits: what comes next must not believe that somebody still looks.
		working = undefined;
	};

	/** @returns whether the disk took it */
	const succeeds = async (work: () => Promise<void>): Promise<boolean> => {
		try {
			await work();
			return true;
		} catch (thrown) {
			if (!(thrown instanceof WriterTrouble)) throw thrown;
			if (failure !== thrown.message)
				log('error', 'journal', `cannot be written to: ${thrown.message}`, 'journal.failing');
			fail(thrown.message);
			return false;
		}
	};

	const fail = (why: string | null): void => {
		if (failure === why) return;
		failure = why;
		for (const listener of [...failureListeners]) listener();
	};

	const commit = async (): Promise<void> => {
		flushDeliveries();
		const batch = backlog.take(MOST_WRITES);
		try {
			const writes = batch.map(({ write }) => write);
			const { numbers, extent: now } = await writer.ask('commit', { writes, nowMs: nowMs() });
			backlog.written();
			if (failure !== null) log('info', 'journal', 'is written to again', 'journal.recovered');
			fail(null);
			measure(now);
			isUntidy ||= now.excess !== null || now.isTight;
			const added = batch.flatMap(({ done }, i) => done(numbers[i]!));
			tell([...added, ...besides.splice(0)].sort((a, b) => a.id - b.id));
		} catch (thrown) {
			backlog.refused();
			// What is over the bounds makes room.
			isUntidy = thrown instanceof WriterTrouble && thrown.trouble === 'full';
			throw thrown;
		}
	};

	const tidy = async (): Promise<void> => {
		isUntidy = false;
		const now = { nowMs: nowMs(), ageMs: late(nowMs(), pace.now()), bounds };
		const { hashes, isMore, extent: measured } = await writer.ask('tidy', now);
		measure(measured);
		isUntidy = isMore;
		tell(besides.splice(0));
		const oldest = lastEvent - extent.events + 1;
		newest = newest.filter(({ id }) => id >= oldest);
		await removeFiles(hashes);
	};

	/** Files that are on their way again stay; files that come wait for those that go. */
	const removeFiles = (hashes: readonly string[]): Promise<void> => {
		removing = files.remove(hashes.filter((hash) => !onTheWay.has(hash))).catch((thrown) => {
			log('warning', 'journal', `cannot remove pictures: ${reasonOf(thrown)}`, 'pictures.failed');
		});
		return removing;
	};

	/** Files that a daemon left which died before it had named them. */
	const sweep = async (): Promise<void> => {
		const hashes = await files.list();
		for (let at = 0; at < hashes.length && !ending.signal.aborted; at += FILES_AT_ONCE) {
			const some = hashes.slice(at, at + FILES_AT_ONCE);
			await removeFiles(await ask('unnamed', { hashes: some }));
		}
	};

	const flushDeliveries = (): void => {
		keepFromDelivering?.();
		keepFromDelivering = undefined;
		for (const write of toDeliver.values()) backlog.put({ write, done: () => [] });
		toDeliver.clear();
	};

	const deliver: Journal['deliver'] = (outlet, stream, ranges) => {
		const key = cursorOf(outlet, stream);
		const kept = orderly(ranges);
		if (kept.length > 0) cursors.set(key, kept);
		else cursors.delete(key);
		toDeliver.set(key, { kind: 'undelivered', outlet, stream, ranges: kept });
		keepFromDelivering ??= timers.later(DELIVER_MS, () => {
			flushDeliveries();
			wake();
		});
	};

	/** All readers wait together. */
	let resting: Promise<void> | undefined;
	const rest = (): Promise<void> => {
		resting ??= pace.pause(RETRY_MS, ending.signal).finally(() => {
			resting = undefined;
		});
		return resting;
	};

	/** A reader waits out what keeps the disk from answering. @throws Failure file-unreadable when the journal ends meanwhile */
	const ask: AskedWriter['ask'] = async (kind, asked) => {
		for (;;)
			try {
				const answer = await writer.ask(kind, asked);
				tell(besides.splice(0));
				return answer;
			} catch (thrown) {
				if (!(thrown instanceof WriterTrouble)) throw thrown;
				if (ending.signal.aborted)
					throw new Failure('file-unreadable', `Cannot read journal "${folder}": ${thrown.message}`);
				await rest();
			}
	};

	/** @returns whether they are on disk: not when there is no place for pictures, or the journal ends */
	const writeFiles = async (jpegs: readonly Uint8Array[]): Promise<boolean> => {
		while (!extent.isTight) {
			try {
				await files.write(jpegs);
				return true;
			} catch (thrown) {
				log('error', 'journal', `cannot write pictures: ${reasonOf(thrown)}`, 'pictures.failed');
				isUntidy = true;
				wake();
			}
			if (ending.signal.aborted) break;
			await pace.pause(RETRY_MS, ending.signal);
		}
		return false;
	};

	/** Some at a time, as files and then as rows, which wait for nothing but their files. */
	const keepAll = async (): Promise<void> => {
		await Promise.resolve();
		while (pictures.length > 0) {
			await removing;
			const some = pictures.splice(0, PICTURES_AT_ONCE);
			const isWritten = await writeFiles(some.map(({ jpeg }) => jpeg));
			const rows = some.map(({ row }) => row);
			if (!isWritten) for (const { done } of some) done(undefined);
			else
				enqueue({ kind: 'pictures', rows }, (numbers) => {
					const kept = rows.map((row, i) => ({ id: numbers[i]!.id, ...row }));
					lastPicture = kept.at(-1)?.id ?? lastPicture;
					some.forEach(({ done }, i) => {
						done(kept[i]);
					});
					for (const listener of [...pictureListeners]) listener(kept);
					return [];
				});
		}
		keeping = undefined;
	};

	const keepOne = ({ jpeg, ...picture }: NewPicture): Promise<Picture | undefined> => {
		// Verdicts first: in the reserve there is no place for pictures.
		if (isClosed || extent.isTight || onTheWayBytes + jpeg.length > MOST_PICTURE_BYTES) {
			backlog.count('picture', 1);
			return Promise.resolve(undefined);
		}
		const hash = sha256Of(jpeg);
		onTheWay.set(hash, (onTheWay.get(hash) ?? 0) + 1);
		onTheWayBytes += jpeg.length;
		return new Promise((resolve) => {
			const done = (kept: Picture | undefined): void => {
				const others = onTheWay.get(hash)! - 1;
				if (others > 0) onTheWay.set(hash, others);
				else onTheWay.delete(hash);
				onTheWayBytes -= jpeg.length;
				if (!kept) backlog.count('picture', 1);
				resolve(kept);
			};
			pictures.push({ jpeg, row: { ...picture, hash, bytes: jpeg.length }, done });
			keeping ??= keepAll();
		});
	};

	const sweeping = sweep().catch((thrown) =>
		log('warning', 'journal', `cannot look through pictures: ${reasonOf(thrown)}`, 'pictures.failed'),
	);
	const tidySoon = (): void => {
		isUntidy = true;
		wake();
	};
	const stopTidying = timers.every(TIDY_MS, tidySoon);
	// What became too old meanwhile.
	tidySoon();

	const written = (write: Write): Promise<void> =>
		new Promise((resolve) => {
			enqueue(write, () => {
				resolve();
				return [];
			});
		});

	return {
		name: 'journal',
		series: opened.series,
		owed: opened.owed,
		get silentMs() {
			return writer.silentMs;
		},
		get condition() {
			const { length: waiting, bytes: waitingBytes, dropped } = backlog;
			return { ...extent, waiting, waitingBytes, failure, dropped };
		},
		append: (entries) =>
			new Promise((resolve) => {
				if (entries.length === 0) return resolve([]);
				const recordedMs = nowMs();
				const rows = entries.map((entry) => rowOf(entry, recordedMs));
				enqueue({ kind: 'events', rows, recordedMs }, (numbers) => {
					const events = numbers.map((given, i) => eventOf(rows[i]!, recordedMs, given));
					resolve(events);
					return events;
				});
			}),
		announce: ({ station, key, body }, signals) => {
			const due = { station, key, body: JSON.stringify(body) };
			if (!signals) return written({ kind: 'due', due });
			taken.set(station, signals);
			return written({ kind: 'due', due, taken: JSON.stringify(signals) });
		},
		takenOf: (station) => taken.get(station) ?? [],
		keep: async (fresh) => (await Promise.all(fresh.map(keepOne))).filter((kept) => kept !== undefined),
		readPicture: (hash) => files.read(hash),
		events: async (range, limit, kinds) => {
			const first = newest[0];
			if (first && (range.from >= first.id || first.id === 1)) {
				const found: Event[] = [];
				for (let at = placeOf(newest, range.from); at < newest.length && found.length < limit; at += 1) {
					const event = newest[at]!;
					if (event.id > range.to) break;
					if (kinds?.includes(event.kind) ?? true) found.push(event);
				}
				return found;
			}
			return ask('events', { range, limit, kinds: kinds ?? null });
		},
		pictures: (range, limit) => ask('pictures', { range, limit }),
		keepWithin: (wanted) => {
			bounds = wanted;
			tidySoon();
		},
		vacuum: async (signal) => {
			const before = bytesOf(folder);
			try {
				while ((await writer.ask('vacuum', null)).isMore) signal.throwIfAborted();
			} catch (thrown) {
				if (!(thrown instanceof WriterTrouble)) throw thrown;
				throw new Failure('file-unwritable', `Cannot shrink journal "${folder}": ${thrown.message}`);
			}
			return Math.max(0, before - bytesOf(folder));
		},
		undelivered: async (outlet, stream) => {
			const known = cursors.get(cursorOf(outlet, stream));
			if (known) return known;
			const last = stream === 'events' ? lastEvent : lastPicture;
			const fresh = [{ from: last + 1, to: Number.POSITIVE_INFINITY }];
			deliver(outlet, stream, fresh);
			return fresh;
		},
		deliver,
		deadLetter: (letter) => enqueue({ kind: 'dead-letter', ...letter }),
		deadLetters: () => ask('deadLetters', null),
		revive: (outlet, events) =>
			new Promise((resolve) => {
				enqueue({ kind: 'letters-done', outlet, events }, () => {
					resolve();
					return [];
				});
			}),
		kept: () => ask('kept', null),
		claim: (claim) => written({ kind: 'claim', ...claim }),
		release: (key) => enqueue({ kind: 'release', ...key }),
		answer: (key, answer) => written({ kind: 'answer', ...key, answer }),
		answerTo: (key) => ask('answerTo', key),
		said: (key) => enqueue({ kind: 'said', ...key }),
		use: (nonce) =>
			new Promise((resolve) => {
				enqueue({ kind: 'nonce', ...nonce }, (numbers) => {
					resolve(numbers.length > 0);
					return [];
				});
			}),
		audit: ({ atMs, ...body }) =>
			written({ kind: 'audit', atMs: Math.round(atMs), body: JSON.stringify(body) }),
		trail: (query) => ask('trail', query),
		onEvents: (listener) => {
			listeners.add(listener);
			return () => {
				listeners.delete(listener);
			};
		},
		onPictures: (listener) => {
			pictureListeners.add(listener);
			return () => {
				pictureListeners.delete(listener);
			};
		},
		onFailure: (listener) => {
			failureListeners.add(listener);
			return () => {
				failureListeners.delete(listener);
			};
		},
		get last() {
			return { events: lastEvent, pictures: lastPicture };
		},
		[Symbol.asyncDispose]: async () => {
			if (isClosed) return;
			stopTidying();
			ending.abort();
			await sweeping;
			do {
				await keeping;
				flushDeliveries();
				isUntidy = false;
				if (backlog.length > 0) wake();
				await working;
				// Who waited for a verdict to be written hands its pictures over now.
				await breathe();
			} while (keeping !== undefined);
			isClosed = true;
			if (backlog.length > 0)
				log(
					'error',
					'journal',
					`ends with ${backlog.length} things that it could not write`,
					'journal.unwritten',
				);
			await writer
				.ask('close', { isWhole: backlog.length === 0 })
				.catch((thrown) => log('error', 'journal', reasonOf(thrown), 'journal.unwritten'));
			await writer.end();
		},
	};
}

/** Of the database's file. */
const bytesOf = (folder: string): number =>
	statSync(join(folder, 'journal.db'), { throwIfNoEntry: false })?.size ?? 0;

/** Of the first with such an id or a higher one, in rising order of ids. */
function placeOf(events: readonly Event[], id: number): number {
	let [low, high] = [0, events.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (events[middle]!.id < id) low = middle + 1;
		else high = middle;
	}
	return low;
}

const cursorOf = (outlet: string, stream: Stream): string => `${stream} ${outlet}`;

/** The world did not let the writer do it. */
class WriterTrouble extends Error {
	readonly trouble: Trouble;

	constructor(trouble: Trouble, message: string) {
		super(message);
		this.trouble = trouble;
	}
}

type AskedWriter = {
	/** @throws Failure, WriterTrouble */
	ask<K extends keyof Asks>(kind: K, ask: Asks[K]['ask']): Promise<Asks[K]['answer']>;
	end(): Promise<void>;
	/** For how long it has answered nothing, though it was asked. */
	readonly silentMs: number;
};

function asked(port: WriterPort, { now }: Pick<Pace, 'now'>, onNews: (news: News) => void): AskedWriter {
	const open = new Map<number, { resolve(answer: unknown): void; reject(thrown: unknown): void }>();
	let last = 0;
	/** When it answered last, or was asked while nothing else waited. */
	let heardMs = 0;
	const hear = ({ id, news, answer, failure }: Answer): void => {
		heardMs = now();
		if (news) onNews(news);
		const waiting = open.get(id);
		open.delete(id);
		if (!failure) {
			waiting?.resolve(answer);
			return;
		}
		const { trouble, code, message, advice, stack } = failure;
		waiting?.reject(
			code !== null
				? new Failure(code as FailureCode, message, advice ?? undefined)
				: trouble !== null
					? new WriterTrouble(trouble, message)
					: Object.assign(new Error(message), { stack: stack ?? message }),
		);
	};
	port.hear(hear, (fault) => {
		// Somebody has to hear of it.
		if (open.size === 0) throw fault;
		for (const { reject } of open.values()) reject(fault);
		open.clear();
	});
	return {
		ask: (kind, ask) =>
			new Promise((resolve, reject) => {
				if (open.size === 0) heardMs = now();
				last += 1;
				open.set(last, { resolve: resolve as (answer: unknown) => void, reject });
				port.post({ id: last, kind, ask } as Ask);
			}),
		end: () => port.end(),
		get silentMs() {
			return open.size === 0 ? 0 : now() - heardMs;
		},
	};
}
