import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { randomFrom } from '../../src/base/random.js';
import type { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Gaussian } from '../../src/model/gaussian.js';
import { inferenceProgram, mapsProgram } from '../../src/model/inference.js';
import { type Normality, scorings, shownBy, usedBy } from '../../src/model/normality.js';
import { scoreWith } from '../../src/model/scored.js';
import { oneTile, tilingFor } from '../../src/model/tiling.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';

const inference = suite('a picture to its map and score');

const SIDE = 64;

/** What is usual everywhere, but for one place of the second scale, whose mean is `value`. */
function usualBut(value: number, place: number): Normality {
	return Array.from({ length: 3 }, (_, scale) => ({
		mean: Float32Array.from({ length: SIDE * SIDE }, (_v, p) => (scale === 1 && p === place ? value : 0)),
		weight: new Float32Array(SIDE * SIDE).fill(1),
	}));
}

inference('has no score when any value of the map is no number or infinite, wherever it lies', async () => {
	const pair = untrainedPair('pocket', SIDE);
	const image = drawPart(1, 1, undefined, SIDE).image.data;
	const scored = async (value: number, place: number, scoring: 'scales' | 'places') => {
		const session = await openSession(
			encodeOnnx(inferenceProgram(pair, { scoring, normality: usualBut(value, place) }), 'm'),
			{
				threads: 1,
			},
		);
		try {
			return await scoreWith(session, image, pair.tiling);
		} finally {
			await session.close();
		}
	};
	for (const scoring of ['scales', 'places'] as const) {
		const sound = await scored(0, 0, scoring);
		assert.ok(Math.abs(sound.score - Math.max(...sound.map)) < 1e-6);
		for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
			for (const place of [0, 1, 1234, SIDE * SIDE - 1]) {
				const { map, score } = await scored(value, place, scoring);
				assert.is(Number.isFinite(map[place]!), false);
				// What is outlined is brought to its maximum, which is no number either.
				if (scoring === 'scales') assert.is(map.filter((v) => !Number.isFinite(v)).length, 1);
				assert.ok(Number.isNaN(score), `${value} at ${place} gives ${score}`);
			}
		}
	}
});

/** Numbers of chance around 1. */
function drawn(length: number): Float32Array {
	const random = randomFrom(length);
	return Float32Array.from({ length }, () => 1 + 0.1 * random.normal());
}

/** Of the pocket teacher's 64 + 128 channels. */
function gaussianDrawn(size: number): Gaussian {
	const whitening = drawn(64 * 192).map((v) => size * v);
	return { mean: drawn(192).map((v) => 0.05 * v), whitening, centres: drawn(20 * 64) };
}

const tiled = tilingFor(SIDE, { rows: 1, columns: 2 }, { width: 110, height: SIDE });
for (const [what, tiling, kinds, tried] of [
	['whole', oneTile(SIDE), 4, ['sum', 'scales+features', 'features']],
	['squares and overview', tiled, 8, ['places+features', 'features']],
] as const) {
	inference(`gives by a scoring what its maps give apart: ${what}`, async () => {
		const pair = { ...untrainedPair('pocket', SIDE), tiling };
		const gaussians = kinds === 4 ? [gaussianDrawn(0.1)] : [gaussianDrawn(0.1), gaussianDrawn(0.2)];
		const { width, height } = tiling;
		const large = drawPart(1, 1, undefined, Math.max(width, height)).image.data;
		const data = large.slice(0, width * height * 3);
		const ran = async (graph: Graph) => {
			const session = await openSession(encodeOnnx(graph, 'm'), { threads: 1 });
			const image = { dtype: 'uint8', shape: [1, height, width, 3], data } as const;
			return session.run({ image }).finally(() => session.close());
		};
		const apart = mapsProgram(pair, gaussians);
		const results = await ran(apart.graph);
		const maps = apart.kinds.map((_, i) => results[`map${i + 1}`]!.data as Float32Array);
		assert.is(maps.length, kinds);
		for (const scoring of tried) {
			const used = usedBy(scoring, apart.kinds);
			const places = scorings[scoring].usual === 'place' ? width * height : 1;
			const normality =
				scoring === 'sum'
					? undefined
					: used.map((k) => ({
							mean: drawn(places + k).slice(k),
							weight: drawn(places + k + 1).slice(k + 1),
						}));
			const graph = inferenceProgram(pair, { scoring, normality, gaussians });
			assert.ok(graph.print().includes('ConvTranspose'), 'a student, which judges or draws');
			assert.is(
				[...graph.constants.values()].some(({ shape }) => `${shape}` === '64,192'),
				scoring.includes('features'),
			);
			const { map, score } = await ran(graph);
			const expected = shownBy({ kinds: apart.kinds, scoring, normality }, maps);
			const size = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
			expected.forEach((v, p) => {
				assert.ok(Math.abs(Number(map!.data[p]) - v) < 1e-5 * size, `${scoring} at ${p}`);
			});
			assert.is(
				score!.data[0],
				(map!.data as Float32Array).reduce((a, b) => Math.max(a, b)),
			);
		}
	});
}

inference('says so of models that were written without the mean of their map', async () => {
	const map = new Float32Array(SIDE * SIDE).fill(0.5);
	const session = {
		sha256: '',
		ranOn: async () => [],
		close: async () => {},
		run: async () => ({
			map: { dtype: 'float32', shape: [SIDE, SIDE], data: map } as const,
			score: { dtype: 'float32', shape: [], data: Float32Array.of(0.5) } as const,
		}),
	};
	const scored = () => scoreWith(session, new Uint8Array(SIDE * SIDE * 3), { width: SIDE, height: SIDE });
	assert.is((await scored()).score, 0.5);
	map[77] = Number.NaN;
	assert.ok(Number.isNaN((await scored()).score));
});

inference.run();
