import { Failure } from '../base/failure.js';
import type { Image, Rect, Size } from './image.js';

/** When a frame was taken: wall clock (may jump) and monotonic clock of the process that took it. */
export type Stamp = { readonly wallMs: number; readonly monotonicMs: number };

/** One frame as its owner (the OpenCV edge) holds it: the pixels stay native. Whoever asked for it calls `release()` once. */
export type Frame = {
	readonly width: number;
	readonly height: number;
	readonly taken: Stamp;
	/** It was here then, on the same clock: it was exposed between the two. Absent: when it was handed over. */
	readonly hereMs?: number;
	/** Of a live camera, on the same clock: since then each of its pictures has been the very same. Two of a sensor never are: it is frozen. */
	readonly unchangedSinceMs?: number;
	/** Of a live camera: how its pictures come, before they are decoded: "JPEG", "YUYV", "h264". */
	readonly format?: string;
	/** The file's name, for sources that have one. */
	readonly name: string | undefined;
	/**
	 * Interleaved RGB `[height, width, 3]` of the region (the whole frame without one), resized with antialiasing.
	 * @throws Failure image-unreadable when the region does not lie in the frame
	 */
	modelInput(region: Rect | undefined, size: Size): Uint8Array;
	/** The pixels of `box` as RGB, shrunk so that no side is longer than `longestSide`. */
	crop(box: Rect, longestSide: number): Image;
	release(): void;
};

/** What a reader wants: a frame taken after this moment of the monotonic clock that frames are stamped with. An abort ends the wait. */
export type Wanted = { readonly after: number; readonly signal: AbortSignal };

/** A source of frames. */
export type Camera = {
	/** True when frames come at the camera's pace and old ones are dropped; others give the next one when asked. */
	readonly live: boolean;
	/** Each frame of it is one that it is asked for, over its line: nobody looks at it without need. */
	readonly isAsked?: boolean;
	/** Of one that is read on and on: when its last frame came, on the clock that frames are stamped with, whoever waits for it. */
	readonly heardMs?: number | undefined;
	/** Frames of a live camera that nobody inspected. */
	readonly dropped: number;
	/**
	 * A live camera: the next frame that was taken after `after`. Others: the next frame, which counts as taken when it is handed
	 * over. Undefined at the end. One call at a time.
	 * @throws FrameFailure image-unreadable (the next call goes on with the next frame), Failure camera-silent (close and open
	 * again), and the signal's reason
	 */
	read(wanted: Wanted): Promise<Frame | undefined>;
	/** Resolves when its driver has let go, which one that hangs never does: then this process must not open it again. */
	close(): Promise<void>;
};

/** The same camera, of which frames are read in another way. */
export function readBy(
	camera: Camera,
	read: Camera['read'],
	close: Camera['close'] = () => camera.close(),
): Camera {
	return {
		live: camera.live,
		isAsked: camera.isAsked ?? false,
		get heardMs() {
			return camera.heardMs;
		},
		get dropped() {
			return camera.dropped;
		},
		read,
		close,
	};
}

/** A camera that refuses whoever asks: some lock out for minutes who goes on asking. */
export class RefusedFailure extends Failure {
	constructor({ code, message, advice }: Failure) {
		super(code, message, advice);
	}
}

/** A frame that is there and cannot be read: `frame` is its name. */
export class FrameFailure extends Failure {
	readonly frame: string;

	constructor(frame: string, { code, message, advice }: Failure) {
		super(code, message, advice);
		this.frame = frame;
	}
}
