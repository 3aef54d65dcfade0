import type { Mat, VideoCapture } from 'opencv4nodejs';
import type { Camera, Frame, Wanted } from '../../vision/frame.js';
import { type LagClock, lagClock } from '../../vision/lag.js';
import { cv } from '../library.js';
import { frameOfMat } from '../picture.js';
import { type FrameReader, frameReader, type Grabbed, silent } from './capture.js';
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
	/** OpenCV knows formats and times of its frames. */
	readonly tells?: boolean;
};

/** Frames at the camera's pace, of an open capture. */
export function liveCamera(
	capture: VideoCapture,
	name: string,
	{ timeoutMs, latencyMs, mostLagMs }: Pick<CameraOptions, 'timeoutMs' | 'latencyMs' | 'mostLagMs'>,
	{ backlogMs = 0, heldBack = 0, tells = true }: Transport = {},
): Camera {
	const told = capture.get(cv.CAP_PROP_FPS);
	const intervalMs = 1000 / (told >= 1 && told <= 240 ? told : USUAL_FPS);
	// FFmpeg counts from each opening anew.
	const pace = { intervalMs, backlogMs, heldBack, latencyMs, mostLagMs, lagOf: lagClock() };
	return freshFrames(frameReader(capture, name, timeoutMs, { tells }), name, pace);
}

/** So many frames in a row that were waited for are late, before it is believed: this thread may have been busy. */
const LATE_FRAMES = 5;

/** Pixels a side by which a picture is compared with the one before: chance makes so many of a sensor's differ. */
const SAMPLED = 128;

/** Values as the sensor gave them, of pixels all over the picture. */
function sampleOf(mat: Mat): Buffer {
	const small = mat.resize(SAMPLED, SAMPLED, 0, 0, cv.INTER_NEAREST);
	const sample = small.getData();
	small.release();
	return sample;
}

type Pace = Required<Omit<Transport, 'tells'>> &
	Pick<CameraOptions, 'latencyMs' | 'mostLagMs'> & { readonly intervalMs: number; readonly lagOf: LagClock };

/** `waitedMs`: when the wait for it began, less what is known of its way. */
type Held = Pick<Grabbed, 'mat' | 'format'> & {
	readonly takenMs: number;
	readonly waitedMs: number;
	readonly hereMs: number;
};

/**
 * Reads on and on, so that nothing grows old in the buffers of a driver or a network, and keeps the newest frame alone. OpenCV says
 * of no kind when a frame was exposed, and a frame that lies in a buffer looks like a new one. So a frame counts as taken when the
 * wait for it began, if it was really waited for: then it was exposed later, unless it was on its way for longer than from one frame
 * to the next. What is known of longer ways is taken off, and what frames lag behind by their own time stamps. Each is compared with
 * the one before it, so that the first one that a frozen camera repeats is known.
 */
export function freshFrames(
	reader: FrameReader,
	name: string,
	{ intervalMs: toldMs, backlogMs, heldBack, latencyMs, mostLagMs, lagOf }: Pace,
): Camera {
	const waits = [toldMs];
	let intervalMs = toldMs;
	let caughtUpMs = performance.now() - backlogMs;
	let dropped = 0;
	let heardMs: number | undefined;
	let held: Held | undefined;
	let asked:
		| { readonly sinceMs: number; readonly isRight: (one: Held) => boolean; settle(): void }
		| undefined;
	let failure: unknown;
	let seen: { readonly sample: Buffer; readonly sinceMs: number } | undefined;
	let lateFrames = 0;
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
	/** @returns since when the picture has been the same */
	const look = ({ mat, takenMs }: Pick<Held, 'mat' | 'takenMs'>): number => {
		const sample = sampleOf(mat);
		const sinceMs = seen?.sample.equals(sample) ? seen.sinceMs : takenMs;
		seen = { sample, sinceMs };
		return sinceMs;
	};
	/** @throws Failure camera-silent when it is late for long */
	const lagIn = (stamp: Grabbed['stamp'], hereMs: number, waited: boolean): number => {
		if (!stamp || mostLagMs === 0) return 0;
		const lagMs = lagOf(stamp, hereMs);
		if (waited) lateFrames = lagMs > mostLagMs ? lateFrames + 1 : 0;
		if (lateFrames < LATE_FRAMES) return lagMs;
		const seconds = (lagMs / 1000).toFixed(1);
		throw silent(name, `by their own time its pictures come ${seconds} s later than they did`);
	};
	const readOn = async (): Promise<void> => {
		let buffered = Math.ceil(backlogMs / intervalMs);
		while (!closed) {
			const askedMs = performance.now();
			const grabbed = await reader.next();
			const hereMs = performance.now();
			if (!grabbed) throw silent(name, 'it stopped sending');
			const { mat, format, stamp, came } = grabbed;
			// A decoder that is slower than its camera would make whatever lies in a buffer look waited for.
			const { begunMs, doneMs, passed } = came ?? { begunMs: askedMs, doneMs: hereMs, passed: 0 };
			dropped += passed;
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
			const lagMs = lagIn(stamp, doneMs, waited);
			// What a decoder still gives up of a stream that has ended is no word of its camera.
			if (lagMs <= mostLagMs || mostLagMs === 0) heardMs = doneMs;
			const onItsWay = onItsWayMs();
			const takenMs = Math.min(begunMs, doneMs - lagMs) - onItsWay;
			if (!waited && buffered > 0) {
				buffered -= 1 + passed;
				look({ mat, takenMs });
				drop(mat);
				continue;
			}
			// What came while this thread was busy lies in a buffer now.
			buffered = Math.ceil((performance.now() - caughtUpMs) / intervalMs);
			caughtUpMs = doneMs;
			if (held) drop(held.mat);
			held = { mat, format, takenMs, waitedMs: begunMs - onItsWay, hereMs };
			// Who waits for a frame looks at it.
			if (asked?.isRight(held)) asked.settle();
			else look(held);
		}
	};
	readOn().catch((thrown) => {
		failure = thrown;
		asked?.settle();
	});

	return {
		live: true,
		get heardMs() {
			return heardMs;
		},
		get dropped() {
			return dropped;
		},
		read: async ({ after, signal }: Wanted): Promise<Frame> => {
			const sinceMs = performance.now();
			const newMs = sinceMs - 2 * intervalMs - onItsWayMs();
			const isRight = ({ takenMs, waitedMs }: Held) => takenMs >= after && waitedMs >= newMs;
			if (!(held && isRight(held)) && failure === undefined) {
				signal.throwIfAborted();
				let settle = () => {};
				const settled = new Promise<void>((resolve) => {
					settle = resolve;
				});
				asked = { sinceMs, isRight, settle };
				signal.addEventListener('abort', settle);
				await settled;
				signal.removeEventListener('abort', settle);
				asked = undefined;
			}
			signal.throwIfAborted();
			if (!held || !isRight(held)) throw failure;
			const { mat, format, takenMs, hereMs } = held;
			const unchangedSinceMs = look(held);
			held = undefined;
			const wallMs = Date.now() - (performance.now() - takenMs);
			const frame = frameOfMat(mat, undefined, { wallMs, monotonicMs: takenMs });
			return { ...frame, hereMs, format, unchangedSinceMs };
		},
		close: async () => {
			closed = true;
			held?.mat.release();
			held = undefined;
			await reader.close();
		},
	};
}
