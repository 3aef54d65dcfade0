import type { Random } from '../base/random.js';
import { smoothstep, valueNoise } from '../vision/noise.js';

/** One turned steel flange as it lies under the lamp. Lengths in pixels of a picture with side 512, angles in radians. */
export type Flange = {
	readonly centreX: number;
	readonly centreY: number;
	readonly angle: number;
	/** Factor on all light, and the direction it comes from. */
	readonly gain: number;
	readonly lightAngle: number;
	/** Of this part's turning marks and of the belt under it. */
	readonly texture: number;
	/** The hole that was not drilled. */
	readonly undrilled: number | undefined;
};

export const RADIUS = 205;
const BORE = 52;
const COLLAR = 92;
export const HOLES = 6;
const HOLE_CIRCLE = 150;
export const HOLE_RADIUS = 19;
const CHAMFER = 7;

/** How far parts turn to either side on a line that holds them. */
export const HELD_DEGREES = 2;

/** A good part: it lies off by some pixels and turned by up to `turnDegrees` to either side, in light that drifts slowly from part to part. */
export function goodFlange(random: Random, index: number, turnDegrees: number): Flange {
	return {
		centreX: 256 + 5 * (2 * random.uniform() - 1),
		centreY: 256 + 5 * (2 * random.uniform() - 1),
		angle: ((turnDegrees * Math.PI) / 180) * (2 * random.uniform() - 1),
		gain: 1 + 0.05 * Math.sin(index / 17) + 0.02 * (2 * random.uniform() - 1),
		lightAngle: 0.6 + 0.08 * Math.sin(index / 29) + 0.02 * (2 * random.uniform() - 1),
		texture: random.below(1_000_000),
		undrilled: undefined,
	};
}

/** Where hole `k` is, relative to the part's centre. */
export function holeCentre(flange: Flange, k: number): { x: number; y: number } {
	const angle = flange.angle + (k * 2 * Math.PI) / HOLES;
	return { x: HOLE_CIRCLE * Math.cos(angle), y: HOLE_CIRCLE * Math.sin(angle) };
}

/** Light that reaches the camera from each pixel, before noise: RGB, interleaved `[size, size, 3]`, about 0 to 255. */
export function renderFlange(flange: Flange, size: number): Float32Array {
	const rgb = new Float32Array(size * size * 3);
	const scale = 512 / size;
	const holes = Array.from({ length: HOLES }, (_, k) => holeCentre(flange, k)).filter(
		(_, k) => k !== flange.undrilled,
	);
	const key = { x: Math.cos(flange.angle), y: Math.sin(flange.angle) };
	const marks = turningMarks(flange.texture);
	const light = { x: Math.cos(flange.lightAngle), y: Math.sin(flange.lightAngle) };
	for (let py = 0; py < size; py += 1) {
		for (let px = 0; px < size; px += 1) {
			const x = (px + 0.5) * scale - flange.centreX;
			const y = (py + 0.5) * scale - flange.centreY;
			const radius = Math.sqrt(x * x + y * y);
			const coverage = smoothstep(RADIUS + 0.8, RADIUS - 0.8, radius);
			let grey = coverage < 1 ? belt(x, y, radius, flange.texture, light) : 0;
			if (coverage > 0) {
				const lit = (x * light.x + y * light.y) / (radius + 1e-6);
				let metal = turned(radius, lit, marks);
				metal += edges(radius, lit);
				metal *= 1 - bore(x, y, radius, key) * 0.86;
				for (const hole of holes) {
					const from = Math.sqrt((x - hole.x) ** 2 + (y - hole.y) ** 2);
					if (from < HOLE_RADIUS + CHAMFER)
						metal = drill(metal, from, ((x - hole.x) * light.x + (y - hole.y) * light.y) / (from + 1e-6));
				}
				grey = grey * (1 - coverage) + metal * coverage;
			}
			const value = grey * flange.gain;
			const at = (py * size + px) * 3;
			rgb[at] = value * 0.985;
			rgb[at + 1] = value;
			rgb[at + 2] = value * 1.03;
		}
	}
	return rgb;
}

/** The conveyor: a dark woven belt, with the soft shadow of the part on the side away from the lamp. */
function belt(x: number, y: number, radius: number, seed: number, light: { x: number; y: number }): number {
	const weave = 6 * Math.sin(x * 0.9) * Math.sin(y * 0.9);
	const dust =
		10 * (valueNoise(x / 3, y / 3, seed + 1) - 0.5) + 8 * (valueNoise(x / 40, y / 40, seed + 2) - 0.5);
	const away = (x * light.x + y * light.y) / (radius + 1e-6);
	const shadow = 0.35 * smoothstep(RADIUS + 26, RADIUS, radius) * smoothstep(-0.4, 0.8, -away);
	return (44 + weave + dust) * (1 - shadow);
}

/** Steps of the tool marks' table, per pixel of radius. */
const MARK_STEPS = 8;

/** Brightness of the fine concentric marks by radius. */
function turningMarks(seed: number): Float32Array {
	return Float32Array.from({ length: (RADIUS + 2) * MARK_STEPS }, (_, i) => {
		const radius = i / MARK_STEPS;
		return 15 * (valueNoise(radius * 0.9, 0.5, seed) - 0.5) + 8 * (valueNoise(radius / 6, 7.5, seed) - 0.5);
	});
}

/** A turned face: its marks, and the bow tie of light that such marks reflect. */
function turned(radius: number, lit: number, marks: Float32Array): number {
	const bow = lit * lit * lit * lit;
	return (radius < COLLAR ? 168 : 142) + marks[Math.floor(radius * MARK_STEPS)]! + 62 * bow;
}

/** Chamfer at the rim and the step of the collar: bright towards the lamp, dark away from it. */
function edges(radius: number, lit: number): number {
	const rim = smoothstep(RADIUS - CHAMFER - 1, RADIUS - CHAMFER + 1, radius);
	const step = smoothstep(COLLAR - 1.2, COLLAR, radius) * smoothstep(COLLAR + 4.5, COLLAR + 3, radius);
	return rim * (-28 - 50 * lit) + step * (-42 - 36 * lit);
}

/** How much of a pixel lies in the bore or its key way. */
function bore(x: number, y: number, radius: number, key: { x: number; y: number }): number {
	const along = x * key.x + y * key.y;
	const across = Math.abs(y * key.x - x * key.y);
	const keyWay =
		smoothstep(BORE + 15.8, BORE + 14.2, along) * smoothstep(9.8, 8.2, across) * (along > 0 ? 1 : 0);
	return Math.max(smoothstep(BORE + 0.8, BORE - 0.8, radius), keyWay);
}

/** A drilled hole: its chamfer, then darkness with a little light on the far wall. */
function drill(metal: number, from: number, lit: number): number {
	const chamfer = smoothstep(HOLE_RADIUS + CHAMFER, HOLE_RADIUS + CHAMFER - 1.5, from);
	const inside = smoothstep(HOLE_RADIUS + 0.8, HOLE_RADIUS - 0.8, from);
	const ring = metal * (1 - chamfer) + (metal * 0.8 + 55 * lit) * chamfer;
	return ring * (1 - inside) + (20 + 16 * smoothstep(0.2, 1, lit) * (from / HOLE_RADIUS)) * inside;
}
