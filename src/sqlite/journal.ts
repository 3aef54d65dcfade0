import { Worker } from 'node:worker_threads';
import { Failure, type FailureCode } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { pause } from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { Due, Entry, Event, EventKind, IdRange, NewPicture, Picture } from '../protocol/events.js';
import type { Trouble } from './database.js';
import { eventOf, rowOf } from './entry.js';
import type { Answer, Asks, DeadLetter, Extent, News, Numbers, Opened, Stream, Write } from './exchange.js';

export type { DeadLetter, Stream } from './exchange.js';

/** Where pictures lie: each a file that is named by its SHA-256. */
export type PictureFiles = {
	/** Resolves with the hashes when all are on the disk's surface. */
	write(jpegs: readonly Uint8Array[]): Promise<readonly string[]>;
	/** Undefined where there is none, or not what its name says. */
	read(hash: string): Promise<Uint8Array | undefined>;
	remove(hashes: readonly string[]): Promise<void>;
	list(): Promise<readonly string[]>;
};

export type JournalSettings = {
	/** Made where it is missing. */
	readonly folder: string;
	readonly pictures: PictureFiles;
	readonly wallClock?: () => number;
};

export type JournalCondition = Extent & {
	/** What waits to be written. */
	readonly waiting: number;
	/** Why writing fails now. */
	readonly failure: string | null;
};

export type Journal = Service & {
	/** Random (12 hex), made with the journal: series and an event's id are unique for ever. */
	readonly series: string;
	/** What was due when the last daemon died; empty after a clean end. */
	readonly owed: readonly Due[];
	readonly condition: JournalCondition;
	/** Numbers and writes in order, in one commit with whatever waits at that moment; resolves when on disk. */
	append(entries: readonly Entry[]): Promise<readonly Event[]>;
	/** Notes a part that is due; not waited for. An entry with `settles: key` of its station takes it away in its own transaction. */
	announce(due: Due): void;
	/** Picture files first, then the rows that name them; appends pass in between. */
	keep(pictures: readonly NewPicture[]): Promise<readonly Picture[]>;
	readPicture(hash: string): Promise<Uint8Array | undefined>;
	/** In order of ids. */
	events(range: IdRange, limit: number, kinds?: readonly EventKind[]): Promise<readonly Event[]>;
	pictures(range: IdRange, limit: number): Promise<readonly Picture[]>;
	/** What an outlet still has to deliver, in rising order, the last range open; one that is not known begins at the end of what stands. */
	undelivered(outlet: string, stream: Stream): Promise<readonly IdRange[]>;
	/** Written with the next commit or soon; not waited for. Without ranges the outlet is forgotten. */
	deliver(outlet: string, stream: Stream, undelivered: readonly IdRange[]): void;
	/** Refused for good by an outlet: listed, and sent again on request. Bounded; the oldest go. */
	deadLetter(letter: DeadLetter): void;
	deadLetters(): Promise<readonly (DeadLetter & { readonly id: number })[]>;
	/** Called after each commit with the events that were added. @returns what ends it */
	onEvents(listener: (events: readonly Event[]) => void): () => void;
	/** The same of pictures. */
	onPictures(listener: (pictures: readonly Picture[]) => void): () => void;
	/** The newest ids that stand; 0: none. */
	readonly last: Readonly<Record<Stream, number>>;
};

/** Events in memory on this side, so that a reader of the newest never waits for a commit. */
const NEWEST = 512;

/** What a commit takes at most: a longer one would hold up what comes after it. */
const MOST_WRITES = 1000;

/** What may wait for another commit does not wait longer. */
const DELIVER_MS = 200;

/** Between attempts while the disk takes nothing. */
const RETRY_MS = 1000;

type Waiting = {
	readonly write: Write;
	done(numbers: readonly Numbers[]): readonly Event[];
};

