import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import {
	type Gaussian,
	gaussianDistance,
	gaussianOf,
	joinedFeatures,
	joinMoments,
	type Moments,
	noMoments,
	reduced,
} from '../../src/model/gaussian.js';
import { openSession } from '../../src/ort/session.js';
import { type Plain, plainJoined, plainMoments } from './plain-joined.js';

const gaussian = suite('what features of good parts are like wherever they stand');

const random = randomFrom(4);
const drawn = (channels: number, side: number): Plain => ({
	channels,
	side,
	data: Float32Array.from({ length: channels * side * side }, () => 1 + random.normal()),
});

/** The joined features of one picture [D, h, w], and how far they are from `usual`, by ONNX Runtime. */
async function computed(second: Plain, third: Plain, usual: Gaussian) {
	const graph = new Graph();
	const [a, b] = [second, third].map(({ channels, side }, i) =>
		graph.input(`teacher${i + 2}`, 'float32', [1, channels, side, side]),
	);
	const joined = joinedFeatures(graph, [a!, a!, b!]);
	graph.output(joined, 'joined');
	graph.output(gaussianDistance(graph, joined, usual, 'gaussian'), 'distance');
	const session = await openSession(encodeOnnx(graph, 'gaussian'), { threads: 1 });
	try {
		const tensor = ({ data, channels, side }: Plain) =>
			float32([1, channels, side, side], Float32Array.from(data));
		const results = await session.run({ teacher2: tensor(second), teacher3: tensor(third) });
		return { joined: results.joined!, distance: results.distance! };
	} finally {
		await session.close();
	}
}

/** x of A·x = b, by elimination with pivots. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
	const rows = matrix.map((row, i) => [...row, right[i]!]);
	const n = rows.length;
	for (let k = 0; k < n; k += 1) {
		const best = rows.slice(k).reduce((a, row) => (Math.abs(row[k]!) > Math.abs(a[k]!) ? row : a));
		rows.splice(rows.indexOf(best), 1);
		rows.splice(k, 0, best);
		for (const row of rows.slice(k + 1)) {
			const share = row[k]! / best[k]!;
			for (let j = k; j <= n; j += 1) row[j]! -= share * best[j]!;
		}
	}
	const x = new Array<number>(n).fill(0);
	for (let k = n - 1; k >= 0; k -= 1)
		x[k] = (rows[k]![n]! - x.reduce((sum, v, j) => sum + (j > k ? rows[k]![j]! * v : 0), 0)) / rows[k]![k]!;
	return x;
}

/** √((x − m)ᵀ (C + r·I)⁻¹ (x − m)), r a share of C's mean eigenvalue. */
function mahalanobis(
	x: readonly number[],
	{ mean, covariance }: ReturnType<typeof plainMoments>,
	ridge: number,
): number {
	const added = (ridge * covariance.reduce((sum, row, i) => sum + row[i]!, 0)) / mean.length;
	const regular = covariance.map((row, i) => row.map((v, j) => (i === j ? v + added : v)));
	const away = x.map((v, i) => v - mean[i]!);
	return Math.sqrt(solved(regular, away).reduce((sum, v, i) => sum + v * away[i]!, 0));
}

/** The moments of pictures whose vectors these are, one after the other. */
function momentsOf(pictures: readonly (readonly (readonly number[])[])[]): Moments {
	return pictures.reduce((moments, vectors) => {
		const { mean, covariance } = plainMoments(vectors);
		return joinMoments(
			moments,
			mean,
			covariance.flat().map((v) => v * vectors.length),
			vectors.length,
		);
	}, noMoments(pictures[0]![0]!.length));
}

const pictures = Array.from({ length: 12 }, () => ({ second: drawn(3, 8), third: drawn(5, 4) }));
const vectors = pictures.map(({ second, third }) => plainJoined(second, third));

gaussian('joins directions of averages of two stages in the grid of the third, to 1e-6', async () => {
	const { second, third } = pictures[0]!;
	const { joined } = await computed(second, third, gaussianOf(momentsOf(vectors)));
	assert.equal(joined.shape, [1, 8, 4, 4]);
	vectors[0]!.forEach((vector, p) => {
		vector.forEach((v, c) => {
			assert.ok(Math.abs(Number(joined.data[c * 16 + p]) - v) < 1e-6, `channel ${c} at ${p}`);
		});
	});
});

gaussian('gathers moments picture by picture as if they had come at once', () => {
	const { count, mean, scatter } = momentsOf(vectors);
	const whole = plainMoments(vectors.flat());
	assert.is(count, 12 * 16);
	whole.mean.forEach((v, i) => {
		assert.ok(Math.abs(mean[i]! - v) < 1e-12);
		for (let j = 0; j <= i; j += 1)
			assert.ok(Math.abs(scatter[i * 8 + j]! / count - whole.covariance[i]![j]!) < 1e-12);
	});
});

