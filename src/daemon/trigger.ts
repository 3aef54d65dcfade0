import { Failure } from '../base/failure.js';
import type { RecipeConfig } from '../config/schema.js';
import type { Ago } from '../disk/signal-file.js';
import type { Event } from '../protocol/events.js';
import { instantOf } from '../protocol/fields.js';
import type { Signal } from '../protocol/signal.js';
import type { DuePart } from '../protocol/station-messages.js';
import { errorVerdict, type Origin, type Part, type StationVerdict } from '../protocol/verdict.js';
import { createDueParts, type Dropped, type Due, type Exposed, NOW } from './due.js';

/** The verdict on a part, and its event where the journal could take it. */
export type Verdicted = { readonly verdict: StationVerdict; readonly event: Event | undefined };

/** What becomes of a signal: nothing, or a part that waits with others. */
export type Signalled =
	| { readonly dropped: Dropped | 'closed' }
	| {
			readonly atMs: number;
			readonly waiting: number;
			readonly verdict: Promise<Verdicted>;
			/** Resolves when the part is on disk: until then only the signal tells of it. */
			readonly announced: Promise<void>;
	  };

export type TriggerWorld = {
	/** Of the machine's monotonic clock. */
	readonly now: () => number;
	readonly wallClock: () => number;
	/** Rings once, after so many milliseconds. @returns what keeps it from ringing */
	readonly alarm: (ms: number, ring: () => void) => () => void;
	readonly run: string;
	/** As it was told last. */
	readonly recipe: () => RecipeConfig;
	/** Of a verdict that is said now. */
	readonly origin: () => Origin;
	/** A part is due: should we die, the next one owes it a verdict. */
	readonly announce: (
		origin: Origin,
		part: Part,
		taken: readonly string[] | undefined,
	) => Promise<void> | undefined;
	/** Resolves when it is on disk. */
	readonly give: (
		verdict: StationVerdict,
		pictures: readonly Uint8Array[],
	) => Promise<Event | undefined> | undefined;
	/** What was found of a part so long after its deadline. */
	readonly late: (verdict: StationVerdict, byMs: number) => void;
	/** Whether too many in a row are late may be another now. */
	readonly onLateness: () => void;
};

/** The parts that signals make due at a station, whatever its process does. */
export type Triggered = {
	/** `taken`: the marks of signals that lie there still, its own among them. `ago`: since when it may have been there. */
	signal(signal: Signal, taken?: readonly string[], ago?: Ago): Signalled;
	/** The part of a signal that came while nobody looked, or could, is an error. */
	missed(signal: Signal, taken?: readonly string[], why?: Pick<Failure, 'code' | 'message'>): Signalled;
	/** Its process takes parts from now on. */
	open(tell: (due: DuePart) => void): void;
	/** @returns whether it is the part's verdict */
	found(verdict: StationVerdict, pictures: readonly Uint8Array[], exposed: Exposed): boolean;
	/** Its process has ended: what it was told is an error, what came since waits for the next one. */
	lost(failure: Failure): void;
	/** Nothing is inspected any more: what waits is an error, and signals are of no use. */
	stop(failure: Failure): void;
	readonly dropped: number;
	/** Parts that are due. */
	readonly waiting: number;
	/** Why the station is in error though it inspects. */
	readonly lateness: Failure | undefined;
};

type Standing = { readonly part: Part; settle(verdicted: Verdicted): void };

