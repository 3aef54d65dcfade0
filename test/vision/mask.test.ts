import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { marksOf, sameShape } from '../../src/vision/mask.js';

const masks = suite('masks');

const SIDE = 32;
const inMiddle = (i: number) => i % SIDE >= 8 && i % SIDE < 16 && i >= 8 * SIDE && i < 20 * SIDE;
const upperHalf = (i: number) => i < 14 * SIDE;
const pixels = (of: (i: number) => readonly number[]) =>
	Array.from({ length: SIDE * SIDE }, (_, i) => of(i)).flat();
const raster = (channels: number, of: (i: number) => readonly number[], deep = false) => ({
	channels,
	width: SIDE,
	height: SIDE,
	data: deep ? Uint16Array.from(pixels(of)) : Uint8Array.from(pixels(of)),
});
const expected = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (inMiddle(i) ? 255 : 0));

masks('mark every value but black, in greys, colours and 16 bits', () => {
	for (const value of [1, 3, 100, 255]) {
		assert.equal(
			marksOf(
				raster(1, (i) => [inMiddle(i) ? value : 0]),
				false,
			),
			expected,
			`${value}`,
		);
		assert.equal(
			marksOf(
				raster(1, (i) => [inMiddle(i) ? value : 0], true),
				false,
			),
			expected,
			`${value} in 16 bits`,
		);
	}
	assert.equal(
		marksOf(
			raster(1, (i) => [inMiddle(i) ? 65535 : 0], true),
			false,
		),
		expected,
	);
	const labels = (one: readonly number[], other: readonly number[], none: readonly number[]) => (i: number) =>
		inMiddle(i) ? (upperHalf(i) ? one : other) : none;
	assert.equal(marksOf(raster(1, labels([1], [3], [0])), false), expected);
	assert.equal(marksOf(raster(1, labels([40], [255], [0])), false), expected);
	assert.equal(marksOf(raster(3, labels([0, 0, 255], [0, 128, 0], [0, 0, 0])), false), expected);
	assert.equal(marksOf(raster(4, labels([1, 0, 0, 255], [0, 2, 0, 255], [0, 0, 0, 255])), false), expected);
});

masks('mark what is not transparent, where that alone says what is marked', () => {
	for (const [marked, other] of [
		[
			[255, 255, 255, 255],
			[255, 255, 255, 0],
		],
		[
			[0, 0, 255, 128],
			[0, 0, 0, 0],
		],
		[
			[0, 0, 0, 255],
			[255, 255, 255, 0],
		],
	] as const) {
		assert.equal(
			marksOf(
				raster(4, (i) => (inMiddle(i) ? marked : other)),
				false,
			),
			expected,
		);
	}
	const both = raster(4, (i) => [upperHalf(i) ? 255 : 0, 0, 0, inMiddle(i) ? 255 : 0]);
	assert.match(marksOf(both, false) as string, 'its colours and its transparency say different things');
});

masks('with soft edges, or from a JPEG, mark what is brighter than half', () => {
	const random = randomFrom(5);
	const noisy = raster(1, (i) => [inMiddle(i) ? 255 - random.below(20) : random.below(20)]);
	assert.equal(marksOf(noisy, true), expected);
	const few = raster(1, (i) => [inMiddle(i) ? 250 + random.below(3) : random.below(3)]);
	assert.equal(marksOf(few, true), expected);
	// From 255 in the middle to 0 within three pixels.
	const soft = raster(1, (i) => {
		const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
		const out = Math.max(8 - x, x - 15, 8 - y, y - 19, 0);
		return [Math.max(0, 255 - 100 * out - random.below(15))];
	});
	const marked = (marksOf(soft, false) as Uint8Array).filter((value) => value > 0).length;
	const drawn = expected.filter((value) => value > 0).length;
	assert.ok(marked >= drawn && marked <= 10 * 14, `${marked} of ${drawn}`);
});

masks('that mark nothing certain are none', () => {
	const random = randomFrom(6);
	assert.match(
		marksOf(
			raster(1, () => [0]),
			false,
		) as string,
		'it marks nothing',
	);
	assert.match(
		marksOf(
			raster(3, () => [255, 255, 255]),
			false,
		) as string,
		'it marks the whole picture',
	);
	assert.match(
		marksOf(
			raster(1, (i) => [inMiddle(i) ? 0 : 255]),
			false,
		) as string,
		'as if black and white were swapped',
	);
	const photograph = raster(3, (i) => [random.below(256), (i * 7) % 256, Math.floor(i / 5)]);
	for (const lossy of [true, false]) {
		assert.match(marksOf(photograph, lossy) as string, /it is no mask: it has \d+ different values/);
	}
	const onBlack = raster(1, (i) => [inMiddle(i) ? 30 + random.below(200) : random.below(6)]);
	assert.match(marksOf(onBlack, true) as string, 'it is no mask');
	const labelsOfJpeg = raster(1, (i) => [
		inMiddle(i) ? (upperHalf(i) ? 1 : 3) + random.below(2) : random.below(2),
	]);
	assert.type(marksOf(labelsOfJpeg, true), 'string');
});

masks('have the shape of their picture at any scale, to the pixel', () => {
	const picture = { width: 333, height: 250 };
	for (const [width, height] of [
		[333, 250],
		[167, 125],
		[166, 125],
		[666, 500],
		[33, 25],
	] as const) {
		assert.ok(sameShape({ width, height }, picture), `${width}x${height}`);
	}
	for (const [width, height] of [
		[250, 333],
		[250, 250],
		[333, 240],
		[256, 256],
	] as const) {
		assert.not.ok(sameShape({ width, height }, picture), `${width}x${height}`);
	}
});

masks.run();
