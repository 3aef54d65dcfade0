import { setTimeout as sleep } from 'node:timers/promises';
import type { Mat, VideoCapture } from 'opencv4nodejs';
import { Failure, reasonOf } from '../../base/failure.js';
import { cv } from '../library.js';

/** An open capture whose frames come one by one. */
export type FrameReader = {
	/** The next frame, or undefined when the source gives no more. @throws Failure camera-silent */
	next(): Promise<Mat | undefined>;
	/** Resolves when its driver has let go, which one that hangs never does. */
	close(): Promise<void>;
};

/**
 * One read at a time, each with a deadline: a capture whose read never came back must not be touched again, because
 * a second read or a release beside it crashes the process.
 */
export function frameReader(capture: VideoCapture, name: string, timeoutMs: number): FrameReader {
	let pending: Promise<Mat> | undefined;
	return {
		next: async () => {
			if (pending) throw silent(name, 'an earlier read has not come back');
			pending = capture.readAsync();
			const timer = new AbortController();
			const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(
				() => 'late' as const,
				() => 'late' as const,
			);
			const mat = await Promise.race([pending, late]).catch((thrown) => {
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
			if (!mat.empty) return mat;
			mat.release();
			return undefined;
		},
		close: async () => {
			await pending?.catch(() => {});
			capture.release();
		},
	};
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
