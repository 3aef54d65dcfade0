import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import type { Pace } from '../base/retry.js';
import type { DuePart } from '../protocol/station-messages.js';
import { type Camera, type Frame, FrameFailure } from '../vision/frame.js';
import {
	type Awaited,
	type Exposure,
	type Outcome,
	outcomeOf,
	type Parts,
	type PartsWorld,
} from './parts.js';
import { frozen } from './watch.js';

/** Parts that were told, in order, until they have a frame. Whoever tells them bounds them: it waits for their verdicts. */
export type DueQueue = {
	readonly waiting: readonly DuePart[];
	add(due: DuePart): void;
	remove(gone: readonly DuePart[]): void;
	/** Waits for the next one to be added, but not longer than this; ends early when something rings. */
	heard(ms: number, pace: Pick<Pace, 'pause'>): Promise<void>;
	ring(): void;
};

/** Without a reason of its own each ring would make an error, with its stack. */
const RUNG = 'rung';

export function createDueQueue(): DueQueue {
	let waiting: readonly DuePart[] = [];
	let bell = new AbortController();
	return {
		get waiting() {
			return waiting;
		},
		add: (due) => {
			waiting = [...waiting, due];
			bell.abort(RUNG);
		},
		remove: (gone) => {
			waiting = waiting.filter((due) => !gone.includes(due));
		},
		heard: async (ms, { pause }) => {
			await pause(ms, bell.signal);
			bell = new AbortController();
		},
		ring: () => bell.abort(RUNG),
	};
}

/** A live camera is looked at so often while nothing is due, so that one that is silent is known before a part is. */
const IDLE_MS = 1000;

/** And one that gives nothing so often. */
const BLIND_MS = 100;

export const lookMs = ({ isBlind }: Pick<Parts, 'isBlind'>): number => (isBlind ? BLIND_MS : IDLE_MS);

/** How long scoring takes, before one was scored. */
const USUAL_SCORE_MS = 250;

const missed = (why: string) => new Failure('part-missed', `Cannot inspect the part: ${why}`);

export type TriggerWorld = Pick<PartsWorld, 'inspection'> & {
	readonly due: DueQueue;
	readonly pace: Pace;
	readonly signal: AbortSignal;
};

/** Which parts a frame is of or too late for: it shows one that it was exposed for before the next one came into view. */
export function seenIn(
	waiting: readonly DuePart[],
	{ sinceMs, byMs }: Exposure,
): { readonly shows: DuePart | undefined; readonly missed: readonly DuePart[] } {
	let closedMs = Number.POSITIVE_INFINITY;
	let shows: DuePart | undefined;
	const gone: DuePart[] = [];
	for (const due of [...waiting].reverse()) {
		if (byMs >= closedMs || byMs > due.untilMs) gone.unshift(due);
		else if (sinceMs >= due.fromMs) shows = due;
		closedMs = Math.min(closedMs, due.fromMs);
	}
	return { shows, missed: gone };
}

/**
 * Inspects the parts that are told, each on a frame that was exposed while it was in view. Frames are taken as long as any is due,
 * and scored when none is, because scoring blocks the thread; those that wait for it are as few as the parts.
 * @returns why the camera must be opened again, or that its source ended, or that it was interrupted
 */
