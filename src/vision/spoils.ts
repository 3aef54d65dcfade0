import type { Random } from '../base/random.js';
import { between, bilinear } from './bilinear.js';
import { boxBlurred } from './blur.js';
import { blob, type Cover, grain, rectangle, stroke } from './cover.js';
import { type Foreground, foregroundOf, placeOn } from './foreground.js';
import { isGrey, type Point, type Rect, type Size } from './image.js';
import { valueNoise } from './noise.js';

/** Kinds of defects that are made into good pictures. */
export const SPOILS = [
	'patch',
	'scratch',
	'blot',
	'missing',
	'foreign',
	'blur',
	'colour',
	'moved',
	'rough',
] as const;

export type Spoil = {
	readonly kind: (typeof SPOILS)[number];
	/** Its length as a share of the picture's shorter side, SMALLEST to LARGEST. */
	readonly extent: number;
	/** 0 (hardly seen) to 1 (nobody overlooks it). */
	readonly strength: number;
};

const SMALLEST = 0.04;
const LARGEST = 0.35;
const PLAIN = 0.2;

/** The exponent by which weak ones become more frequent. */
const WEAKNESS = 1.5;

/** What a defect is made of. */
type Scene = {
	readonly picture: Uint8Array;
	readonly size: Size;
	readonly isGrey: boolean;
	readonly at: Point;
	/** Half of its length, in pixels. */
	readonly reach: number;
	/** 0 to 1, in proportion to the change of light. */
	readonly strength: number;
	readonly random: Random;
};

/** Where a picture changes, and the value of a channel there (`i` is the pixel's first one's index), 0 to 255 or beyond. */
type Change = {
	readonly cover: Cover;
	readonly value: (i: number, channel: number, x: number, y: number, share: number) => number;
};

type Row = {
	/** Whether it is hardly seen where nothing stands out, so that such places are seldom chosen. */
	readonly needsStructure: boolean;
	readonly change: (scene: Scene) => Change;
};

