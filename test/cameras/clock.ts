import type { Frame } from '../../src/vision/frame.js';
import type { Image } from '../../src/vision/image.js';

/** A picture of a clock: bits of milliseconds as black and white squares, eight in a row, which survive any codec. */
const [COLUMNS, ROWS, SIDE] = [8, 5, 16];

/** Milliseconds of the machine's monotonic clock, the same in all processes. */
export function machineMs(): number {
	return Number(process.hrtime.bigint() / 1_000_000n);
}

/** That clock as this process's `performance.now()` tells it. */
export function asPerformance(ms: number): number {
	return performance.now() + (ms - machineMs());
}

export function clockPicture(ms: number, rows = ROWS): Image {
	const [width, height] = [COLUMNS * SIDE, rows * SIDE];
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y += 1) {
		for (let x = 0; x < width; x += 1) {
			const bit = Math.floor(y / SIDE) * COLUMNS + Math.floor(x / SIDE);
			data.fill(Math.floor(ms / 2 ** bit) % 2 ? 255 : 0, (y * width + x) * 3, (y * width + x + 1) * 3);
		}
	}
	return { width, height, channels: 3, data };
}

/** What the clock in a frame shows, whatever the frame's size. */
export function clockIn(frame: Frame, rows = ROWS): number {
	const { width, height } = frame;
	const { data } = frame.crop({ x: 0, y: 0, width, height }, Math.max(width, height));
	let ms = 0;
	for (let bit = 0; bit < COLUMNS * rows; bit += 1) {
		const x = Math.floor(((bit % COLUMNS) + 0.5) * (width / COLUMNS));
		const y = Math.floor((Math.floor(bit / COLUMNS) + 0.5) * (height / rows));
		if (data[(y * width + x) * 3]! > 127) ms += 2 ** bit;
	}
	return ms;
}