for (const ridge of [0.02, 0.5]) {
	gaussian(`measures Mahalanobis' distance with a ridge of ${ridge}, to 1e-4 of it`, async () => {
		const whole = plainMoments(vectors.flat());
		const { second, third } = { second: drawn(3, 8), third: drawn(5, 4) };
		const { distance } = await computed(second, third, gaussianOf(momentsOf(vectors), ridge));
		assert.equal(distance.shape, [1, 4, 4]);
		plainJoined(second, third).forEach((vector, p) => {
			const expected = mahalanobis(vector, whole, ridge);
			assert.ok(Math.abs(Number(distance.data[p]) - expected) < 1e-4 * expected, `${distance.data[p]}`);
		});
	});
}

gaussian('measures the way to the nearest of its centres, to 1e-4 of it', async () => {
	const usual = gaussianOf(momentsOf(vectors));
	const centres = Float32Array.from({ length: 5 * 8 }, () => 2 * random.normal());
	const { second, third } = { second: drawn(3, 8), third: drawn(5, 4) };
	const { distance } = await computed(second, third, { ...usual, centres });
	plainJoined(second, third).forEach((vector, p) => {
		const white = Array.from({ length: 8 }, (_, i) =>
			vector.reduce((sum, v, j) => sum + usual.whitening[i * 8 + j]! * (v - usual.mean[j]!), 0),
		);
		const ways = [0, 1, 2, 3, 4].map((k) => Math.hypot(...white.map((v, i) => v - centres[k * 8 + i]!)));
		const expected = Math.min(...ways);
		assert.ok(Math.abs(Number(distance.data[p]) - expected) < 1e-4 * expected, `${distance.data[p]}`);
	});
});

gaussian('is 0 away from a centre', async () => {
	const usual = gaussianOf(momentsOf(vectors));
	const { second, third } = pictures[0]!;
	const centres = Float32Array.from(
		plainJoined(second, third).flatMap((vector) =>
			Array.from({ length: 8 }, (_, i) =>
				vector.reduce((sum, v, j) => sum + usual.whitening[i * 8 + j]! * (v - usual.mean[j]!), 0),
			),
		),
	);
	const { distance } = await computed(second, third, { ...usual, centres });
	assert.ok((distance.data as Float32Array).every((v) => v < 0.01));
});

gaussian('keeps lengths about what they were in fewer directions', () => {
	const usual = gaussianOf(noMoments(192));
	const few = reduced(usual);
	assert.is(few.whitening.length, 64 * 192);
	const lengthBy = ({ whitening }: Gaussian, vector: readonly number[]) =>
		Math.hypot(
			...Array.from({ length: whitening.length / 192 }, (_, i) =>
				vector.reduce((sum, v, j) => sum + whitening[i * 192 + j]! * v, 0),
			),
		);
	const ratios = Array.from({ length: 50 }, () => {
		const vector = Array.from({ length: 192 }, () => random.normal());
		return lengthBy(few, vector) / lengthBy(usual, vector);
	});
	for (const ratio of ratios) assert.ok(ratio > 0.7 && ratio < 1.3, `${ratio}`);
	const mean = ratios.reduce((a, b) => a + b, 0) / ratios.length;
	assert.ok(Math.abs(mean - 1) < 0.05, `${mean}`);
});

const flat = (channels: number, side: number, value: number): Plain => ({
	channels,
	side,
	data: new Float32Array(channels * side * side).fill(value),
});
for (const [what, of] of [
	['nothing', noMoments(8)],
	['one picture', momentsOf([vectors[0]!])],
	['one position', momentsOf([[vectors[0]![0]!]])],
	['a picture that is the same everywhere', momentsOf([plainJoined(flat(3, 8, 1), flat(5, 4, 1))])],
	['a picture that is 0 everywhere', momentsOf([plainJoined(flat(3, 8, 0), flat(5, 4, 0))])],
] as const) {
	gaussian(`is finite of ${what}, and so is the distance to it`, async () => {
		const usual = gaussianOf(of);
		assert.ok(usual.mean.every(Number.isFinite) && usual.whitening.every(Number.isFinite));
		for (const [second, third] of [
			[pictures[0]!.second, pictures[0]!.third],
			[flat(3, 8, 0), flat(5, 4, 0)],
		] as const) {
			const { distance } = await computed(second, third, usual);
			assert.ok((distance.data as Float32Array).every(Number.isFinite));
		}
	});
}

gaussian.run();
