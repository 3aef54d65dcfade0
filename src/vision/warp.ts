import type { Random } from '../base/random.js';
import { between, bilinear } from './bilinear.js';
import type { Size } from './image.js';

/** How far a picture may be turned, in degrees either way, and moved, as a share of each side. */
export type Wobble = { readonly degrees: number; readonly shift: number };

/**
 * Interleaved RGB `[height, width, 3]`, turned about its middle and moved by chance within `wobble`; bilinear, and what comes in from
 * outside repeats the edge.
 */
export function wobbled(picture: Uint8Array, size: Size, wobble: Wobble, random: Random): Uint8Array {
	const { width, height } = size;
	const within = (most: number) => most * (2 * random.uniform() - 1);
	const angle = (within(wobble.degrees) * Math.PI) / 180;
	const [dx, dy] = [within(wobble.shift) * width, within(wobble.shift) * height];
	const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
	const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
	const result = new Uint8Array(picture.length);
	for (let y = 0; y < height; y += 1) {
		for (let x = 0; x < width; x += 1) {
			const u = cos * (x - cx) + sin * (y - cy) + cx + dx;
			const v = cos * (y - cy) - sin * (x - cx) + cy + dy;
			const place = between(size, 3, u, v);
			for (let c = 0; c < 3; c += 1)
				result[(y * width + x) * 3 + c] = Math.round(bilinear(picture, place, c));
		}
	}
	return result;
}
