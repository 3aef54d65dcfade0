import type { Image, Rect, Size } from './image.js';

/** When a frame was taken: wall clock (may jump) and monotonic clock of the process that took it. */
export type Stamp = { readonly wallMs: number; readonly monotonicMs: number };

/** One frame as its owner (the OpenCV edge) holds it: the pixels stay native. Whoever asked for it calls `release()` once. */
export type Frame = {
	readonly width: number;
	readonly height: number;
	readonly taken: Stamp;
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

/** A source of frames. */
export type Camera = {
	/** True when frames come at the camera's pace and old ones are dropped; others give the next one when asked. */
	readonly live: boolean;
	/** Frames of a live camera that nobody read. */
	readonly dropped: number;
	/**
	 * The newest frame of a live camera, the next one of others, undefined at the end. One call at a time.
	 * @throws Failure camera-silent (close and open again), image-unreadable (the next call goes on with the next file)
	 */
	read(): Promise<Frame | undefined>;
	close(): Promise<void>;
};
