import { including, joined, type Range, type Ranges, sizeOf, within, without } from '../base/ranges.js';
import type { Outgoing, Source } from './outlet.js';

/** What a cursor needs of the journal, whose items have rising ids. */
export type Feed<T extends { readonly id: number }> = {
	/** The items of a range in order, at most `limit`, and up to which id these are all that there are. */
	read(range: Range, limit: number): Promise<{ readonly items: readonly T[]; readonly upTo: number }>;
	kindOf(item: T): Outgoing['kind'];
	/** How an item is said now; late: others that came after it may have been said before. */
	message(item: T, late: boolean): Outgoing;
	/** What a receipt for it names; undefined: it needs none. */
	receiptOf(item: T): string | undefined;
	/** Everything else was delivered, or will never be. */
	left(ranges: Ranges): void;
	/** The broker has it. */
	acknowledged?(item: T): void;
	refused(item: T, why: string): void;
	/** There is something to send. */
	wake(): void;
	/** Milliseconds of a clock that never jumps. */
	now(): number;
};

/** A cursor in the journal, as a source of messages. */
export type Cursor = Source & {
	/** There are items up to this id now. */
	arrived(id: number): void;
	/** Somebody has an item, by the name that a receipt gives it. */
	received(name: string): void;
	/** Says these again, though they were delivered or refused. */
	again(ids: readonly number[]): void;
	/** How many items wait or are on their way. */
	readonly depth: number;
	/** How many of them stand in memory. */
	readonly held: number;
	/** The first of them; undefined when there is none. */
	readonly oldest: number | undefined;
	/** Whether nothing waits that has just arrived. */
	readonly settled: boolean;
};

export type CursorSettings = {
	/** The newest id that stands now. */
	readonly last: number;
	/** An item that is not said within this time waits with the backlog. */
	readonly freshMs: number;
	/** Read at a time. */
	readonly ahead: number;
	/** Without a receipt for so long an item is said again; undefined: the broker's word is enough. */
	readonly receiptMs?: number;
};

/** Of two that wait, the backlog gets each so manieth turn: what is fresh is first, and the backlog is never starved. */
const SHARE = 4;

/** Items without their receipt, at most: then nothing more is said. */
const MOST_AWAITED = 1000;

/** Ranges that are kept on disk, at most. */
const MOST_RANGES = 256;

/** So far apart are the moments at which ids are remembered, in milliseconds. */
const MARK_MS = 100;

type Held<T> = {
	-readonly [K in keyof Outgoing]: Outgoing[K];
} & {
	readonly item: T;
	state: 'waiting' | 'sending' | 'awaited';
	/** It has been on its way: an outlet may know something of it. */
	isTried: boolean;
	sinceMs: number;
};

/** What is said is made when it is sent. */
const UNSAID: Pick<Outgoing, 'topic' | 'payload'> = { topic: '', payload: new Uint8Array() };

type Lane<T> = { held: Held<T>[]; next: number; reading: boolean };

/**
 * Says what `undelivered` holds and what arrives: what is fresh first, with a share for the backlog. It reads ahead a little
 * and holds nothing else in memory; what was acknowledged out of order is remembered as ranges.
 */
