import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { blendedResize, mapsOf, scaleDistances } from '../../src/model/score.js';
import {
	areaMatrix,
	blendWeights,
	offsets,
	oneTile,
	tileCorners,
	tilingFor,
	viewCount,
	viewOf,
} from '../../src/model/tiling.js';
import { openSession } from '../../src/ort/session.js';

const tiling = suite('tiles');

for (const [what, grid, picture, expected] of [
	['as asked, overlapping by an eighth', { rows: 2, columns: 2 }, [1000, 1000], [2, 2, 480, 480]],
	['of one square for a small picture', 'auto', [256, 256], [1, 1, 256, 256]],
	['of four for twice the side', 'auto', [512, 512], [2, 2, 480, 480]],
	['in a row along a long surface', 'auto', [640, 256], [1, 3, 640, 256]],
	['in a column along a tall one', 'auto', [256, 640], [3, 1, 256, 640]],
	['of at most twelve, however large the picture is', 'auto', [4000, 3000], [3, 4, 928, 696]],
	[
		'that shrink a long picture less than they stretch it',
		{ rows: 2, columns: 2 },
		[900, 300],
		[2, 2, 480, 384],
	],
] as const) {
	tiling(`are ${what}`, () => {
		const [width, height] = picture;
		const found = tilingFor(256, grid, { width, height });
		assert.equal([found.rows, found.columns, found.width, found.height], expected);
	});
}

tiling('reach from edge to edge, and blend to one everywhere', () => {
	assert.equal(offsets(640, 256, 3), [0, 192, 384]);
	assert.equal(tileCorners(oneTile(64)), [{ x: 0, y: 0 }]);
	const weights = blendWeights(640, 256, 3);
	for (let p = 0; p < 640; p += 1) {
		const at = weights.map((w) => w[p]!);
		assert.ok(Math.abs(at.reduce((a, b) => a + b) - 1) < 1e-12 && at.every((w) => w >= 0), `${p}: ${at}`);
	}
	assert.is(weights[0]![0], 1);
	assert.ok(weights[1]![192]! < 0.01, 'a square counts little at its edge');
});

tiling('are cut where they lie', () => {
	const small = { side: 2, rows: 1, columns: 2, width: 3, height: 2 };
	const canvas = Uint8Array.from({ length: 18 }, (_, i) => i);
	assert.equal([...viewOf(canvas, small, 1)], [3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17]);
});

tiling('are seen together in an overview, averaged over areas', () => {
	assert.equal(
		[...areaMatrix(3, 2)].map((v) => Math.round(6 * v)),
		[4, 2, 0, 0, 2, 4],
	);
	const canvas = Uint8Array.from([1, 3, 5, 7, 11, 13].flatMap((v) => [v, v, v]));
	const pair = { side: 2, rows: 1, columns: 2, width: 3, height: 2 };
	assert.is(viewCount(pair), 3);
	assert.is(viewCount(oneTile(64)), 1);
	// (2·1 + 3) / 3, (3 + 2·5) / 3, and so on, rounded.
	assert.equal(
		[...viewOf(canvas, pair, 2)].filter((_, i) => i % 3 === 0),
		[2, 4, 8, 12],
	);
});

tiling('leave no seam: squares that agree where they overlap give the map of the whole', () => {
	const [from, side, length, count] = [16, 64, 160, 3];
	const { shape, data } = blendedResize(from, side, length, count);
	assert.equal(shape, [length, count * from]);
	// A straight line is what both the resize and, away from the ends, the Gaussian keep.
	const line = offsets(length, side, count).flatMap((start) =>
		Array.from({ length: from }, (_, i) => start + (i * (side - 1)) / (from - 1)),
	);
	for (let row = 16; row < length - 16; row += 1) {
		const value = line.reduce((sum, v, i) => sum + v * data[row * line.length + i]!, 0);
		assert.ok(Math.abs(value - row) < 1e-3, `${row}: ${value}`);
	}
});

tiling('put what each of them found in its own place on the map', async () => {
	const { rows, columns, side, width, height } = tilingFor(
		64,
		{ rows: 2, columns: 3 },
		{ width: 300, height: 200 },
	);
	const graph = new Graph();
	const shapes = [16, 8, 4].map((n) => [7, 2, n, n]);
	const inputs = (letter: string) => shapes.map((shape, i) => graph.input(`${letter}${i}`, 'float32', shape));
	const [a, b] = [inputs('a'), inputs('b')] as [never, never];
	const maps = mapsOf(graph, scaleDistances(graph, a, b), { rows, columns, side, width, height });
	assert.is(maps.length, 6);
	graph.output(maps[0]!, 'map');
	graph.output(maps[3]!, 'overview');
	const session = await openSession(encodeOnnx(graph, 'maps'), { threads: 1 });
	const feeds = Object.fromEntries(
		shapes.flatMap((shape, i) => {
			const ones = new Float32Array(7 * 2 * shape[2]! ** 2).fill(1);
			const departed = ones.slice();
			// The last square, second row and third column, departs at its place (12, 9) of 16.
			if (i === 0) departed[5 * 2 * 256 + 12 * 16 + 9] = -1;
			// The overview departs in the middle of its left edge.
			if (i === 0) departed[6 * 2 * 256 + 8 * 16] = -1;
			return [[`a${i}`, float32(shape, ones)] as const, [`b${i}`, float32(shape, departed)] as const];
		}),
	);
	const results = await session.run(feeds);
	await session.close();
	const map = results.map!.data as Float32Array;
	assert.equal([...results.map!.shape], [1, height, width]);
	const peak = map.indexOf(Math.max(...map));
	const [y, x] = [height - side + (12 * (side - 1)) / 15, width - side + (9 * (side - 1)) / 15];
	const over = results.overview!.data as Float32Array;
	const seen = over.indexOf(Math.max(...over));
	assert.ok(
		Math.abs(Math.floor(seen / width) - (8 / 15) * (height - 1)) <= 2 && seen % width <= 2,
		`${seen}`,
	);
	assert.ok(Math.abs(Math.floor(peak / width) - y) <= 2 && Math.abs((peak % width) - x) <= 2, `${peak}`);
});

tiling.run();
