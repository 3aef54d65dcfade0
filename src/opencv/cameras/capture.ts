import { setTimeout as sleep } from 'node:timers/promises';
import type { Mat, VideoCapture } from 'opencv4nodejs';
import { Failure, reasonOf } from '../../base/failure.js';
import type { TimeStamp } from '../../vision/lag.js';
import { cv } from '../library.js';

/** While a model blocks this thread, nothing that is here is heard of: that counts as one step. */
const STEP_MS = 100;

/** Resolves when this thread was awake for so long, or the signal is aborted. */
export async function lateAfter(ms: number, signal: AbortSignal): Promise<'late'> {
	for (let left = ms; left > 0 && !signal.aborted; left -= STEP_MS)
		await sleep(Math.min(left, STEP_MS), undefined, { signal }).catch(() => {});
	return 'late';
}

/** When a frame's bytes were awaited and when they were there, on the monotonic clock, and how many came before it that nobody took. */
export type Came = { readonly begunMs: number; readonly doneMs: number; readonly passed: number };

/** A frame as it comes: pixels, how they came, and what it says of its own time, by whatever clock. `came`: where that is known apart from decoding. */
export type Grabbed = {
	readonly mat: Mat;
	readonly format: string;
	readonly stamp?: TimeStamp | undefined;
	readonly came?: Came;
};

/** An open capture whose frames come one by one. */
export type FrameReader = {
	/** The next frame, or undefined when the source gives no more. @throws Failure camera-silent */
	next(): Promise<Grabbed | undefined>;
	/** Resolves when its driver has let go, which one that hangs never does. */
	close(): Promise<void>;
};

/**
 * One read at a time, each with a deadline: a capture whose read never came back must not be touched again, because
 * a second read or a release beside it crashes the process. `tells`: its backend knows formats and times, as V4L2 and FFmpeg do.
 */
export function frameReader(
	capture: VideoCapture,
	name: string,
	timeoutMs: number,
	{ tells = false }: { readonly tells?: boolean } = {},
): FrameReader {
	let pending: Promise<Mat> | undefined;
	const format = tells ? codecOf(capture) : 'BGR';
	return {
		next: async () => {
			if (pending) throw silent(name, 'an earlier read has not come back');
			pending = capture.readAsync();
			const timer = new AbortController();
			const mat = await Promise.race([pending, lateAfter(timeoutMs, timer.signal)]).catch((thrown) => {
				timer.abort();
				throw silent(name, reasonOf(thrown));
			});
			if (mat === 'late') {
				pending.then(
					(m) => m.release(),
					() => {},
				);
				throw silent(name, `no frame came within ${timeoutMs} ms`);
			}
			timer.abort();
			pending = undefined;
			if (!mat.empty) return { mat, format, stamp: tells ? stampOf(capture) : undefined };
			mat.release();
			return undefined;
		},
		close: async () => {
			await pending?.catch(() => {});
			capture.release();
		},
	};
}

/** Four letters. */
export function codecOf(capture: VideoCapture): string {
	const code = capture.get(cv.CAP_PROP_FOURCC);
	return String.fromCharCode(...[0, 8, 16, 24].map((shift) => (code >> shift) & 255)).replace(/[^ -~]+/g, '');
}

/** Of the last frame: FFmpeg's by the sender's clock, V4L2's by the machine's. */
function stampOf(capture: VideoCapture): TimeStamp | undefined {
	const ms = capture.get(cv.CAP_PROP_POS_MSEC);
	return ms > 0 ? { ms, stepMs: 0 } : undefined;
}

/** Blocks the thread while the driver or the network answers. `shown` is the address as it may be read. @throws Failure camera-unavailable */
export function openCapture(address: string, backend: number, shown: string): VideoCapture {
	const advice = 'Check that it is switched on, reachable and not used by another program.';
	try {
		return new cv.VideoCapture(address, backend);
	} catch (thrown) {
		throw unavailable(shown, reasonOf(thrown).replaceAll(address, shown), advice);
	}
}

export function unavailable(name: string, state: string, advice: string): Failure {
	return new Failure('camera-unavailable', `Cannot open camera "${name}": ${state}`, advice);
}

export function silent(name: string, state: string): Failure {
	return new Failure(
		'camera-silent',
		`Cannot read camera "${name}": ${state}`,
		'Check the camera and its cable.',
	);
}