export async function inspectDue(
	camera: Camera,
	parts: Parts,
	{ inspection, due: queue, pace, signal }: TriggerWorld,
): Promise<Failure | 'ended' | 'interrupted'> {
	const { now } = pace;
	const held: (Awaited & { readonly frame: Frame })[] = [];
	let read: { readonly begunMs: number; readonly outcome: Outcome<Frame | undefined> } | undefined;
	let isReading = false;
	/** What a read threw that is no failure of the world. */
	let fault: { readonly thrown: unknown } | undefined;
	/** One that was just opened is looked at at once. */
	let readMs = Number.NEGATIVE_INFINITY;
	let end: Failure | 'ended' | undefined;
	let scoreMs = USUAL_SCORE_MS;

	const begin = (after: number): void => {
		const begunMs = now();
		isReading = true;
		outcomeOf(camera.read({ after, signal })).then(
			(outcome) => {
				read = { begunMs, outcome };
				queue.ring();
			},
			(thrown) => {
				fault = { thrown };
				queue.ring();
			},
		);
	};
	const take = async ({ begunMs, outcome }: NonNullable<typeof read>): Promise<void> => {
		readMs = now();
		if ('failure' in outcome) {
			const [first] = queue.waiting;
			if (!(outcome.failure instanceof FrameFailure)) end = outcome.failure;
			else if (first) {
				queue.remove([first]);
				await parts.unreadable(outcome.failure, first);
			}
			if (!end && camera.live) parts.blind(outcome.failure);
			return;
		}
		const frame = outcome.value;
		if (!frame) {
			end = 'ended';
			return;
		}
		parts.sees(frame);
		const { quality } = inspection().recipe;
		// A picture that was there before the signal, too, is none of its part.
		const known = quality.frozenMs > 0 ? frame.unchangedSinceMs : undefined;
		const sinceMs = known ?? frame.taken.monotonicMs;
		// A source that gives the next one when asked has no time of its own: what is due first gets it.
		const isDated = camera.live || sinceMs < begunMs;
		const exposed = isDated ? { sinceMs, byMs: frame.hereMs ?? now() } : null;
		const found = exposed ? seenIn(queue.waiting, exposed) : { shows: queue.waiting[0], missed: [] };
		if (found.shows) held.push({ due: found.shows, frame, exposed });
		else frame.release();
		queue.remove([...found.missed, ...(found.shows ? [found.shows] : [])]);
		for (const due of found.missed) await parts.miss(due, missed(whyMissed(due, exposed)));
		const failure = frozen(frame, quality);
		if (!failure) return;
		const unseen = queue.waiting.filter(({ fromMs }) => fromMs + quality.frozenMs <= frame.taken.monotonicMs);
		queue.remove(unseen);
		for (const due of unseen) await parts.miss(due, failure);
	};

	const ring = () => queue.ring();
	signal.addEventListener('abort', ring);
	try {
		while (!signal.aborted) {
			const [next] = queue.waiting;
			if (fault) throw fault.thrown;
			if (read) {
				const taken = read;
				[read, isReading] = [undefined, false];
				await take(taken);
				continue;
			}
			const idleMs = camera.live ? readMs + lookMs(parts) : Number.POSITIVE_INFINITY;
			const isClose = next !== undefined && (!camera.live || next.fromMs <= now() + IDLE_MS);
			const nextMs = isClose ? (camera.live ? Number.NEGATIVE_INFINITY : next.fromMs) : idleMs;
			if (!isReading && !end && now() >= nextMs) begin(isClose ? next.fromMs : now());
			const [first] = held;
			const isSoon = !end && next !== undefined && next.fromMs <= now() + scoreMs;
			const scoreByMs = first
				? first.due.atMs + first.due.trigger.deadlineMs - 2 * scoreMs
				: Number.POSITIVE_INFINITY;
			if (first && (!isSoon || now() >= scoreByMs)) {
				held.shift();
				const begunMs = now();
				await parts.inspect(first.frame, first);
				scoreMs = now() - begunMs;
				// run() blocks the thread: what was due meanwhile is heard here.
				await breathe();
				continue;
			}
			if (end && !first) return end;
			if (!first && !next) await parts.between();
			const untilMs = Math.min(scoreByMs, isReading ? Number.POSITIVE_INFINITY : nextMs);
			await queue.heard(Math.min(IDLE_MS, Math.max(1, untilMs - now())), pace);
		}
		return 'interrupted';
	} finally {
		signal.removeEventListener('abort', ring);
		for (const { frame } of held) frame.release();
	}
}

function whyMissed({ untilMs }: DuePart, exposed: Exposure | null): string {
	return exposed && exposed.byMs > untilMs
		? 'no frame was exposed while it was in view'
		: 'no frame was exposed before the next part came into view';
}
