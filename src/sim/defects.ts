import type { Random } from '../base/random.js';
import type { Point } from '../vision/image.js';
import { smoothstep, valueNoise } from '../vision/noise.js';
import { RADIUS } from './flange.js';

/** What can be wrong with a simulated part; each is also the name of its folder in a data set. */
export const DEFECTS = ['scratch', 'chipped_edge', 'stain', 'missing_hole'] as const;
export type Defect = (typeof DEFECTS)[number];

/** Where the part lies in the picture of side 512, for defects that are put on it. */
export type Place = { readonly centreX: number; readonly centreY: number };

/** Changes the light of one pixel (`at` points to its red) given its position relative to the part's centre. */
type Touch = (rgb: Float32Array, at: number, x: number, y: number) => void;

/** Draws a defect over a rendered part; a missing hole is rendered, not drawn. */
export function drawDefect(
	defect: Exclude<Defect, 'missing_hole'>,
	rgb: Float32Array,
	size: number,
	place: Place,
	random: Random,
): void {
	const touch = { scratch, chipped_edge: chippedEdge, stain }[defect](random);
	const scale = 512 / size;
	for (let py = 0; py < size; py += 1) {
		for (let px = 0; px < size; px += 1) {
			const x = (px + 0.5) * scale - place.centreX;
			const y = (py + 0.5) * scale - place.centreY;
			touch(rgb, (py * size + px) * 3, x, y);
		}
	}
}

/** A curved furrow over the face: a bright flank beside a dark one, fading out at both ends. */
function scratch(random: Random): Touch {
	const middle = polar(95 + 85 * random.uniform(), 2 * Math.PI * random.uniform());
	const direction = 2 * Math.PI * random.uniform();
	const half = 30 + 55 * random.uniform();
	const bend = (random.uniform() - 0.5) * 0.006;
	const width = 1.1 + 1.2 * random.uniform();
	const depth = 45 + 50 * random.uniform();
	const [c, s] = [Math.cos(direction), Math.sin(direction)];
	return (rgb, at, x, y) => {
		const along = (x - middle.x) * c + (y - middle.y) * s;
		if (Math.abs(along) > half || x * x + y * y > (RADIUS - 3) ** 2) return;
		const across = (y - middle.y) * c - (x - middle.x) * s - bend * along * along;
		if (Math.abs(across) > 4 * width) return;
		const strength = depth * smoothstep(half, half * 0.7, Math.abs(along));
		const bright = Math.exp(-(((across - width * 0.6) / width) ** 2));
		const dark = Math.exp(-(((across + width * 0.6) / width) ** 2));
		for (let i = 0; i < 3; i += 1) rgb[at + i]! += strength * (bright - 1.1 * dark);
	};
}

/** A bite out of the rim: the belt shows through, with a broken, bright edge. */
function chippedEdge(random: Random): Touch {
	const angle = 2 * Math.PI * random.uniform();
	const radius = 9 + 15 * random.uniform();
	const centre = polar(RADIUS + radius * 0.15, angle);
	const seed = random.below(1_000_000);
	return (rgb, at, x, y) => {
		const [dx, dy] = [x - centre.x, y - centre.y];
		const distance = Math.sqrt(dx * dx + dy * dy);
		if (distance > radius * 1.7 || x * x + y * y > (RADIUS + 1) ** 2) return;
		const ragged = distance / radius + 0.55 * (valueNoise(x / 5, y / 5, seed) - 0.5);
		const gone = smoothstep(1.05, 0.95, ragged);
		const fracture = smoothstep(1.3, 1.05, ragged) * (1 - gone);
		const grain = valueNoise(x / 1.7, y / 1.7, seed + 1);
		for (let i = 0; i < 3; i += 1) {
			const v = rgb[at + i]!;
			rgb[at + i] = (v + (120 + 110 * grain - v) * 0.75 * fracture) * (1 - gone) + (36 + 14 * grain) * gone;
		}
	};
}

/** Dried coolant or rust: a brownish veil with a darker border. */
function stain(random: Random): Touch {
	const centre = polar(70 + 110 * random.uniform(), 2 * Math.PI * random.uniform());
	const radius = 14 + 22 * random.uniform();
	const strength = 0.28 + 0.3 * random.uniform();
	const stretch = 0.7 + 0.6 * random.uniform();
	const seed = random.below(1_000_000);
	const tint = [0.78, 0.6, 0.42] as const;
	return (rgb, at, x, y) => {
		const [dx, dy] = [(x - centre.x) * stretch, (y - centre.y) / stretch];
		const distance = Math.sqrt(dx * dx + dy * dy) / radius;
		if (distance > 1.6 || x * x + y * y > RADIUS * RADIUS) return;
		const border =
			distance +
			0.5 * (valueNoise(x / 13, y / 13, seed) - 0.5) +
			0.2 * (valueNoise(x / 4, y / 4, seed + 1) - 0.5);
		const veil = strength * smoothstep(1.05, 0.85, border) * (0.75 + 0.35 * smoothstep(0.5, 0.95, border));
		for (let i = 0; i < 3; i += 1) rgb[at + i]! *= 1 - veil * (1.25 - tint[i]!);
	};
}

function polar(radius: number, angle: number): Point {
	return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}
