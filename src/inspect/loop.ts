import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { keepConnected, type Pace, type Persistence } from '../base/retry.js';
import { type Camera, FrameFailure, RefusedFailure } from '../vision/frame.js';
import { outcomeOf, type Parts, type PartsWorld, partsOf } from './parts.js';
import type { Rest } from './rest.js';
import { silenceWatch } from './silence.js';
import { type DueQueue, inspectDue, lookMs } from './trigger.js';

/** What the loop needs of the world. */
export type LoopWorld = PartsWorld & {
	/** @throws Failure camera-unavailable, images-missing */
	readonly openCamera: () => Promise<Camera>;
	/** Parts that signals make due: without any, each frame is one. */
	readonly due: DueQueue;
	/** While it is on, no frame is taken by itself. */
	readonly rest: Pick<Rest, 'isOn' | 'over'>;
	/** A live camera that gives no new frame for so long is told of, and is waited for on; 0: it is not, and runs when it is open. */
	readonly silentMs: number;
	/** Frames of a live camera that nobody inspected, since the loop began; of one that waits for signals they are no loss. */
	readonly onDropped: (frames: number) => void;
	/** Of opening the camera again, and of waiting for parts. */
	readonly pace: Pace;
	readonly signal: AbortSignal;
};

/** What is back is to inspect within seconds. */
const reopening: Persistence = { firstMs: 500, mostMs: 3000, lastedMs: 30_000 };

/** Who was refused asks again no sooner. */
const REFUSED_MS = 15_000;

/** Timers may ring so much too soon. */
const EARLY_MS = 2;

/** A driver that holds a closed camera for longer hangs, and lets go of it with its process alone. */
const LET_GO_MS = 3000;

/**
 * Inspects until the source ends or the signal is aborted. A camera that fails is a state, and is opened again until it works;
 * a frame that cannot be inspected is an error verdict, and the next one follows.
 * @throws Failure model-failed when the model fails on end, bundle-golden when it does not score as it did, camera-silent when its
 * driver hangs: a new process may go on; a fault of ours as it is
 */
export async function inspectionLoop(world: LoopWorld): Promise<void> {
	const { report, rest, silentMs, pace, signal } = world;
	const parts = partsOf(world);
	const watched = silenceWatch({ ...world, onSilent: parts.blind });
	let dropped = 0;
	/** What was closed last, as long as its driver holds it. */
	let closing: Promise<void> | undefined;
	const close = (camera: Camera): void => {
		const one = camera.close().then(() => {
			if (closing === one) closing = undefined;
		});
		closing = one;
	};
	const hasLetGo = async (): Promise<boolean> => {
		await breathe();
		const over = new AbortController();
		if (closing) await Promise.race([closing, pace.pause(LET_GO_MS, over.signal)]);
		over.abort();
		return closing === undefined;
	};
	const failed = async (failure: Failure): Promise<'again'> => {
		report('error', failure);
		if (failure instanceof RefusedFailure) await pace.pause(REFUSED_MS, signal);
		return 'again';
	};
	const once = async (opened: () => void): Promise<'again' | 'done' | 'rest'> => {
		if (!(await hasLetGo())) throw held();
		const open = await outcomeOf(world.openCamera());
		if ('failure' in open) return failed(open.failure);
		const camera = watched(open.value);
		const counts: Counts = {
			tell: () => world.onDropped(dropped + camera.dropped),
			looked: () => {
				dropped += 1;
			},
		};
		try {
			opened();
			parts.opened(camera.live && silentMs > 0);
			const { mode } = world.inspection().recipe.trigger;
			const end =
				mode === 'every'
					? await inspectFrames(camera, parts, world, counts)
					: await inspectDue(camera, parts, world);
			if (end === 'rest') return end;
			if (end instanceof Failure) return failed(end);
			if (end === 'ended') report('finished');
			return 'done';
		} finally {
			dropped += camera.dropped;
			close(camera);
		}
	};
	await keepConnected(
		async ({ opened }) => {
			for (;;) {
				if (rest.isOn) {
					report('resting');
					await rest.over(signal);
					if (signal.aborted) return 'done';
				}
				const end = await once(opened);
				if (end !== 'rest') return end;
			}
		},
		reopening,
		signal,
		pace,
	);
	await hasLetGo();
}

function held(): Failure {
	return new Failure(
		'camera-silent',
		'Cannot open the camera again: its driver hangs, and holds it as long as this process lives',
		'Take its power away for a moment if this comes again.',
	);
}

type Counts = {
	tell(): void;
	/** A frame was looked at, and is no part. */
	looked(): void;
};

/** @returns why the camera must be opened again, or that its source ended, or that it is let go of, or that it was interrupted */
async function inspectFrames(
	camera: Camera,
	parts: Parts,
	{ inspection, rest, report, signal, pace }: LoopWorld,
	counts: Counts,
): Promise<Failure | 'ended' | 'rest' | 'interrupted'> {
	const { now } = inspection();
	let due = now();
	let takenMs = due;
	/** Between two parts it is looked at, so that one that is gone is known before the next. */
	const isLookedAt = camera.live && !camera.isAsked;
	while (!signal.aborted) {
		if (rest.isOn) {
			if (camera.live) return 'rest';
			// Another time it would begin anew.
			report('resting');
			await rest.over(signal);
			if (signal.aborted) break;
			report('running');
		}
		const { everyMs } = inspection().recipe.trigger;
		const isDue = !isLookedAt || due - now() < EARLY_MS;
		const after = everyMs === 0 ? takenMs : isDue ? due : now();
		const read = await outcomeOf(camera.read({ after, signal })).catch((thrown) => {
			if (!signal.aborted) throw thrown;
		});
		if (!read || ('failure' in read && signal.aborted)) break;
		counts.tell();
		if ('failure' in read) {
			if (!(read.failure instanceof FrameFailure)) return read.failure;
			if (isDue) await parts.unreadable(read.failure);
			if (camera.live) parts.blind(read.failure);
		} else if (!read.value) {
			return 'ended';
		} else if (isDue) {
			takenMs = read.value.taken.monotonicMs;
			await parts.inspect(read.value);
		} else {
			parts.sees(read.value);
			read.value.release();
			counts.looked();
		}
		await parts.between();
		if (isDue) due = Math.max(due + everyMs, now());
		const waitMs = Math.min(due - now(), isLookedAt ? lookMs(parts) : Number.POSITIVE_INFINITY);
		// run() blocks the thread: messages, timers and signals get their turn here.
		await (waitMs > 0 ? pace.pause(waitMs, signal) : breathe());
	}
	return 'interrupted';
}
