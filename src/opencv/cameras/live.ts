import type { Mat, VideoCapture } from 'opencv4nodejs';
import type { Camera, Frame, Wanted } from '../../vision/frame.js';
import { cv } from '../library.js';
import { frameOfMat } from '../picture.js';
import { type FrameReader, frameReader, silent } from './capture.js';
import type { CameraOptions } from './options.js';

/** Waits for frames of which the usual time between two is the middle one. */
const WAITS_KEPT = 9;

const USUAL_FPS = 25;

/** How frames come through what lies between their exposure and us. */
export type Transport = {
	/** What it sends at first because it had buffered it. */
	readonly backlogMs?: number;
	/** Frames that a decoder holds back. */
	readonly heldBack?: number;
};

/** Frames at the camera's pace, of an open capture. */
export function liveCamera(
	capture: VideoCapture,
	name: string,
	{ timeoutMs, latencyMs }: Pick<CameraOptions, 'timeoutMs' | 'latencyMs'>,
	{ backlogMs = 0, heldBack = 0 }: Transport = {},
): Camera {
	const told = capture.get(cv.CAP_PROP_FPS);
	const intervalMs = 1000 / (told >= 1 && told <= 240 ? told : USUAL_FPS);
	const pace = { intervalMs, backlogMs, heldBack, latencyMs };
	return freshFrames(frameReader(capture, name, timeoutMs), name, pace);
}

/** Frames that nobody reads are looked at so often whether they differ. */
const LOOK_MS = 100;

/** Pixels a side by which a picture is compared with the one before: chance makes so many of a sensor's differ. */
const SAMPLED = 128;

/** Values as the sensor gave them, of pixels all over the picture. */
function sampleOf(mat: Mat): Buffer {
	const small = mat.resize(SAMPLED, SAMPLED, 0, 0, cv.INTER_NEAREST);
	const sample = small.getData();
	small.release();
	return sample;
}

type Pace = Required<Transport> & { readonly intervalMs: number; readonly latencyMs: number };

type Grabbed = { readonly mat: Mat; readonly takenMs: number; readonly hereMs: number };

/**
 * Reads on and on, so that nothing grows old in the buffers of a driver or a network, and keeps the newest frame alone. OpenCV says
 * of no kind when a frame was exposed, and a frame that lies in a buffer looks like a new one. So a frame counts as taken when the
 * wait for it began, if it was really waited for: then it was exposed later, unless it was on its way for longer than from one frame
 * to the next. What is known of longer ways is taken off.
 */
export function freshFrames(
	reader: FrameReader,
	name: string,
	{ intervalMs: toldMs, backlogMs, heldBack, latencyMs }: Pace,
): Camera {
	const waits = [toldMs];
	let intervalMs = toldMs;
	let caughtUpMs = performance.now() - backlogMs;
	let dropped = 0;
	let held: Grabbed | undefined;
	let asked: { readonly sinceMs: number; readonly afterMs: number; settle(): void } | undefined;
	let failure: unknown;
	let seen: { readonly sample: Buffer; readonly sinceMs: number; readonly lookedMs: number } | undefined;
	let size: { readonly cols: number; readonly rows: number } | undefined;
	let closed = false;

	const onItsWayMs = () => heldBack * intervalMs + latencyMs;
	const drop = (mat: Mat) => {
		mat.release();
		dropped += 1;
	};
	/** A wait while somebody reads is the camera's; otherwise this thread may have been busy. */
	const learn = (begunMs: number, waitedMs: number) => {
		if (!asked || begunMs < asked.sinceMs) return;
		waits.push(waitedMs);
		if (waits.length > WAITS_KEPT) waits.shift();
		intervalMs = Math.max(toldMs, [...waits].sort((a, b) => a - b)[waits.length >> 1]!);
	};
	/** @returns since when the picture has been the same, as far as it was looked at */
	const look = ({ mat, takenMs, hereMs }: Grabbed): number => {
		const sample = sampleOf(mat);
		const sinceMs = seen?.sample.equals(sample) ? seen.sinceMs : takenMs;
		seen = { sample, sinceMs, lookedMs: hereMs };
		return sinceMs;
	};
	const readOn = async (): Promise<void> => {
		let buffered = Math.ceil(backlogMs / intervalMs);
		while (!closed) {
			const begunMs = performance.now();
			const mat = await reader.next();
			const doneMs = performance.now();
			if (!mat) throw silent(name, 'it stopped sending');
			if (closed) return mat.release();
			const { cols, rows } = mat;
			if (size && (cols !== size.cols || rows !== size.rows)) {
				mat.release();
				throw silent(name, `its pictures changed from ${size.cols}x${size.rows} to ${cols}x${rows} pixels`);
			}
			size = { cols, rows };
			const waitedMs = doneMs - begunMs;
			const waited = waitedMs >= intervalMs / 2;
			if (waited) learn(begunMs, waitedMs);
			if (!waited && buffered > 0) {
				buffered -= 1;
				drop(mat);
				continue;
			}
			// What came while this thread was busy lies in a buffer now.
			buffered = Math.ceil((performance.now() - caughtUpMs) / intervalMs);
			caughtUpMs = doneMs;
			if (held) drop(held.mat);
			held = { mat, takenMs: begunMs - onItsWayMs(), hereMs: doneMs };
			if (asked && held.takenMs >= asked.afterMs) asked.settle();
			// Who waits for a frame is not to wait for this.
			else if (!asked && doneMs >= (seen?.lookedMs ?? 0) + LOOK_MS) look(held);
		}
	};
	readOn().catch((thrown) => {
		failure = thrown;
		asked?.settle();
	});

	return {
		live: true,
		get dropped() {
			return dropped;
		},
		read: async ({ after, signal }: Wanted): Promise<Frame> => {
			const sinceMs = performance.now();
			const afterMs = Math.max(after, sinceMs - 2 * intervalMs - onItsWayMs());
			if (!(held && held.takenMs >= afterMs) && failure === undefined) {
				signal.throwIfAborted();
				let settle = () => {};
				const settled = new Promise<void>((resolve) => {
					settle = resolve;
				});
				asked = { sinceMs, afterMs, settle };
				signal.addEventListener('abort', settle);
				await settled;
				signal.removeEventListener('abort', settle);
				asked = undefined;
			}
			signal.throwIfAborted();
			if (!held || held.takenMs < afterMs) throw failure;
			const { mat, takenMs, hereMs } = held;
			const unchangedSinceMs = look(held);
			held = undefined;
			const wallMs = Date.now() - (performance.now() - takenMs);
			return { ...frameOfMat(mat, undefined, { wallMs, monotonicMs: takenMs }), hereMs, unchangedSinceMs };
		},
		close: async () => {
			closed = true;
			held?.mat.release();
			held = undefined;
			await reader.close();
		},
	};
}