export function createTriggered(world: TriggerWorld): Triggered {
	const { now, wallClock, alarm, run, recipe, give, late, onLateness } = world;
	const parts = createDueParts();
	const standing = new Map<number, Standing>();
	let tell: ((due: DuePart) => void) | undefined;
	let disarm = () => {};
	let wasLate = false;
	let isClosed = false;

	const origin = (): Origin => ({ ...world.origin(), run });
	const end = (number: number, verdict: StationVerdict, pictures: readonly Uint8Array[]): void => {
		const ended = standing.get(number);
		standing.delete(number);
		const recorded = Promise.resolve(give(verdict, pictures));
		void recorded.then((event) => ended?.settle({ verdict, event })).catch(() => {});
	};
	const fail = (due: readonly Due[], failure: Failure): void => {
		for (const { number } of due) {
			const part = standing.get(number)?.part;
			if (part) end(number, errorVerdict(origin(), part, failure), []);
		}
	};
	/** The daemon itself says what the deadline makes of a part, whatever its station does. */
	const turn = (): void => {
		disarm();
		for (const due of parts.expire(now())) fail([due], overdue(due));
		tellNext();
		const { nextMs } = parts;
		disarm = nextMs === Number.POSITIVE_INFINITY ? () => {} : alarm(Math.max(0, nextMs - now()), turn);
		if (parts.isLate !== wasLate) onLateness();
		wasLate = parts.isLate;
	};
	const tellNext = (): void => {
		if (!tell) return;
		for (const { number, atMs, fromMs, untilMs } of parts.toTell(recipe().trigger.queue)) {
			const { runSequence, part, trigger } = standing.get(number)!.part;
			tell({ run, runSequence, part, trigger: trigger!, atMs, fromMs, untilMs });
		}
	};

	const announce = (
		number: number,
		{ part: name, metadata }: Signal,
		taken: readonly string[] | undefined,
		{ least }: Ago = NOW,
	) => {
		const wallMs = wallClock() - least;
		const part: Part = {
			runSequence: number,
			frame: null,
			part: name,
			trigger: { at: instantOf(wallMs), deadlineMs: recipe().deadlineMs, metadata },
			taken: { wallMs, monotonicMs: now() - least },
		};
		const verdict = new Promise<Verdicted>((settle) => standing.set(number, { part, settle }));
		const announced = Promise.resolve(world.announce(origin(), part, taken));
		return { part, atMs: wallMs, verdict, announced };
	};

	return {
		signal: (signal, taken, ago) => {
			if (isClosed) return { dropped: 'closed' };
			const arrived = parts.arrive(signal, now(), recipe(), ago);
			if ('dropped' in arrived) return arrived;
			const { atMs, verdict, announced } = announce(arrived.due.number, signal, taken, ago);
			turn();
			return { atMs, waiting: parts.waiting, verdict, announced };
		},
		missed: (signal, taken, why = unseen) => {
			if (isClosed) return { dropped: 'closed' };
			const number = parts.skip();
			const { part, atMs, verdict, announced } = announce(number, signal, taken);
			end(number, errorVerdict(origin(), part, why), []);
			return { atMs, waiting: parts.waiting, verdict, announced };
		},
		open: (how) => {
			if (!tell) parts.renew();
			tell = how;
			turn();
		},
		found: (verdict, pictures, exposed) => {
			turn();
			const settled = parts.settle(verdict.runSequence, now(), exposed);
			if (settled.is === 'late') late(verdict, settled.byMs);
			if (settled.is === 'missed') fail([settled.due], missed());
			if (settled.is === 'verdict') end(settled.due.number, verdict, pictures);
			turn();
			return settled.is === 'verdict';
		},
		lost: (failure) => {
			tell = undefined;
			fail(parts.lose(), failure);
			turn();
		},
		stop: (failure) => {
			isClosed = true;
			tell = undefined;
			fail(parts.drain(), failure);
			turn();
		},
		get dropped() {
			return parts.dropped;
		},
		get waiting() {
			return parts.waiting;
		},
		get lateness() {
			return parts.isLate ? tooLate() : undefined;
		},
	};
}

const unseen = { code: 'interrupted', message: 'Its signal came while the box was down' } as const;

function overdue({ deadlineMs }: Due): Failure {
	return new Failure('deadline', `There was no verdict within ${deadlineMs} ms of the signal`);
}

function missed(): Failure {
	return new Failure('part-missed', 'Cannot tell the part from the next one: its frame was exposed too late');
}

function tooLate(): Failure {
	return new Failure('deadline', 'Part after part has no verdict within its deadline');
}
