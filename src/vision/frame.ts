import type { Image, Rect } from './image.js';

/** When a frame was taken: wall clock (may jump) and monotonic clock of the process that took it. */
export type Stamp = { readonly wallMs: number; readonly monotonicMs: number };

/** Encoded heatmap crop: `box` in frame pixels, JPEG bytes. */
export type Picture = { readonly box: Rect; readonly jpeg: Uint8Array };

/**
 * One frame as its owner (the OpenCV edge) holds it. The pixels stay native; whoever took it calls `release()` once.
 */
export type Frame = {
	readonly width: number;
	readonly height: number;
	readonly taken: Stamp;
	/** The file's name for sources that have one. */
	readonly name?: string;
	/** Interleaved RGB `[size, size, 3]` of the region (whole frame without one), resized with antialiasing. */
	modelInput(region: Rect | undefined, size: number): Uint8Array;
	/** JPEG of `box` (frame pixels) with `overlay` (RGB, any size, stretched over the box) blended over it. */
	blendJpeg(box: Rect, overlay: Image, opacity: number, quality: number): Uint8Array;
	/** The whole frame as RGB. */
	toImage(): Image;
	release(): void;
};

/**
 * A source of frames. `live` cameras produce at their own pace (newest wins); others give the next one when asked.
 * `read` resolves to undefined at the end of the source. One `read` in flight at a time.
 * @throws Failure camera-unavailable, camera-silent, image-unreadable
 */
export type Camera = {
	readonly live: boolean;
	read(signal: AbortSignal): Promise<Frame | undefined>;
	close(): Promise<void>;
};
