import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { keepConnected, type Pace, type Persistence, pause } from '../base/retry.js';
import { errorVerdict, type Origin, type Part, type StationVerdict } from '../protocol/verdict.js';
import { type Camera, type Frame, FrameFailure } from '../vision/frame.js';
import { type Inspected, type Inspection, inspectFrame } from './frame.js';

/** What the loop needs of the world. */
export type LoopWorld = {
	/** What it inspects with now: settings may change between two parts. */
	readonly inspection: () => Inspection;
	/** @throws Failure camera-unavailable, images-missing */
	readonly openCamera: () => Promise<Camera>;
	/** A part is due: its verdict follows unless this process dies. Resolves when that is on its way. */
	readonly begin: (part: Part, origin: Origin) => Promise<void>;
	/** Resolves when the verdict is on its way, so that a reader that is slow slows the loop and not the memory. */
	readonly emit: (inspected: Inspected) => Promise<void>;
	/** A part whose verdict was emitted, and its frame, which is released afterwards: what is kept of it. */
	readonly keep: (frame: Frame, verdict: StationVerdict) => Promise<void>;
	/** What the station does now; `failure` says why it is in error. */
	readonly report: (state: 'running' | 'error' | 'finished', failure?: Failure) => void;
	/** Frames of a live camera that nobody inspected, since the loop began. */
	readonly onDropped: (frames: number) => void;
	readonly wallClock: () => number;
	/** Of opening the camera again. */
	readonly pace: Pace;
	readonly signal: AbortSignal;
};

const reopening: Persistence = { firstMs: 500, mostMs: 15_000, lastedMs: 30_000 };

/** A model that fails so many times on end needs a new process. */
const MOST_FAILED_RUNS = 5;

/**
 * Inspects until the source ends or the signal is aborted. A camera that fails is a state, and is opened again until it works;
 * a frame that cannot be inspected is an error verdict, and the next one follows.
 * @throws Failure model-failed when the model fails on end; a fault of ours as it is
 */
export async function inspectionLoop(world: LoopWorld): Promise<void> {
	const { report } = world;
	const parts = partsOf(world);
	let dropped = 0;
	await keepConnected(
		async ({ opened }) => {
			const open = await outcomeOf(world.openCamera());
			if ('failure' in open) {
				report('error', open.failure);
				return 'again';
			}
			const camera = open.value;
			try {
				opened();
				report('running');
				const end = await inspectCamera(camera, parts, world, dropped);
				if (end instanceof Failure) report('error', end);
				if (end === 'ended') report('finished');
				return end instanceof Failure ? 'again' : 'done';
			} finally {
				dropped += camera.dropped;
				await camera.close();
			}
		},
		reopening,
		world.signal,
		world.pace,
	);
}

/** @returns why the camera must be opened again, or that its source ended, or that it was interrupted */
async function inspectCamera(
	camera: Camera,
	parts: Parts,
	{ inspection, signal, onDropped }: LoopWorld,
	droppedBefore: number,
): Promise<Failure | 'ended' | 'interrupted'> {
	const { now } = inspection();
	let due = now();
	let takenMs = due;
	while (!signal.aborted) {
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
		due = Math.max(due + everyMs, now());
		const waitMs = due - now();
		// run() blocks the thread: messages, timers and signals get their turn here.
		await (waitMs > 0 ? pause(waitMs, signal) : breathe());
	}
	return 'interrupted';
}

type Parts = ReturnType<typeof partsOf>;

/** Gives each part its number and exactly one verdict. */
function partsOf({ inspection, begin, emit, keep, report, wallClock }: LoopWorld) {
	let runSequence = 0;
	let failedRuns = 0;
	let troubled = false;
	/** A part is inspected by the settings of this moment, whatever is told meanwhile. */
	const next = async ({ taken, frame }: Pick<Part, 'taken' | 'frame'>) => {
		runSequence += 1;
		const part: Part = { runSequence, frame, part: null, trigger: null, taken };
		const by = inspection();
		await begin(part, by.origin);
		return { part, by };
	};
	const fail = ({ part, by }: { readonly part: Part; readonly by: Inspection }, failure: Failure) =>
		emit({ verdict: errorVerdict(by.origin, part, failure), pictures: [] });
	return {
		/** Releases the frame. @throws Failure model-failed when it has failed too often */
		inspect: async (frame: Frame): Promise<void> => {
			try {
				const due = await next({ taken: frame.taken, frame: frame.name ?? null });
				const inspected = await outcomeOf(inspectFrame(frame, due.part, due.by));
				if ('failure' in inspected) {
					const { failure } = inspected;
					await fail(due, failure);
					troubled = true;
					report('error', failure);
					failedRuns = failure.code === 'model-failed' ? failedRuns + 1 : 0;
					if (failedRuns === MOST_FAILED_RUNS) throw failure;
					return;
				}
				if (troubled) report('running');
				troubled = false;
				failedRuns = 0;
				await emit(inspected.value);
				await keep(frame, inspected.value.verdict);
			} finally {
				frame.release();
			}
		},
		/** A picture that is there and cannot be read. */
		unreadable: async (failure: FrameFailure): Promise<void> => {
			const taken = { wallMs: wallClock(), monotonicMs: inspection().now() };
			await fail(await next({ taken, frame: failure.frame }), failure);
		},
	};
}

type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A failure of the world as a value; a fault of ours is thrown on. */
async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
	try {
		return { value: await work };
	} catch (thrown) {
		if (thrown instanceof Failure) return { failure: thrown };
		throw thrown;
	}
}