export function createCursor<T extends { readonly id: number }>(
	undelivered: Ranges,
	feed: Feed<T>,
	{ last: newest, freshMs, ahead, receiptMs }: CursorSettings,
): Cursor {
	let left = undelivered;
	let last = newest;
	let freshFrom = newest + 1;
	const marks: { id: number; atMs: number }[] = [];
	const backlog: Lane<T> = { held: [], next: 0, reading: false };
	const fresh: Lane<T> = { held: [], next: freshFrom, reading: false };
	const held = new Map<number, Held<T>>();
	/** Those that need a receipt and were sent, by its name. */
	const named = new Map<string, Held<T>>();
	/** Those that the broker has, without their receipt, the longest first. */
	const awaited = new Set<Held<T>>();
	let turn = 0;

	const settle = (from: number, to = from): void => {
		const before = left;
		left = from <= to ? without(left, { from, to }) : left;
		if (left !== before) feed.left(joined(left, MOST_RANGES));
	};
	const nameOf = (item: T) => (receiptMs === undefined ? undefined : feed.receiptOf(item));
	const release = (message: Outgoing): Held<T> | undefined => {
		const entry = message as Held<T>;
		if (held.get(entry.item.id) !== entry) return undefined;
		held.delete(entry.item.id);
		leave(entry);
		awaited.delete(entry);
		const name = nameOf(entry.item);
		if (name !== undefined && named.get(name) === entry) named.delete(name);
		return entry;
	};
	const leave = (entry: Held<T>): void => {
		for (const lane of [backlog, fresh]) {
			const at = lane.held.indexOf(entry);
			if (at >= 0) lane.held.splice(at, 1);
		}
	};
	const mark = (): void => {
		const nowMs = feed.now();
		const before = freshFrom;
		while (marks[0] && marks[0].atMs <= nowMs - freshMs) freshFrom = marks.shift()!.id + 1;
		if (freshFrom === before) return;
		fresh.next = Math.max(fresh.next, freshFrom);
		const aged = fresh.held.filter(({ item }) => item.id < freshFrom);
		fresh.held = fresh.held.filter(({ item }) => item.id >= freshFrom);
		// What was never sent is read again when its turn comes: large items would heap up here.
		for (const { item, isTried } of aged) {
			if (isTried) continue;
			held.delete(item.id);
			backlog.next = Math.min(backlog.next, item.id);
		}
		const tried = aged.filter(({ isTried }) => isTried);
		backlog.held = [...backlog.held, ...tried].sort((a, b) => a.item.id - b.item.id);
	};
	const windowOf = (lane: Lane<T>): Range => ({
		from: lane.next,
		to: lane === fresh ? last : freshFrom - 1,
	});
	const fill = async (lane: Lane<T>): Promise<void> => {
		if (lane.reading) return;
		if (lane.held.filter(({ state }) => state === 'waiting').length > ahead / 2) return;
		const [wanted] = within(left, windowOf(lane));
		if (!wanted) return;
		lane.reading = true;
		const begun = lane.next;
		const { items, upTo } = await feed.read(wanted, ahead);
		lane.reading = false;
		// What was given back meanwhile stays next.
		if (lane.next >= begun) lane.next = Math.max(lane.next, upTo + 1);
		let expected = wanted.from;
		for (const item of items) {
			// What was there and is not any more was taken by retention, which tells so.
			settle(expected, item.id - 1);
			expected = item.id + 1;
			if (held.has(item.id)) continue;
			const entry: Held<T> = {
				...UNSAID,
				kind: feed.kindOf(item),
				item,
				state: 'waiting',
				isTried: false,
				sinceMs: feed.now(),
			};
			held.set(item.id, entry);
			lane.held.push(entry);
		}
		settle(expected, upTo);
		if (lane.held.length > 0) feed.wake();
		void fill(lane);
	};
	const fillBoth = (): void => {
		mark();
		void fill(fresh);
		void fill(backlog);
	};
	const overdue = (): void => {
		if (receiptMs === undefined) return;
		const nowMs = feed.now();
		for (const entry of awaited) {
			if (entry.sinceMs > nowMs - receiptMs) break;
			awaited.delete(entry);
			entry.state = 'waiting';
			backlog.held.unshift(entry);
		}
	};
	const waiting = (lane: Lane<T>, skip: (message: Outgoing) => boolean) =>
		lane.held.find((entry) => entry.state === 'waiting' && !skip(entry));

	return {
		arrived: (id) => {
			last = Math.max(last, id);
			const newestMark = marks.at(-1);
			if (newestMark && feed.now() - newestMark.atMs < MARK_MS) newestMark.id = last;
			else marks.push({ id: last, atMs: feed.now() });
			fillBoth();
		},
		received: (name) => {
			const entry = named.get(name);
			if (!entry || !release(entry)) return;
			settle(entry.item.id);
			feed.wake();
		},
		again: (ids) => {
			for (const id of ids.filter((known) => known <= last)) {
				left = including(left, id);
				backlog.next = Math.min(backlog.next, id);
			}
			feed.left(joined(left, MOST_RANGES));
			fillBoth();
		},
		next: (skip) => {
			fillBoth();
			overdue();
			if (awaited.size >= MOST_AWAITED) return undefined;
			const [first, second] = [waiting(fresh, skip), waiting(backlog, skip)];
			if (first && second) turn = (turn + 1) % SHARE;
			const entry = first && second ? (turn === 0 ? second : first) : (first ?? second);
			if (!entry) return undefined;
			entry.state = 'sending';
			entry.isTried = true;
			const name = nameOf(entry.item);
			if (name !== undefined) named.set(name, entry);
			Object.assign(entry, feed.message(entry.item, entry.item.id < freshFrom));
			return entry;
		},
		holds: (message) => held.get((message as Held<T>).item.id) === message,
		acknowledge: (message) => {
			const entry = message as Held<T>;
			feed.acknowledged?.(entry.item);
			if (nameOf(entry.item) === undefined) {
				if (release(entry)) settle(entry.item.id);
			} else if (held.get(entry.item.id) === entry) {
				leave(entry);
				entry.state = 'awaited';
				entry.sinceMs = feed.now();
				awaited.add(entry);
			}
			fillBoth();
		},
		refuse: (message, why) => {
			const entry = release(message);
			if (!entry) return;
			settle(entry.item.id);
			feed.refused(entry.item, why);
		},
		postpone: (message) => {
			(message as Held<T>).state = 'waiting';
		},
		recall: () => {
			for (const entry of held.values()) if (entry.state === 'sending') entry.state = 'waiting';
		},
		get depth() {
			return sizeOf(within(left, { from: 0, to: last }));
		},
		get held() {
			return held.size;
		},
		get oldest() {
			return within(left, { from: 0, to: last })[0]?.from;
		},
		get settled() {
			mark();
			return within(left, { from: freshFrom, to: last }).length === 0;
		},
	};
}
