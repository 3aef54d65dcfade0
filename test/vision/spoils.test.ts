import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { drawPart } from '../../src/sim/line.js';
import { isGrey, type Size } from '../../src/vision/image.js';
import {
	chanceSpoil,
	plainSpoil,
	SPOILS,
	type Spoil,
	spoiledBy,
	spoiledCopies,
} from '../../src/vision/spoils.js';

const spoils = suite('spoiled pictures');

/** A surface with grain and a bright disc on it, where there is room for one. */
function surface({ width, height }: Size, grey = false): Uint8Array {
	const random = randomFrom(7);
	const picture = new Uint8Array(width * height * 3);
	for (let i = 0; i < width * height; i += 1) {
		const [x, y] = [(i % width) / width - 0.5, Math.floor(i / width) / height - 0.5];
		const light = (x * x + y * y < 0.1 ? 150 : 60) + 30 * Math.sin(i % 9) + random.below(20);
		for (let c = 0; c < 3; c += 1) picture[3 * i + c] = grey ? light : light - 15 * c;
	}
	return picture;
}

/** How far the pixels that differ reach, and the mean difference of all values. */
function differenceOf(a: Uint8Array, b: Uint8Array, { width, height }: Size) {
	let [left, right, top, bottom, sum] = [width, -1, height, -1, 0];
	a.forEach((v, i) => {
		if (v === b[i]) return;
		sum += Math.abs(v - b[i]!);
		const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
		[left, right, top, bottom] = [
			Math.min(left, x),
			Math.max(right, x),
			Math.min(top, y),
			Math.max(bottom, y),
		];
	});
	return { width: right - left + 1, height: bottom - top + 1, mean: sum / a.length };
}

const size = { width: 96, height: 80 };
const picture = surface(size);

for (const kind of SPOILS) {
	const differences = (of: Omit<Spoil, 'kind'>) =>
		Array.from({ length: 12 }, (_, seed) =>
			differenceOf(picture, spoiledBy(picture, size, { kind, ...of }, randomFrom(seed)), size),
		);
	const meanOf = (strength: number) =>
		differences({ extent: 0.3, strength }).reduce((sum, { mean }) => sum + mean, 0) / 12;

	spoils(`of kind "${kind}" change within their extent and nowhere else`, () => {
		for (const extent of [0.05, 0.12, 0.35]) {
			// A stroke is up to 7 pixels wider than long, with its raised edge.
			const most = extent * 80 + (kind === 'scratch' ? 14 : 2);
			for (const { width, height } of differences({ extent, strength: 1 }))
				assert.ok(width <= most && height <= most, `${extent}: ${width}x${height}`);
		}
	});

	spoils(`of kind "${kind}" are hardly seen at strength 0, and the more the stronger`, () => {
		const [none = 0, some = 0, most = 0] = [0, 0.4, 1].map(meanOf);
		assert.ok(none < 0.2 && none < some && some < most, `${none} ${some} ${most}`);
		assert.ok(most > 0.2, `${most}`);
	});
}

spoils('are one of each kind, the same for the same seed, and leave the good one as it was', () => {
	const good = Buffer.from(picture);
	const copies = spoiledCopies(good, size, randomFrom(3));
	assert.equal(
		copies.map(({ spoil }) => spoil.kind),
		[...SPOILS],
	);
	assert.equal(copies, spoiledCopies(good, size, randomFrom(3)));
	assert.not.equal(copies, spoiledCopies(good, size, randomFrom(4)));
	assert.equal(new Uint8Array(good), picture);
	for (let seed = 0; seed < 200; seed += 1) {
		const { extent, strength } = chanceSpoil('blot', randomFrom(seed));
		assert.ok(extent >= 0.04 && extent <= 0.35 && strength >= 0 && strength < 1);
	}
});

spoils('of a grey picture are grey', () => {
	const grey = surface(size, true);
	for (let seed = 0; seed < 10; seed += 1)
		for (const { spoil, picture } of spoiledCopies(grey, size, randomFrom(seed)))
			assert.ok(isGrey(picture), spoil.kind);
});

for (const [width, height] of [
	[1, 1],
	[2, 1],
	[3, 5],
	[17, 16],
	[300, 7],
	[5, 211],
	[257, 131],
] as const) {
	spoils(`are made of ${width}x${height} pixels, too`, () => {
		const good = surface({ width, height });
		for (let i = 0; i < 27; i += 1) {
			const { length } = spoiledBy(good, { width, height }, plainSpoil(i), randomFrom(i));
			assert.is(length, good.length);
		}
	});
}

spoils('lie on the part, and anywhere on an even surface', () => {
	const part = drawPart(1, 0, undefined, 128).image;
	const spots = Array.from({ length: 60 }, (_, seed) => {
		const spoil = { kind: 'blot', extent: 0.06, strength: 1 } as const;
		const spoiled = spoiledBy(part.data, part, spoil, randomFrom(seed));
		const at = spoiled.findIndex((v, i) => v !== part.data[i]);
		return Math.hypot((Math.floor(at / 3) % 128) - 63.5, Math.floor(at / 3 / 128) - 63.5);
	});
	// The flange fills a disc of radius 55 of 64; a fifth of the picture lies beyond 64.
	assert.ok(spots.filter((distance) => distance > 64).length <= 6, `${spots.map(Math.round)}`);
	const even = new Uint8Array(128 * 128 * 3).fill(90);
	const left = Array.from({ length: 60 }, (_, seed) => {
		const spoil = { kind: 'blot', extent: 0.06, strength: 1 } as const;
		const at = spoiledBy(even, part, spoil, randomFrom(seed)).findIndex((v) => v !== 90);
		return Math.floor(at / 3) % 128 < 64;
	}).filter(Boolean).length;
	assert.ok(left > 18 && left < 42, `${left}`);
});

spoils.run();
