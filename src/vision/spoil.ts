import type { Random } from '../base/random.js';
import type { Size } from './image.js';

/** Sides of the patch, as shares of the picture's. */
const SMALLEST = 0.06;
const LARGEST = 0.2;

/**
 * A good picture with a defect that nobody photographed: a patch of it, somewhat lighter or darker, pasted elsewhere (CutPaste, Li et
 * al. 2021). Interleaved RGB `[height, width, 3]`.
 */
export function spoiled(picture: Uint8Array, { width, height }: Size, random: Random): Uint8Array {
	const side = (length: number) =>
		Math.max(1, Math.round(length * (SMALLEST + (LARGEST - SMALLEST) * random.uniform())));
	const [w, h] = [side(width), side(height)];
	const place = () => ({ x: random.below(width - w + 1), y: random.below(height - h + 1) });
	const [from, to] = [place(), place()];
	const light = (random.uniform() < 0.5 ? -1 : 1) * (20 + 60 * random.uniform());
	// Not slice(): of a Buffer, that is the same memory.
	const result = Uint8Array.from(picture);
	for (let y = 0; y < h; y += 1) {
		for (let i = 0; i < w * 3; i += 1) {
			const value = picture[((from.y + y) * width + from.x) * 3 + i]! + light;
			result[((to.y + y) * width + to.x) * 3 + i] = Math.min(Math.max(value, 0), 255);
		}
	}
	return result;
}
