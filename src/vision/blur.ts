import type { Rect, Size } from './image.js';

/** A rectangle of a picture `[height, width, 3]`, each value the mean of those up to `radius` away, twice; edges go on. */
export function boxBlurred(picture: Uint8Array, size: Size, rect: Rect, radius: number): Float32Array {
	const margin = 2 * radius;
	const [width, height] = [rect.width + 2 * margin, rect.height + 2 * margin];
	let values: Float32Array = new Float32Array(width * height * 3);
	for (let y = 0; y < height; y += 1) {
		const v = Math.min(Math.max(rect.y + y - margin, 0), size.height - 1);
		for (let x = 0; x < width; x += 1) {
			const u = Math.min(Math.max(rect.x + x - margin, 0), size.width - 1);
			for (let c = 0; c < 3; c += 1) values[(y * width + x) * 3 + c] = picture[(v * size.width + u) * 3 + c]!;
		}
	}
	for (const [step, length, stride, lines] of [
		[3, width, width * 3, height],
		[width * 3, height, 3, width],
		[3, width, width * 3, height],
		[width * 3, height, 3, width],
	] as const) {
		values = meansAlong(values, { step, length, stride, lines }, radius);
	}
	const result = new Float32Array(rect.width * rect.height * 3);
	for (let y = 0; y < rect.height; y += 1) {
		const from = ((y + margin) * width + margin) * 3;
		result.set(values.subarray(from, from + rect.width * 3), y * rect.width * 3);
	}
	return result;
}

type Lines = {
	readonly step: number;
	readonly length: number;
	readonly stride: number;
	readonly lines: number;
};

/** Means of `2 · radius + 1` neighbours along each line; at its ends what is missing is left out. */
function meansAlong(
	values: Float32Array,
	{ step, length, stride, lines }: Lines,
	radius: number,
): Float32Array {
	const result = new Float32Array(values.length);
	for (let line = 0; line < lines; line += 1) {
		for (let c = 0; c < 3; c += 1) {
			const first = line * stride + c;
			let [sum, count] = [0, 0];
			for (let k = -radius; k < length; k += 1) {
				if (k + radius < length) {
					sum += values[first + (k + radius) * step]!;
					count += 1;
				}
				if (k > radius) {
					sum -= values[first + (k - radius - 1) * step]!;
					count -= 1;
				}
				if (k >= 0) result[first + k * step] = sum / count;
			}
		}
	}
	return result;
}
