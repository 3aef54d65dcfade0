import type { Size } from './image.js';

/** Where a point lies between four values of an array `[height, width, channels]`, and how near to each. */
export type Between = {
	/** Index of the upper left one's first channel, and the steps to the one on the right and the one below. */
	readonly at: number;
	readonly across: number;
	readonly down: number;
	/** Shares of the right and of the lower ones. */
	readonly fx: number;
	readonly fy: number;
};

/** At column `x` and row `y` from 0; outside of the array its edge goes on. */
export function between({ width, height }: Size, channels: number, x: number, y: number): Between {
	const u = Math.min(Math.max(x, 0), width - 1);
	const v = Math.min(Math.max(y, 0), height - 1);
	const [left, top] = [Math.floor(u), Math.floor(v)];
	return {
		at: (top * width + left) * channels,
		across: left + 1 < width ? channels : 0,
		down: top + 1 < height ? width * channels : 0,
		fx: u - left,
		fy: v - top,
	};
}

/** The bilinear mean of a channel there. */
export function bilinear(
	data: Uint8Array | Float32Array,
	{ at, across, down, fx, fy }: Between,
	channel: number,
): number {
	const i = at + channel;
	const upper = data[i]! * (1 - fx) + data[i + across]! * fx;
	const lower = data[i + down]! * (1 - fx) + data[i + down + across]! * fx;
	return upper * (1 - fy) + lower * fy;
}