const table: Readonly<Record<Spoil['kind'], Row>> = {
	/** A piece of the same picture, somewhat lighter or darker, pasted elsewhere (CutPaste, Li et al. 2021). */
	patch: {
		needsStructure: false,
		change: ({ picture, size, at, reach, strength, random }) => {
			const narrow = Math.max(1, reach * (0.35 + 0.65 * random.uniform()));
			const cover = random.below(2) ? rectangle(size, at, reach, narrow) : rectangle(size, at, narrow, reach);
			const x = random.below(size.width - cover.width + 1) - cover.x;
			const y = random.below(size.height - cover.height + 1) - cover.y;
			const away = (y * size.width + x) * 3;
			const light = eitherWay(random) * graded(strength, 4, 20 + 60 * random.uniform());
			const opacity = graded(strength, 0.05, 1);
			return {
				cover,
				value: (i, c, _x, _y, share) =>
					mixed(picture[i + c]!, picture[i + away + c]! + light, share * opacity),
			};
		},
	},
	scratch: {
		needsStructure: false,
		change: ({ picture, size, at, reach, strength, random }) => {
			const angle = Math.PI * random.uniform();
			const [cos, sin] = [reach * Math.cos(angle), reach * Math.sin(angle)];
			const sag = 1.2 * (random.uniform() - 0.5);
			const curve = [
				{ x: at.x - cos, y: at.y - sin },
				{ x: at.x - sag * sin, y: at.y + sag * cos },
				{ x: at.x + cos, y: at.y + sin },
			] as const;
			const halfWidthPx = Math.min(0.5 + 1.5 * random.uniform(), Math.max(0.5, reach / 4));
			const lip = random.below(2) * (0.3 + 0.6 * random.uniform());
			const cover = stroke(size, at, reach, { curve, halfWidthPx, lip, seed: seedOf(random) });
			const light = eitherWay(random) * graded(strength, 4, 130);
			return { cover, value: (i, c, _x, _y, share) => picture[i + c]! + light * share };
		},
	},
	blot: {
		needsStructure: false,
		change: (scene) => {
			const { picture, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.5, 1], ragged: 0.45, soft: 0.55 });
			const veil = shades(scene, random.uniform() < 0.7 ? 20 : 225, 40);
			const [opacity, seed] = [graded(strength, 0.03, 0.7), seedOf(random)];
			const value: Change['value'] = (i, c, x, y, share) => {
				const density = 0.6 + 0.4 * valueNoise(x / 6, y / 6, seed);
				return mixed(picture[i + c]!, veil[c]!, share * opacity * density);
			};
			return { cover, value };
		},
	},
	/** What lies around the part, or the mean of what surrounds the place, shows where a piece was. */
	missing: {
		needsStructure: true,
		change: (scene) => {
			const { picture, size, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.45, 1], ragged: 0.6, soft: 0.12 });
			const behind = frameMean(picture, size, random.below(2) ? cover : { x: 0, y: 0, ...size });
			const shade = graded(random.uniform(), -30, 10);
			const [opacity, seed] = [graded(strength, 0.04, 1), seedOf(random)];
			const value: Change['value'] = (i, c, x, y, share) => {
				const floor =
					behind[c]! + shade + 14 * (valueNoise(x / 3, y / 3, seed) - 0.5) + 3 * grain(x, y, seed);
				return mixed(picture[i + c]!, floor + 60 * slope(cover, x, y), share * opacity);
			};
			return { cover, value };
		},
	},
	/** A chip, a crumb or a fibre of something else lies there. */
	foreign: {
		needsStructure: false,
		change: (scene) => {
			const { picture, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.15, 0.9], ragged: 0.5, soft: 0.14 });
			const around = meanOf(picture, scene.size, cover);
			const light = eitherWay(random) * graded(random.uniform(), 30, 110);
			const own = shades(scene, around.reduce((a, b) => a + b) / 3 + light, 70);
			const [rough, grainPx] = [graded(random.uniform(), 15, 90), graded(random.uniform(), 1.5, 6)];
			const [long, seed] = [graded(random.uniform(), 1, 4), seedOf(random)];
			const opacity = graded(strength, 0.04, 1);
			const value: Change['value'] = (i, c, x, y, share) => {
				const texture =
					valueNoise((x + y) / grainPx / long, (x - y) / grainPx, seed) - 0.5 + 0.15 * grain(x, y, seed);
				const lit = own[c]! + rough * texture - 70 * slope(cover, x, y);
				return mixed(picture[i + c]!, lit, share * opacity);
			};
			return { cover, value };
		},
	},
	blur: {
		needsStructure: true,
		change: (scene) => {
			const { picture, size, reach, strength } = scene;
			const cover = spotOf(scene, { slender: [0.5, 1], ragged: 0.4, soft: 0.4 });
			const radius = Math.max(1, Math.round(graded(strength, 0.5, Math.min(10, reach / 2))));
			const smooth = boxBlurred(picture, size, cover, radius);
			const opacity = Math.min(1, graded(strength, 0.1, 1.6));
			const value: Change['value'] = (i, c, x, y, share) => {
				const at = ((y - cover.y) * cover.width + x - cover.x) * 3 + c;
				return mixed(picture[i + c]!, smooth[at]!, share * opacity);
			};
			return { cover, value };
		},
	},
	/** A tint; on grey pictures, lighter or darker. */
	colour: {
		needsStructure: false,
		change: (scene) => {
			const { picture, isGrey: grey, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.5, 1], ragged: 0.35, soft: 0.35 });
			const turn = 2 * Math.PI * random.uniform();
			// Opponent colours: lightness stays about the same.
			const hue = [0, 1, 2].map((c) => Math.cos(turn + (2 * Math.PI * c) / 3));
			const most = graded(strength, 3, 75);
			const tint = grey ? hue.map(() => Math.sign(hue[0]!)) : hue;
			return { cover, value: (i, c, _x, _y, share) => picture[i + c]! + most * tint[c]! * share };
		},
	},
	moved: {
		needsStructure: true,
		change: (scene) => {
			const { picture, size, reach, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.6, 1], ragged: 0.2, soft: 0.75 });
			const angle = 2 * Math.PI * random.uniform();
			// Its slope is below 1 everywhere, so that nothing folds over.
			const far = graded(strength, 0.2, Math.max(1, 0.42 * reach));
			const [dx, dy] = [far * Math.cos(angle), far * Math.sin(angle)];
			return {
				cover,
				value: (_i, c, x, y, share) => bilinear(picture, between(size, 3, x - dx * share, y - dy * share), c),
			};
		},
	},
	rough: {
		needsStructure: false,
		change: (scene) => {
			const { picture, strength, random } = scene;
			const cover = spotOf(scene, { slender: [0.4, 1], ragged: 0.5, soft: 0.35 });
			const seed = seedOf(random);
			const grainPx = graded(random.uniform(), 1, 3);
			const most = graded(strength, 3, 65);
			const value: Change['value'] = (i, c, x, y, share) => {
				const v = 2 * valueNoise(x / grainPx, y / grainPx, seed) - 1 + 0.4 * grain(x, y, seed);
				return picture[i + c]! + most * share * v;
			};
			return { cover, value };
		},
	},
};

/** What chance ones have at least: `smallest` is an extent. */
export type Least = { readonly smallest?: number; readonly leastStrength?: number };

/** One of a kind, of chance extent (small ones as often as large ones, by their ratio) and strength. */
export function chanceSpoil(
	kind: Spoil['kind'],
	random: Random,
	{ smallest = SMALLEST, leastStrength = 0 }: Least = {},
): Spoil {
	const extent = smallest * (LARGEST / smallest) ** random.uniform();
	return { kind, extent, strength: graded(random.uniform(), leastStrength, 1) };
}

/** The `index`th of defects that nobody overlooks: a kind after the other, none small. */
export function plainSpoil(index: number): Spoil {
	return { kind: SPOILS[index % SPOILS.length]!, extent: PLAIN, strength: 1 };
}

