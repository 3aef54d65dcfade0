import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { keepConnected, type Pace, type Persistence } from '../base/retry.js';
import { type Camera, FrameFailure } from '../vision/frame.js';
import { outcomeOf, type Parts, type PartsWorld, partsOf } from './parts.js';
import type { Rest } from './rest.js';
import { type DueQueue, inspectDue } from './trigger.js';

/** What the loop needs of the world. */
export type LoopWorld = PartsWorld & {
	/** @throws Failure camera-unavailable, images-missing */
	readonly openCamera: () => Promise<Camera>;
	/** Parts that signals make due: without any, each frame is one. */
	readonly due: DueQueue;
	/** While it is on, no frame is taken by itself. */
	readonly rest: Pick<Rest, 'isOn' | 'over'>;
	/** Frames of a live camera that nobody inspected, since the loop began; of one that waits for signals they are no loss. */
	readonly onDropped: (frames: number) => void;
	/** Of opening the camera again, and of waiting for parts. */
	readonly pace: Pace;
	readonly signal: AbortSignal;
};

const reopening: Persistence = { firstMs: 500, mostMs: 15_000, lastedMs: 30_000 };

/** A driver that holds a closed camera for longer hangs, and lets go of it with its process alone. */
const LET_GO_MS = 3000;

/**
 * Inspects until the source ends or the signal is aborted. A camera that fails is a state, and is opened again until it works;
 * a frame that cannot be inspected is an error verdict, and the next one follows.
 * @throws Failure model-failed when the model fails on end, bundle-golden when it does not score as it did, camera-silent when its
 * driver hangs: a new process may go on; a fault of ours as it is
 */
export async function inspectionLoop(world: LoopWorld): Promise<void> {
	const { report, rest, signal } = world;
	const parts = partsOf(world);
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
		if (closing) await Promise.race([closing, world.pace.pause(LET_GO_MS, over.signal)]);
		over.abort();
		return closing === undefined;
	};
	const once = async (opened: () => void): Promise<'again' | 'done' | 'rest'> => {
		if (!(await hasLetGo())) throw held();
		const open = await outcomeOf(world.openCamera());
		if ('failure' in open) {
			report('error', open.failure);
			return 'again';
		}
		const camera = open.value;
		try {
			opened();
			report('running');
			const { mode } = world.inspection().recipe.trigger;
			const end =
				mode === 'every'
					? await inspectFrames(camera, parts, world, dropped)
					: await inspectDue(camera, parts, world);
			if (end === 'rest') return end;
			if (end instanceof Failure) report('error', end);
			if (end === 'ended') report('finished');
			return end instanceof Failure ? 'again' : 'done';
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
		world.signal,
		world.pace,
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

/** @returns why the camera must be opened again, or that its source ended, or that it is let go of, or that it was interrupted */
async function inspectFrames(
	camera: Camera,
	parts: Parts,
	{ inspection, rest, report, signal, onDropped, pace }: LoopWorld,
	droppedBefore: number,
): Promise<Failure | 'ended' | 'rest' | 'interrupted'> {
	const { now } = inspection();
	let due = now();
	let takenMs = due;
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
		const after = everyMs > 0 ? due : takenMs;
		const read = await outcomeOf(camera.read({ after, signal })).catch((thrown) => {
			if (!signal.aborted) throw thrown;
		});
		if (!read || ('failure' in read && signal.aborted)) break;
		onDropped(droppedBefore + camera.dropped);
		if ('failure' in read) {
			if (!(read.failure instanceof FrameFailure)) return read.failure;
			await parts.unreadable(read.failure);
		} else {
			if (!read.value) return 'ended';
			takenMs = read.value.taken.monotonicMs;
			await parts.inspect(read.value);
		}
		await parts.between();
		due = Math.max(due + everyMs, now());
		const waitMs = due - now();
		// run() blocks the thread: messages, timers and signals get their turn here.
		await (waitMs > 0 ? pace.pause(waitMs, signal) : breathe());
	}
	return 'interrupted';
}
