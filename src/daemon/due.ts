import type { RecipeConfig } from '../config/schema.js';
import type { Ago } from '../disk/signal-file.js';
import type { Signal } from '../protocol/signal.js';

/** A part that a signal made due. Times: milliseconds of one clock that never jumps. */
export type Due = Signal & {
	/** Counts them. */
	readonly number: number;
	/** When the signal came. */
	readonly atMs: number;
	readonly deadlineMs: number;
	/** From then on it is in view, and so long at most. */
	readonly fromMs: number;
	readonly untilMs: number;
};

/** Of a signal that is told as it comes. */
export const NOW: Ago = { least: 0, most: 0 };

/** Why a signal makes no part. */
export type Dropped = 'bounced' | 'too-soon' | 'full';

/** What is to be made of what a station found of a part. */
export type Settled =
	/** It is the verdict. */
	| { readonly is: 'verdict'; readonly due: Due }
	/** The frame may show the next part. */
	| { readonly is: 'missed'; readonly due: Due }
	/** The part has been an error already, since its deadline `byMs` before. */
	| { readonly is: 'late'; readonly due: Due; readonly byMs: number }
	/** Nobody waits for it. */
	| { readonly is: 'unknown' };

/** When a frame was exposed, as far as that is known. */
export type Exposed = { readonly sinceMs: number; readonly byMs: number } | null;

/** Parts late in a row that make the station an error. */
const MOST_LATE = 3;

type Standing = {
	readonly due: Due;
	isTold: boolean;
	/** The next part came into view. */
	closedMs: number;
};

export type DueParts = ReturnType<typeof createDueParts>;

/** Parts that signals made due, each of which gets one verdict. It knows no clock: `nowMs` never runs backwards. */
export function createDueParts() {
	const waiting = new Map<number, Standing>();
	/** Told to the station, which owes an answer; their deadlines have passed. */
	const overdue = new Map<number, Due>();
	let number = 0;
	let signalMs = Number.NEGATIVE_INFINITY;
	let partMs = Number.NEGATIVE_INFINITY;
	let dropped = 0;
	let late = 0;

	const drop = (why: Dropped): { readonly dropped: Dropped } => {
		dropped += 1;
		return { dropped: why };
	};
	const endAll = (standing: readonly Standing[]): readonly Due[] => {
		for (const { due } of standing) waiting.delete(due.number);
		return standing.map(({ due }) => due);
	};

	return {
		/** A signal comes, or came so long `ago`: a frame is its part's whenever in that time it came. What bounced or came too soon is no part; one for which there is no place is, and ends the view of the one before. */
		arrive: (
			signal: Signal,
			nowMs: number,
			{ trigger, deadlineMs }: Pick<RecipeConfig, 'trigger' | 'deadlineMs'>,
			{ least, most }: Ago = NOW,
		): { readonly due: Due } | { readonly dropped: Dropped } => {
			const { delayMs, withinMs, debounceMs, leastMs, queue } = trigger;
			const hasBounced = nowMs - signalMs < debounceMs;
			signalMs = nowMs;
			if (hasBounced) return drop('bounced');
			if (nowMs - partMs < leastMs) return drop('too-soon');
			partMs = nowMs;
			const [sinceMs, fromMs] = [nowMs - most + delayMs, nowMs - least + delayMs];
			for (const standing of waiting.values()) standing.closedMs = Math.min(standing.closedMs, sinceMs);
			if (waiting.size >= queue) return drop('full');
			number += 1;
			const untilMs = sinceMs + (withinMs ?? Number.POSITIVE_INFINITY);
			const due: Due = { ...signal, number, atMs: nowMs - least, deadlineMs, fromMs, untilMs };
			waiting.set(number, { due, isTold: false, closedMs: Number.POSITIVE_INFINITY });
			return { due };
		},
		/** @returns the number of a part that is over already */
		skip: (): number => {
			number += 1;
			return number;
		},
		/** Those that the station is to be told now: it owes answers for `most` at a time. */
		toTell: (most: number): readonly Due[] => {
			const told = [...waiting.values()].filter(({ isTold }) => isTold).length + overdue.size;
			const next = [...waiting.values()].filter(({ isTold }) => !isTold).slice(0, Math.max(0, most - told));
			for (const standing of next) standing.isTold = true;
			return next.map(({ due }) => due);
		},
		/** Those whose deadline has passed: they wait no more. */
		expire: (nowMs: number): readonly Due[] => {
			const expired = [...waiting.values()].filter(({ due }) => deadlineOf(due) <= nowMs);
			for (const { due, isTold } of expired) if (isTold) overdue.set(due.number, due);
			late += expired.length;
			return endAll(expired);
		},
		/**
		 * The station has found something of a part, from a frame that was exposed between two moments (null: from none, or from a
		 * source that has no time). What has expired must have been taken away before.
		 */
		settle: (of: number, nowMs: number, exposed: Exposed): Settled => {
			const due = overdue.get(of);
			if (due) {
				overdue.delete(of);
				return { is: 'late', due, byMs: nowMs - deadlineOf(due) };
			}
			const standing = waiting.get(of);
			if (!standing) return { is: 'unknown' };
			waiting.delete(of);
			late = 0;
			const { due: ended, closedMs } = standing;
			const isInView =
				exposed === null ||
				(exposed.sinceMs >= ended.fromMs && exposed.byMs < closedMs && exposed.byMs <= ended.untilMs);
			return { is: isInView ? 'verdict' : 'missed', due: ended };
		},
		/** A new process takes parts: that the one before was late says nothing of it. */
		renew: (): void => {
			late = 0;
		},
		/** The station's process is gone, and its answers with it. @returns those that it was told */
		lose: (): readonly Due[] => {
			overdue.clear();
			return endAll([...waiting.values()].filter(({ isTold }) => isTold));
		},
		/** Nothing comes any more. @returns all that wait */
		drain: (): readonly Due[] => {
			overdue.clear();
			return endAll([...waiting.values()]);
		},
		get waiting(): number {
			return waiting.size;
		},
		/** The next deadline. */
		get nextMs(): number {
			return Math.min(...[...waiting.values()].map(({ due }) => deadlineOf(due)));
		},
		/** Signals that made no part. */
		get dropped(): number {
			return dropped;
		},
		/** So many in a row had no verdict in time that something is wrong with the station. */
		get isLate(): boolean {
			return late >= MOST_LATE;
		},
	};
}

function deadlineOf({ atMs, deadlineMs }: Due): number {
	return atMs + deadlineMs;
}