/** A copy of an interleaved RGB picture `[height, width, 3]` with a defect that nobody photographed, on the part. A grey one stays grey. */
export function spoiledBy(picture: Uint8Array, size: Size, spoil: Spoil, random: Random): Uint8Array {
	return withSpoil(picture, size, spoil, random, surveyed(picture, size));
}

/** Copies with one defect each, every kind once, of chance extent, strength and place (on the part). */
export function spoiledCopies(
	picture: Uint8Array,
	size: Size,
	random: Random,
	least: Least = {},
): { readonly spoil: Spoil; readonly picture: Uint8Array }[] {
	const known = surveyed(picture, size);
	return SPOILS.map((kind) => {
		const spoil = chanceSpoil(kind, random, least);
		return { spoil, picture: withSpoil(picture, size, spoil, random, known) };
	});
}

/** What is the same for all defects of a picture. */
type Surveyed = { readonly isGrey: boolean; readonly foreground: Foreground };

function surveyed(picture: Uint8Array, size: Size): Surveyed {
	return { isGrey: isGrey(picture), foreground: foregroundOf(picture, size) };
}

function withSpoil(
	picture: Uint8Array,
	size: Size,
	{ kind, extent, strength }: Spoil,
	random: Random,
	{ isGrey, foreground }: Surveyed,
): Uint8Array {
	const { needsStructure, change } = table[kind];
	const at = placeOn(foreground, needsStructure ? 2 : 1, random);
	const reach = Math.max(1, (extent * Math.min(size.width, size.height)) / 2);
	const scene = { picture, size, isGrey, at, reach, strength: strength ** WEAKNESS, random };
	const { cover, value } = change(scene);
	// Not slice(): of a Buffer, that is the same memory.
	const result = new Uint8Array(picture);
	for (let y = 0; y < cover.height; y += 1) {
		for (let x = 0; x < cover.width; x += 1) {
			const share = cover.share[y * cover.width + x]!;
			if (share === 0) continue;
			const [px, py] = [cover.x + x, cover.y + y];
			const i = (py * size.width + px) * 3;
			for (let c = 0; c < 3; c += 1) {
				result[i + c] = Math.round(Math.min(Math.max(value(i, c, px, py, share), 0), 255));
			}
		}
	}
	return result;
}

type SpotShape = {
	readonly slender: readonly [from: number, to: number];
	readonly ragged: number;
	readonly soft: number;
};

function spotOf({ size, at, reach, random }: Scene, { slender, ragged, soft }: SpotShape): Cover {
	return blob(size, at, {
		reach,
		slender: graded(random.uniform(), ...slender),
		angle: Math.PI * random.uniform(),
		ragged,
		// No edge is sharper than a lens makes it.
		soft: Math.min(1, Math.max(soft, 1.5 / reach)),
		seed: seedOf(random),
	});
}

function graded(share: number, least: number, most: number): number {
	return least + (most - least) * share;
}

function mixed(from: number, to: number, share: number): number {
	return from + (to - from) * share;
}

function eitherWay(random: Random): number {
	return random.below(2) ? 1 : -1;
}

function seedOf(random: Random): number {
	return random.below(1_000_000);
}

/** A colour about as light as `light`, its channels up to `apart` from it; a grey on a grey picture. */
function shades({ isGrey: grey, random }: Scene, light: number, apart: number): readonly number[] {
	const stray = [0, 1, 2].map(() => apart * (random.uniform() - 0.5));
	return stray.map((v) => light + (grey ? 0 : v));
}

/** How much less is covered to the upper left than to the lower right: which flank of what is raised has the light. */
function slope({ x: left, y: top, width, height, share }: Cover, x: number, y: number): number {
	const at = (u: number, v: number) =>
		share[Math.min(Math.max(v - top, 0), height - 1) * width + Math.min(Math.max(u - left, 0), width - 1)]!;
	return (at(x + 1, y + 1) - at(x - 1, y - 1)) / 2;
}

/** Of each channel, over what is covered. */
function meanOf(picture: Uint8Array, { width }: Size, cover: Cover): readonly number[] {
	const sums = [0, 0, 0];
	let weight = 0;
	cover.share.forEach((share, k) => {
		const [x, y] = [cover.x + (k % cover.width), cover.y + Math.floor(k / cover.width)];
		weight += share;
		for (let c = 0; c < 3; c += 1) sums[c]! += share * picture[(y * width + x) * 3 + c]!;
	});
	return sums.map((sum) => (weight === 0 ? 128 : sum / weight));
}

/** Of each channel, over the outermost pixels of a rectangle. */
function frameMean(picture: Uint8Array, { width }: Size, rect: Rect): readonly number[] {
	const sums = [0, 0, 0];
	let count = 0;
	const take = (x: number, y: number) => {
		count += 1;
		for (let c = 0; c < 3; c += 1) sums[c]! += picture[((rect.y + y) * width + rect.x + x) * 3 + c]!;
	};
	for (let x = 0; x < rect.width; x += 1) {
		take(x, 0);
		take(x, rect.height - 1);
	}
	for (let y = 0; y < rect.height; y += 1) {
		take(0, y);
		take(rect.width - 1, y);
	}
	return sums.map((sum) => sum / count);
}