/** Opens the journal of a folder, with its writer in a thread of its own. @throws Failure journal-busy, journal-newer, file-unwritable */
export async function openJournal(settings: JournalSettings, log: Log): Promise<Journal> {
	const { folder, pictures: files, wallClock = Date.now } = settings;
	const listeners = new Set<(events: readonly Event[]) => void>();
	let newest: Event[] = [];
	let lastEvent = 0;
	const tell = (events: readonly Event[]): void => {
		if (events.length === 0) return;
		lastEvent = events.at(-1)!.id;
		newest = newest.concat(events).slice(-NEWEST);
		for (const listener of [...listeners]) listener(events);
	};

	const writer = startWriter(({ events, lines }) => {
		for (const [level, line] of lines) log(level, 'journal', line);
		tell(events);
	});
	let opened: Opened;
	try {
		opened = await writer.ask('open', { folder, nowMs: wallClock() });
	} catch (thrown) {
		await writer.end();
		throw thrown;
	}
	let { extent, lastPicture } = opened;
	lastEvent = opened.lastEvent;
	newest = [...opened.newest];
	const cursors = new Map(
		opened.undelivered.map(({ outlet, stream, ranges }) => [cursorOf(outlet, stream), ranges]),
	);
	const toDeliver = new Map<string, Write>();
	const pictureListeners = new Set<(pictures: readonly Picture[]) => void>();
	const queue: Waiting[] = [];
	const ending = new AbortController();
	let committing: Promise<void> | undefined;
	let keeping: Promise<unknown> = Promise.resolve();
	let deliverTimer: NodeJS.Timeout | undefined;
	let failure: string | null = null;
	let isClosed = false;

	const enqueue = (write: Write, done: Waiting['done'] = () => []): void => {
		if (isClosed) throw new Error('the journal is closed');
		queue.push({ write, done });
		wake();
	};

	const wake = (): void => {
		committing ??= commitAll();
	};

	const commitAll = async (): Promise<void> => {
		// Whatever comes in this turn goes along.
		await Promise.resolve();
		while (queue.length > 0) {
			flushDeliveries();
			const batch = queue.slice(0, MOST_WRITES);
			try {
				const committed = await writer.ask('commit', {
					writes: batch.map(({ write }) => write),
					nowMs: Math.round(wallClock()),
				});
				queue.splice(0, batch.length);
				if (failure !== null) log('info', 'journal', 'is written to again');
				failure = null;
				extent = committed.extent;
				tell(batch.flatMap(({ done }, i) => done(committed.numbers[i]!)));
			} catch (thrown) {
				if (!(thrown instanceof WriterTrouble)) throw thrown;
				if (failure !== thrown.message) log('error', 'journal', `cannot be written to: ${thrown.message}`);
				failure = thrown.message;
				if (ending.signal.aborted) break;
				await pause(RETRY_MS, ending.signal);
			}
		}
		// In the same turn as the last look at the queue: what comes next must not believe that somebody still looks.
		committing = undefined;
	};

	const flushDeliveries = (): void => {
		clearTimeout(deliverTimer);
		deliverTimer = undefined;
		for (const write of toDeliver.values()) queue.push({ write, done: () => [] });
		toDeliver.clear();
	};

	const deliver: Journal['deliver'] = (outlet, stream, ranges) => {
		const key = cursorOf(outlet, stream);
		cursors.set(key, ranges);
		toDeliver.set(key, { kind: 'undelivered', outlet, stream, ranges });
		deliverTimer ??= setTimeout(() => {
			flushDeliveries();
			wake();
		}, DELIVER_MS);
	};

	const keepFiles = async (fresh: readonly NewPicture[]): Promise<readonly Picture[]> => {
		const hashes = await files.write(fresh.map(({ jpeg }) => jpeg));
		const rows = fresh.map(({ event, role, index, jpeg }, i) => ({
			event,
			role,
			index,
			hash: hashes[i]!,
			bytes: jpeg.length,
		}));
		return new Promise((resolve) => {
			enqueue({ kind: 'pictures', rows }, (numbers) => {
				const kept = rows.map((row, i) => ({ id: numbers[i]!.id, ...row }));
				lastPicture = kept.at(-1)?.id ?? lastPicture;
				resolve(kept);
				for (const listener of [...pictureListeners]) listener(kept);
				return [];
			});
		});
	};

	return {
		name: 'journal',
		series: opened.series,
		owed: opened.owed,
		get condition() {
			return { ...extent, waiting: queue.length, failure };
		},
		append: (entries) =>
			new Promise((resolve) => {
				if (entries.length === 0) return resolve([]);
				const recordedMs = Math.round(wallClock());
				const rows = entries.map((entry) => rowOf(entry, recordedMs));
				enqueue({ kind: 'events', rows, recordedMs }, (numbers) => {
					const events = rows.map((row, i) => eventOf(row, recordedMs, numbers[i]!));
					resolve(events);
					return events;
				});
			}),
		announce: ({ station, key, body }) =>
			enqueue({ kind: 'due', due: { station, key, body: JSON.stringify(body) } }),
		keep: (fresh) => {
			const kept = keeping.then(() => keepFiles(fresh));
			keeping = kept.catch(() => {});
			return kept;
		},
		readPicture: (hash) => files.read(hash),
		events: async (range, limit, kinds) => {
			const first = newest[0];
			if (first && (range.from >= first.id || first.id === 1)) {
				const found = newest.filter(
					({ id, kind }) => id >= range.from && id <= range.to && (kinds?.includes(kind) ?? true),
				);
				return found.slice(0, limit);
			}
			return writer.ask('events', { range, limit, kinds: kinds ?? null });
		},
		pictures: (range, limit) => writer.ask('pictures', { range, limit }),
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
		deadLetters: () => writer.ask('deadLetters', null),
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
		get last() {
			return { events: lastEvent, pictures: lastPicture };
		},
		[Symbol.asyncDispose]: async () => {
			if (isClosed) return;
			await keeping;
			flushDeliveries();
			ending.abort();
			if (queue.length > 0) wake();
			await committing;
			isClosed = true;
			if (queue.length > 0)
				log('error', 'journal', `ends with ${queue.length} entries that it could not write`);
			await writer.ask('close', null).catch((thrown) => log('error', 'journal', String(thrown)));
			await writer.end();
		},
	};
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

type WriterThread = {
	/** @throws Failure, WriterTrouble */
	ask<K extends keyof Asks>(kind: K, ask: Asks[K]['ask']): Promise<Asks[K]['answer']>;
	end(): Promise<void>;
};

function startWriter(onNews: (news: News) => void): WriterThread {
	const worker = new Worker(new URL('./thread.js', import.meta.url), { name: 'journal' });
	const open = new Map<number, { resolve(answer: unknown): void; reject(thrown: unknown): void }>();
	let asked = 0;
	worker.on('message', ({ id, news, answer, failure }: Answer) => {
		if (news) onNews(news);
		const waiting = open.get(id);
		open.delete(id);
		if (!failure) return waiting?.resolve(answer);
		const { trouble, code, message, advice, stack } = failure;
		if (code !== null) return waiting?.reject(new Failure(code as FailureCode, message, advice ?? undefined));
		if (trouble !== null) return waiting?.reject(new WriterTrouble(trouble, message));
		waiting?.reject(Object.assign(new Error(message), { stack: stack ?? message }));
	});
	worker.on('error', (fault) => {
		for (const { reject } of open.values()) reject(fault);
		open.clear();
	});
	return {
		ask: (kind, ask) =>
			new Promise((resolve, reject) => {
				asked += 1;
				open.set(asked, { resolve: resolve as (answer: unknown) => void, reject });
				worker.postMessage({ id: asked, kind, ask });
			}),
		end: async () => {
			await worker.terminate();
		},
	};
}
