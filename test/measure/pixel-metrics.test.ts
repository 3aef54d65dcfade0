import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { labelRegions, type PixelMetrics, pixelTally, proRd4ad } from '../../src/measure/pixel-metrics.js';
import { uniformFrom } from '../learn/uniform.js';

const test = suite('pixel metrics');

const square = (side: number) => ({ width: side, height: side });
const SIZE = 48;

test('regions that touch at a corner are one', () => {
	const mask = Uint8Array.from([1, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 1]);
	const { labels, areas } = labelRegions(mask, 4);
	assert.equal([...labels], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2]);
	assert.equal(areas, [2, 1]);
});

test('a region does not go round the edge of the image', () => {
	assert.equal(labelRegions(Uint8Array.from([0, 0, 1, 1, 0, 0]), 3).areas, [1, 1]);
});

test('a small table by hand', () => {
	const tally = pixelTally(square(2), 2);
	tally.add(Float32Array.from([1, 2, 3, 4]), null);
	tally.add(Float32Array.from([5, 3.5, 0, 0]), Uint8Array.from([1, 1, 0, 0]));
	const { pixelAuroc, aupro03 } = tally.metrics();
	// Six good pixels, of which one (4) is above 3.5 and none above 5: 11 of 12 pairs are right.
	assert.ok(near(pixelAuroc, 11 / 12));
	// One region: half of it found from rate 0, all of it from 1/6 on: (0.3 · ½ + (0.3 − 1/6) · ½) / 0.3.
	assert.ok(near(aupro03, (0.15 + (0.3 - 1 / 6) / 2) / 0.3));
});

test('a tie across the limit is cut by interpolation', () => {
	const tally = pixelTally(square(2), 1);
	tally.add(Float32Array.from([1, 1, 0, 0]), Uint8Array.from([1, 0, 0, 0]));
	// One step to (1/3, 1): the triangle up to 0.3 is 0.3 · 0.9 / 2.
	assert.ok(near(tally.metrics().aupro03, (0.3 * 0.9) / 2 / 0.3));
});

test('small regions count as much as large ones', () => {
	const tally = pixelTally(square(4), 1);
	// The large region is found before any good pixel, the one-pixel region after all of them.
	const map = Float32Array.from([2, 2, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
	const mask = Uint8Array.from([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
	tally.add(map, mask);
	const { aupro03, proCurve } = tally.metrics();
	assert.ok(near(aupro03, 0.5));
	assert.ok(proCurve.every((overlap) => near(overlap, 0.5)));
});

test('nothing can be said without defective pixels, or without good ones', () => {
	const none: PixelMetrics = { pixelAuroc: null, proRd4ad: null, aupro03: null, proCurve: [] };
	const good = pixelTally(square(2), 2);
	good.add(new Float32Array(4), null);
	good.add(new Float32Array(4), new Uint8Array(4));
	assert.equal(good.metrics(), none);
	const bad = pixelTally(square(2), 1);
	bad.add(new Float32Array(4), new Uint8Array(4).fill(1));
	assert.equal(bad.metrics(), none);
});

test('a map that says nothing finds nothing', () => {
	const mask = Uint8Array.from([1, 0, 0, 0]);
	assert.is(proRd4ad(new Float32Array(4), labelRegions(mask, 2)), 0);
});

test('a map that is the mask finds everything', () => {
	const mask = Uint8Array.from([1, 0, 0, 0]);
	assert.is(proRd4ad(Float32Array.from(mask), labelRegions(mask, 2)), 1);
});

// scikit-learn 1.2.1 (roc_auc_score, auc) and SciPy 1.10.1 (ndimage.label) on the same arrays: `pixelAuroc`; `proRd4ad`
// with every threshold tried in turn; `aupro03` from the whole curve of cumulative sums over all sorted pixels.
for (const [seed, lift, steps, expected] of [
	[1, 0.5, 0, { pixelAuroc: 0.864697787634, proRd4ad: 0.64255400293, aupro03: 0.664944629897 }],
	[2, 0.1, 0, { pixelAuroc: 0.609850746077, proRd4ad: 0.233409234814, aupro03: 0.202878261076 }],
	[3, 0.5, 8, { pixelAuroc: 0.883419268773, proRd4ad: 0.668333342104, aupro03: 0.695537364408 }],
	[4, -0.2, 5, { pixelAuroc: 0.326040253642, proRd4ad: 0, aupro03: 0.01473374026 }],
	[5, 2, 0, { pixelAuroc: 1, proRd4ad: 1, aupro03: 1 }],
] as const) {
	test(`the metrics are those of scikit-learn and SciPy (defects lifted by ${lift}, steps ${steps})`, () => {
		const found = metricsOf(seed, lift, steps);
		for (const [name, value] of Object.entries(expected)) {
			const actual = found[name as keyof typeof expected];
			assert.ok(near(actual, value, 1e-10), `${name}: ${actual}, expected ${value}`);
		}
	});
}

test('the curve rises to its end and holds the area', () => {
	const { proCurve, aupro03 } = metricsOf(1, 0.5, 0);
	assert.ok(proCurve.every((overlap, i) => i === 0 || overlap >= proCurve[i - 1]!));
	let area = 0;
	for (let i = 1; i < proCurve.length; i += 1) area += (proCurve[i]! + proCurve[i - 1]!) / 2;
	assert.ok(near(area / (proCurve.length - 1), aupro03!, 1e-3));
});

test('the order of the images does not matter, nor that the metrics were asked for before', () => {
	const { maps, masks } = study(1, 0.5, 0);
	const tally = pixelTally(square(SIZE), maps.length);
	for (let i = maps.length - 1; i >= 0; i -= 1) {
		tally.add(maps[i]!, masks[i]!);
		tally.metrics();
	}
	assert.ok(near(tally.metrics().aupro03, metricsOf(1, 0.5, 0).aupro03!));
	assert.ok(near(tally.metrics().pixelAuroc, metricsOf(1, 0.5, 0).pixelAuroc!));
});

function metricsOf(seed: number, lift: number, steps: number): PixelMetrics {
	const { maps, masks } = study(seed, lift, steps);
	const tally = pixelTally(square(SIZE), maps.length);
	for (const [i, map] of maps.entries()) tally.add(map, masks[i]!);
	return tally.metrics();
}

/** Maps of noise in [0, 1), lifted on the defects and then rounded down to `steps` levels a unit (0: not at all). */
function study(seed: number, lift: number, steps: number) {
	const uniform = uniformFrom(seed);
	const masks = [
		null,
		null,
		// The first two of these touch at a corner.
		maskOf([6, 5, 14, 10], [20, 15, 5, 5], [40, 30, 8, 3]),
		maskOf([0, 0, 4, 4], [10, 40, 20, 8], [20, 20, 1, 1]),
		maskOf([20, 20, 10, 10]),
		maskOf(),
	];
	const maps = masks.map((mask) =>
		Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
			const value = uniform() + (mask?.[i] ? lift : 0);
			return steps === 0 ? value : Math.floor(value * steps) / steps;
		}),
	);
	return { maps, masks };
}

function maskOf(...boxes: readonly (readonly [x: number, y: number, width: number, height: number])[]) {
	const mask = new Uint8Array(SIZE * SIZE);
	for (const [x, y, width, height] of boxes) {
		for (let row = y; row < y + height; row += 1) mask.fill(1, row * SIZE + x, row * SIZE + x + width);
	}
	return mask;
}

function near(actual: number | null, expected: number, tolerance = 1e-12): boolean {
	return actual !== null && Math.abs(actual - expected) < tolerance;
}

test.run();
