/** A number in [0, 1) for a point of a lattice: the same everywhere, without a pattern to see. */
export function hash(x: number, y: number, seed: number): number {
	let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1);
	h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smooth value noise in [0, 1): lattice values with a distance of 1, blended by a cubic. */
export function valueNoise(x: number, y: number, seed: number): number {
	const left = Math.floor(x);
	const top = Math.floor(y);
	const fx = ease(x - left);
	const fy = ease(y - top);
	const upper = hash(left, top, seed) * (1 - fx) + hash(left + 1, top, seed) * fx;
	const lower = hash(left, top + 1, seed) * (1 - fx) + hash(left + 1, top + 1, seed) * fx;
	return upper * (1 - fy) + lower * fy;
}

function ease(t: number): number {
	return t * t * (3 - 2 * t);
}

/** 0 below `from`, 1 above `to`, smooth between. */
export function smoothstep(from: number, to: number, v: number): number {
	return ease(Math.min(1, Math.max(0, (v - from) / (to - from))));
}
