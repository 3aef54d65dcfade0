import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { randomFrom } from '../../src/base/random.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { PictureFeatures } from '../../src/learn/features.js';
import { momentsOf, momentsOfPictures } from '../../src/learn/moments.js';
import { inFloat32 } from '../../src/model/precision.js';
import { featureProgram } from '../../src/model/teacher.js';
import { oneTile, type Tiling, viewOf } from '../../src/model/tiling.js';
import { openSession } from '../../src/ort/session.js';
import { plainJoined, plainMoments } from '../model/plain-joined.js';

const moments = suite('moments of what the teacher sees in good pictures');

/** Of the pocket teacher on tiles of 32 pixels. */
const [SECOND, THIRD] = [
	{ channels: 64, side: 4 },
	{ channels: 128, side: 2 },
];
const tiled: Tiling = { side: 32, rows: 1, columns: 2, width: 60, height: 32 };

function source(count: number) {
	const random = randomFrom(6);
	const draw = ({ channels, side }: typeof SECOND) =>
		Float32Array.from({ length: channels * side * side }, () => Math.abs(random.normal()));
	const tiles = Array.from(
		{ length: count },
		(): PictureFeatures => [new Float32Array(), draw(SECOND), draw(THIRD)],
	);
	const joined = tiles.map(([, second, third]) =>
		plainJoined({ ...SECOND, data: second }, { ...THIRD, data: third }),
	);
	return { features: { count, of: async (i: number) => tiles[i]! }, joined };
}

const world = { openSession, signal: new AbortController().signal };

for (const [what, tiling, kinds] of [
	['whole pictures', oneTile(32), [[0, 1, 2, 3, 4, 5]]],
	[
		'squares, and apart from them of overviews',
		tiled,
		[
			[0, 1, 3, 4],
			[2, 5],
		],
	],
] as const) {
	moments(`are those of ${what}`, async () => {
		const { features, joined } = source(6);
		const found = await momentsOf('pocket', tiling, features, { threads: 1, seed: 1 }, world);
		assert.is(found.length, kinds.length);
		kinds.forEach((tiles, kind) => {
			const { count, mean, scatter } = found[kind]!.moments;
			const expected = plainMoments(tiles.flatMap((i) => joined[i]!));
			assert.is(count, 4 * tiles.length);
			const vectors = tiles.flatMap((i) => joined[i]!).flat();
			assert.is(found[kind]!.sample.length, vectors.length, 'of so few the sample is all');
			vectors.forEach((v, i) => {
				assert.ok(Math.abs(found[kind]!.sample[i]! - v) < 1e-6);
			});
			expected.mean.forEach((v, i) => {
				assert.ok(Math.abs(mean[i]! - v) < 1e-6);
				for (let j = 0; j <= i; j += 1)
					assert.ok(Math.abs(scatter[i * 192 + j]! / count - expected.covariance[i]![j]!) < 1e-6);
			});
		});
	});
}

moments('of whole pictures are those of their views', async () => {
	const tiling: Tiling = { side: 64, rows: 1, columns: 2, width: 112, height: 64 };
	const pair = { ...untrainedPair('pocket', 64), tiling };
	const random = randomFrom(8);
	const draw = () => Uint8Array.from({ length: 112 * 64 * 3 }, () => random.below(256));
	const pictures = [draw(), draw()];
	const session = await openSession(encodeOnnx(featureProgram('pocket', pair.teacher, 1, 64), 'teacher'), {
		threads: 1,
	});
	const look = async (data: Uint8Array): Promise<PictureFeatures> => {
		const results = await session.run({ image: { dtype: 'uint8', shape: [1, 64, 64, 3], data } });
		return [1, 2, 3].map((i) => results[`teacher${i}`]!.data) as unknown as PictureFeatures;
	};
	const of = (i: number) => look(viewOf(pictures[Math.floor(i / 3)]!, tiling, i % 3));
	const input = async (i: number) => pictures[i]!;
	const expected = await momentsOf('pocket', tiling, { count: 6, of }, { threads: 1, seed: 1 }, world);
	const found = await momentsOfPictures(pair, inFloat32, { count: 2, input }, { threads: 1, seed: 1 }, world);
	await session.close();
	assert.equal(
		found.map(({ moments }) => moments.count),
		[2 * 2 * 16, 2 * 16],
	);
	found.forEach(({ moments: { count, mean, scatter } }, kind) => {
		// The overview is rounded to bytes where features are kept.
		const limit = kind === 0 ? 1e-6 : 1e-3;
		mean.forEach((v, i) => {
			assert.ok(Math.abs(v - expected[kind]!.moments.mean[i]!) < limit);
		});
		scatter.forEach((v, i) => {
			assert.ok(Math.abs(v - expected[kind]!.moments.scatter[i]!) < limit * count);
		});
	});
});

moments('are no more gathered when nobody wants them', async () => {
	const { features } = source(2);
	const signal = AbortSignal.abort(new Error('enough'));
	try {
		await momentsOf('pocket', oneTile(32), features, { threads: 1, seed: 1 }, { openSession, signal });
		assert.unreachable();
	} catch (thrown) {
		assert.is((thrown as Error).message, 'enough');
	}
});

moments.run();
