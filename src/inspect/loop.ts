import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { type Backoff, backoffMs, pause } from '../base/retry.js';
import type { Counts } from '../protocol/states.js';
import type { Heatmap } from '../protocol/station-messages.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import type { Camera } from '../vision/frame.js';
import { failedVerdict, type Inspection, inspectFrame } from './frame.js';

/** What the loop needs of the world. */
export type LoopWorld = {
	readonly inspection: Inspection;
	/** @throws Failure camera-unavailable, images-missing */
	readonly openCamera: () => Promise<Camera>;
	/** Resolves when the message is on its way, so that a reader that is slow slows the loop and not the memory. */
	readonly emit: (message: VerdictMessage, heatmaps: readonly Heatmap[]) => Promise<void>;
	readonly report: (state: 'running' | 'error' | 'finished', counts: Counts, failure?: Failure) => void;
	readonly wallClock: () => number;
	readonly chance: () => number;
	readonly signal: AbortSignal;
};

const reopening: Backoff = { firstMs: 500, mostMs: 15_000 };

type Tally = { -readonly [K in keyof Counts]: Counts[K] };

/**
 * Inspects until the source ends or the signal is aborted. A camera that fails is an error verdict, and is opened again until
 * it works; an image that cannot be read is an error verdict, and the next one follows. A fault of ours is thrown.
 */
export async function inspectionLoop(world: LoopWorld): Promise<void> {
	const { signal, report } = world;
	const counts: Tally = { parts: 0, accepted: 0, rejected: 0, errors: 0, droppedFrames: 0 };
	for (let attempt = 1; !signal.aborted; attempt += 1) {
		try {
			const camera = await world.openCamera();
			try {
				report('running', counts);
				const before = counts.parts;
				const ended = await inspectCamera(camera, world, counts);
				if (ended) {
					report('finished', counts);
					return;
				}
				if (counts.parts > before) attempt = 1;
			} finally {
				await camera.close();
			}
		} catch (thrown) {
			if (!(thrown instanceof Failure)) throw thrown;
			await emitFailure(thrown, world, counts);
			report('error', counts, thrown);
		}
		await pause(backoffMs(reopening, attempt, world.chance()), signal);
	}
}

/** @returns true at the end of the source, false when interrupted. @throws Failure when the camera must be opened again */
async function inspectCamera(camera: Camera, world: LoopWorld, counts: Tally): Promise<boolean> {
	const { signal, inspection } = world;
	const { everyMs } = inspection.recipe.trigger;
	const droppedBefore = counts.droppedFrames;
	let due = inspection.now();
	while (!signal.aborted) {
		try {
			const frame = await camera.read();
			if (!frame) return true;
			try {
				counts.parts += 1;
				counts.droppedFrames = droppedBefore + camera.dropped;
				const { message, heatmaps } = await inspectFrame(frame, counts.parts, inspection);
				tally(counts, message);
				await world.emit(message, heatmaps);
			} finally {
				frame.release();
			}
		} catch (thrown) {
			if (!(thrown instanceof Failure) || thrown.code !== 'image-unreadable') throw thrown;
			await emitFailure(thrown, world, counts);
		}
		due = Math.max(due + everyMs, inspection.now());
		const waitMs = due - inspection.now();
		// run() blocks the thread: messages, timers and signals get their turn here.
		await (waitMs > 0 ? pause(waitMs, signal) : breathe());
	}
	return false;
}

async function emitFailure(
	failure: Failure,
	{ inspection, wallClock, emit }: LoopWorld,
	counts: Tally,
): Promise<void> {
	counts.parts += 1;
	const taken = { wallMs: wallClock(), monotonicMs: inspection.now() };
	const message = failedVerdict(inspection, counts.parts, taken, failure);
	tally(counts, message);
	await emit(message, []);
}

function tally(counts: Tally, { verdict }: VerdictMessage): void {
	if (verdict === 'accept') counts.accepted += 1;
	else if (verdict === 'reject') counts.rejected += 1;
	else counts.errors += 1;
}
