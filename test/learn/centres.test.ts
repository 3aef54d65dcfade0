import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { gaussianAround } from '../../src/learn/centres.js';
import { type Gaussian, joinMoments, noMoments } from '../../src/model/gaussian.js';
import { openSession } from '../../src/ort/session.js';
import { plainMoments } from '../model/plain-joined.js';

const centres = suite('where features of good parts lie close together');

const world = { openSession, signal: new AbortController().signal };

/** What was seen of vectors. */
function seen(vectors: readonly (readonly number[])[]) {
	const { mean, covariance } = plainMoments(vectors);
	const scatter = covariance.flat().map((v) => v * vectors.length);
	const moments = joinMoments(noMoments(mean.length), mean, scatter, vectors.length);
	return { moments, sample: Float32Array.from(vectors.flat()) };
}

/** How far a vector is from the nearest centre. */
function distance(
	{ mean, whitening, centres = new Float32Array(whitening.length / mean.length) }: Gaussian,
	vector: readonly number[],
): number {
	const d = mean.length;
	const e = whitening.length / d;
	const white = Array.from({ length: e }, (_, i) =>
		vector.reduce((sum, v, j) => sum + whitening[i * d + j]! * (v - mean[j]!), 0),
	);
	return Math.min(
		...Array.from({ length: centres.length / e }, (_, k) =>
			Math.hypot(...white.map((v, i) => v - centres[k * e + i]!)),
		),
	);
}

const random = randomFrom(3);
const around = (middle: readonly number[], count: number) =>
	Array.from({ length: count }, () => middle.map((v) => v + 0.05 * random.normal()));

/** Of twelve features, of which four directions are left. */
const repeated = (four: readonly number[]) => four.flatMap((v) => [v, v, v]);
const corners = [
	[0, 0, 0, 0],
	[4, 0, 0, 0],
	[0, 4, 0, 4],
	[0, 0, 4, 4],
].map(repeated);

centres('are found in every heap, so that between heaps is far from all', async () => {
	const vectors = corners.flatMap((corner) => around(corner, 1200));
	const found = await gaussianAround(seen(vectors), { threads: 1, seed: 1 }, world);
	assert.is(found.centres!.length / 4, 300);
	const inside = vectors.filter((_, i) => i % 100 === 0).map((vector) => distance(found, vector));
	const between = distance(found, repeated([2, 2, 2, 4]));
	assert.ok(between > 1.5 * Math.max(...inside), `${between} against ${Math.max(...inside)}`);
	const alone = { mean: found.mean, whitening: found.whitening };
	assert.ok(
		distance(alone, repeated([1, 1, 1, 2])) < distance(alone, corners[0]!),
		'one Gaussian alone thinks it usual',
	);
});

centres(
	'are nearer to what was seen after each step than where they began, also of a block that is not full',
	async () => {
		const vectors = around(corners[0]!, 4097);
		const found = await gaussianAround(seen(vectors), { threads: 1, seed: 2 }, world);
		const begun = await gaussianAround(seen(vectors.slice(0, 31)), { threads: 1, seed: 2 }, world);
		assert.is(begun.centres, undefined, 'a sample of 31 has no centre of its own');
		const mean = (of: Gaussian) => vectors.reduce((sum, v) => sum + distance(of, v), 0) / vectors.length;
		assert.ok(mean(found) < 0.6 * mean({ mean: found.mean, whitening: found.whitening }));
	},
);

centres('are the same for the same seed', async () => {
	const vectors = around(repeated([1, 2, 3, 4]), 500);
	const [a, b] = [
		await gaussianAround(seen(vectors), { threads: 1, seed: 5 }, world),
		await gaussianAround(seen(vectors), { threads: 1, seed: 5 }, world),
	];
	assert.equal(a, b);
});

centres('are no more looked for when nobody wants them', async () => {
	const signal = AbortSignal.abort(new Error('enough'));
	const vectors = around(corners[0]!, 100);
	try {
		await gaussianAround(seen(vectors), { threads: 1, seed: 1 }, { openSession, signal });
		assert.unreachable();
	} catch (thrown) {
		assert.is((thrown as Error).message, 'enough');
	}
});

for (const [what, vectors] of [
	['the same everywhere', Array.from({ length: 64 }, () => repeated([1, 0, 0, 0]))],
	['0 everywhere', Array.from({ length: 64 }, () => repeated([0, 0, 0, 0]))],
] as const) {
	centres(`are finite where features are ${what}`, async () => {
		const found = await gaussianAround(seen(vectors), { threads: 1, seed: 1 }, world);
		assert.ok(found.centres!.every(Number.isFinite));
		assert.ok(distance(found, vectors[0]!) < 0.01);
	});
}

centres.run();
