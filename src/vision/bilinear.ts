import type { Size } from './image.js';

/**
 * One channel of an array `[height, width, channels]` between its values, at column `x` and row `y` from 0: bilinear, and outside
 * it the edge goes on.
 */
export function bilinear(
	data: ArrayLike<number>,
	{ width, height }: Size,
	channels: number,
	x: number,
	y: number,
	channel: number,
): number {
	const u = Math.min(Math.max(x, 0), width - 1);
	const v = Math.min(Math.max(y, 0), height - 1);
	const [left, top] = [Math.floor(u), Math.floor(v)];
	const [fx, fy] = [u - left, v - top];
	const across = (Math.min(left + 1, width - 1) - left) * channels;
	const down = (Math.min(top + 1, height - 1) - top) * width * channels;
	const at = (top * width + left) * channels + channel;
	const upper = data[at]! * (1 - fx) + data[at + across]! * fx;
	const lower = data[at + down]! * (1 - fx) + data[at + down + across]! * fx;
	return upper * (1 - fy) + lower * fy;
}
