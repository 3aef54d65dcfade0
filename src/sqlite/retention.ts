import type { Database } from './database.js';
import type { Bounds, Extent } from './exchange.js';
import type { Store, Unheard } from './store.js';

/** Pictures have this share of the bytes, and go before events where room is to be made. */
const PICTURE_SHARE = 0.5;

/** What goes in one step. */
const EVENTS_AT_ONCE = 500;
const PICTURES_AT_ONCE = 64;
const PAGES_AT_ONCE = 256;

/** So many of the newest events stay, whatever else fills the disk. */
const LEAST_EVENTS = 1000;

/** No clock that was set shows an earlier time: what is recorded before it has no age. */
const FIRST_MS = Date.UTC(2020, 0);
const DAY_MS = 86_400_000;

/** What has to go first; undefined when the journal is within its bounds. */
export function excess(extent: Extent, bounds: Bounds): 'pictures' | 'events' | undefined {
	const { pictures, pictureBytes, databaseBytes, freeBytes, events } = extent;
	const isTight = freeBytes < bounds.leastFreeBytes;
	if (pictures > 0 && (isTight || pictureBytes > PICTURE_SHARE * bounds.mostBytes)) return 'pictures';
	const isOver = databaseBytes > (1 - PICTURE_SHARE) * bounds.mostBytes;
	return events > LEAST_EVENTS && (isTight || isOver) ? 'events' : undefined;
}

/** What one step took away. */
export type Taken = {
	/** Hashes of pictures that no row names any more. */
	readonly hashes: readonly string[];
	readonly pictureBytes: number;
	readonly pictures: number;
	/** What an outlet had not delivered. */
	readonly unheard: readonly Unheard[];
};

/** The oldest pictures. To be run in a transaction, as are all of these. */
export function takePictures(store: Store): Taken {
	return { ...store.takePictures(PICTURES_AT_ONCE), unheard: [] };
}

/** The oldest events up to `last`, with their pictures. */
export function takeEvents(store: Store, last: number): Taken {
	const unheard = store.undeliveredUpTo(last);
	const taken = store.takePicturesOf(last);
	store.takeEvents(last);
	return { ...taken, unheard };
}

/** Up to where events may go now, in steps, to come below the bounds. */
export function nextStep(store: Store): number {
	const { oldest } = store;
	return Math.min(oldest + EVENTS_AT_ONCE - 1, store.counted.event - LEAST_EVENTS);
}

/** The last of the events that are too old, in steps; undefined when none is. */
export function tooOld(store: Store, mostAgeDays: number, nowMs: number): number | undefined {
	const last = store.lastBetween(FIRST_MS, nowMs - mostAgeDays * DAY_MS, nowMs);
	const { oldest } = store;
	return last === undefined || last < oldest ? undefined : Math.min(last, oldest + EVENTS_AT_ONCE - 1);
}

/** Gives pages that nothing uses back to the disk, in steps. @returns whether there were any */
export function giveBack(database: Database): boolean {
	const { freelist_count: free } = database.prepare('PRAGMA freelist_count').get() as {
		readonly freelist_count: number;
	};
	if (free < PAGES_AT_ONCE) return false;
	database.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE}); PRAGMA wal_checkpoint(PASSIVE)`);
	return true;
}
