import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { inferenceProgram, scoreWith } from '../../src/model/inference.js';
import type { Normality } from '../../src/model/normality.js';
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
	const scored = async (value: number, place: number) => {
		const session = await openSession(encodeOnnx(inferenceProgram(pair, usualBut(value, place)), 'm'), {
			threads: 1,
		});
		try {
			return await scoreWith(session, image, pair.tiling);
		} finally {
			await session.close();
		}
	};
	const sound = await scored(0, 0);
	assert.ok(Math.abs(sound.score - Math.max(...sound.map)) < 1e-6);
	for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
		for (const place of [0, 1, 1234, SIDE * SIDE - 1]) {
			const { map, score } = await scored(value, place);
			assert.is(Number.isFinite(map[place]!), false);
			assert.is(map.filter((v) => !Number.isFinite(v)).length, 1);
			assert.ok(Number.isNaN(score), `${value} at ${place} gives ${score}`);
		}
	}
});

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
