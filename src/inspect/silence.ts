import { Failure } from '../base/failure.js';
import type { Pace } from '../base/retry.js';
import { median } from '../measure/statistics.js';
import { instantOf } from '../protocol/fields.js';
import { type Camera, readBy } from '../vision/frame.js';

/** A slow camera is silent when a frame takes so many times as long as usual. */
const USUAL_TIMES = 3;

/** Waits for frames of which the usual one is the middle; with fewer than `LEAST_WAITS` nobody knows what is usual. */
const WAITS_KEPT = 9;
const LEAST_WAITS = 3;

/** While a model blocks this thread, nothing that is here is heard of: that counts as one step. */
const STEP_MS = 250;

/** Whoever waits waits for so long, however long nothing came before: what came meanwhile may lie in a buffer. */
const LEAST_MS = 3 * STEP_MS;

/** Without a reason of its own each end would make an error, with its stack. */
const OVER = 'over';

export type SilenceWorld = {
	/** What gave frames and gives no new one for so long is silent; 0: never. */
	readonly silentMs: number;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	readonly wallClock: () => number;
	/** It is still waited for, and may give a frame yet. */
	readonly onSilent: (failure: Failure) => void;
};

/** Tells of a live camera that falls silent while it is read, long before its time for a frame is over; those that it is given are read one after the other. */
export function silenceWatch({
	silentMs,
	pace,
	wallClock,
	onSilent,
}: SilenceWorld): (camera: Camera) => Camera {
	const waits: number[] = [];
	return (camera) => {
		if (!camera.live || silentMs === 0) return camera;
		/** When it gave its last frame; one that gave none is not told of here. */
		let gaveMs: number | undefined;
		const watch = async (fromMs: number, over: AbortSignal): Promise<void> => {
			if (gaveMs === undefined || waits.length < LEAST_WAITS) return;
			const usualMs = USUAL_TIMES * median(waits);
			if (fromMs > pace.now()) await pace.pause(fromMs - pace.now(), over);
			for (let waitedMs = 0; !over.aborted; waitedMs += STEP_MS) {
				const heardMs = camera.heardMs ?? gaveMs;
				const quietMs = waitedMs < LEAST_MS ? waitedMs : Math.max(waitedMs, pace.now() - heardMs);
				if (quietMs >= silentMs && waitedMs >= usualMs)
					return onSilent(silentSince(wallClock() - (pace.now() - heardMs)));
				await pace.pause(STEP_MS, over);
			}
		};
		return readBy(camera, async (wanted) => {
			const fromMs = Math.max(pace.now(), wanted.after);
			const over = new AbortController();
			void watch(fromMs, over.signal);
			try {
				const frame = await camera.read(wanted);
				if (frame) {
					gaveMs = pace.now();
					waits.push(Math.max(0, gaveMs - fromMs));
					if (waits.length > WAITS_KEPT) waits.shift();
				}
				return frame;
			} finally {
				over.abort(OVER);
			}
		});
	};
}

function silentSince(wallMs: number): Failure {
	return new Failure(
		'camera-silent',
		`Cannot read the camera: it has given no new frame since ${instantOf(wallMs)}`,
		'Check the camera and its cable. One that sends only when it is triggered needs `camera.silentMs: 0`.',
	);
}
