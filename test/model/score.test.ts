import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { adamSchedule, adamUpdate, paperAdam } from '../../src/model/adam.js';
import type { Features } from '../../src/model/networks.js';
import { anomaly, mapsOf, scaleDistances } from '../../src/model/score.js';
import { oneTile } from '../../src/model/tiling.js';
import { openSession } from '../../src/ort/session.js';

const score = suite('anomaly map and optimiser against plain arithmetic');

/** MODEL.md's contract in loops and double precision: 1 − cos, align_corners, sum, Gaussian σ = 4 with mirrored border. */
function plainMap(
	pairs: { a: Float32Array; b: Float32Array; channels: number; side: number }[],
	size: number,
): number[] {
	const sum = new Array<number>(size * size).fill(0);
	for (const { a, b, channels, side } of pairs) {
		const distance = Array.from({ length: side * side }, (_, p) => {
			let [ab, aa, bb] = [0, 0, 0];
			for (let c = 0; c < channels; c += 1) {
				const [x, y] = [a[c * side * side + p]!, b[c * side * side + p]!];
				ab += x * y;
				aa += x * x;
				bb += y * y;
			}
			return 1 - ab / Math.sqrt(aa * bb);
		});
		for (let y = 0; y < size; y += 1) {
			for (let x = 0; x < size; x += 1) {
				const [v, u] = [(y * (side - 1)) / (size - 1), (x * (side - 1)) / (size - 1)];
				const [top, left] = [Math.min(Math.floor(v), side - 2), Math.min(Math.floor(u), side - 2)];
				const at = (dy: number, dx: number) => distance[(top + dy) * side + left + dx]!;
				const [fy, fx] = [v - top, u - left];
				sum[y * size + x]! +=
					(1 - fy) * ((1 - fx) * at(0, 0) + fx * at(0, 1)) + fy * ((1 - fx) * at(1, 0) + fx * at(1, 1));
			}
		}
	}
	const kernel = Array.from({ length: 33 }, (_, i) => Math.exp(-0.5 * ((i - 16) / 4) ** 2));
	const total = kernel.reduce((p, q) => p + q);
	const mirrored = (i: number) => (i < 0 ? -1 - i : i >= size ? 2 * size - 1 - i : i);
	const blur = (source: number[], stepY: number, stepX: number) =>
		source.map((_, p) => {
			const [y, x] = [Math.floor(p / size), p % size];
			return kernel.reduce(
				(s, k, i) =>
					s + (k / total) * source[mirrored(y + stepY * (i - 16)) * size + mirrored(x + stepX * (i - 16))]!,
				0,
			);
		});
	return blur(blur(sum, 1, 0), 0, 1);
}

score(
	'the map is resize with aligned corners, sum and Gaussian to 1e-5; the score is its maximum',
	async () => {
		const size = 48;
		const random = randomFrom(3);
		const pairs = [12, 6, 3].map((side, i) => {
			const channels = 4 + i;
			const draw = () => Float32Array.from({ length: channels * side * side }, () => random.normal());
			return { a: draw(), b: draw(), channels, side };
		});
		const graph = new Graph();
		const inputs = (letter: 'a' | 'b') =>
			pairs.map(({ channels, side }, i) =>
				graph.input(`${letter}${i}`, 'float32', [1, channels, side, side]),
			);
		const distances = scaleDistances(
			graph,
			inputs('a') as unknown as Features,
			inputs('b') as unknown as Features,
		);
		const { map, score: maximum } = anomaly(graph, mapsOf(graph, distances, oneTile(size)), oneTile(size));
		graph.output(map, 'map');
		graph.output(maximum, 'score');
		const feeds = pairs.flatMap(({ a, b, channels, side }, i) => [
			[`a${i}`, float32([1, channels, side, side], a)] as const,
			[`b${i}`, float32([1, channels, side, side], b)] as const,
		]);
		const session = await openSession(encodeOnnx(graph, 'map'), { threads: 1 });
		try {
			const results = await session.run(Object.fromEntries(feeds));
			const expected = plainMap(pairs, size);
			expected.forEach((v, i) => {
				assert.ok(
					Math.abs((results.map!.data[i] as number) - v) < 1e-5,
					`pixel ${i}: ${results.map!.data[i]}, not ${v}`,
				);
			});
			assert.ok(Math.abs((results.score!.data[0] as number) - Math.max(...expected)) < 1e-5);
		} finally {
			await session.close();
		}
	},
);

score('twenty Adam steps follow the published formula to 1e-5', async () => {
	const graph = new Graph();
	const names = ['weight', 'gradient', 'first', 'second'] as const;
	const [weight, gradient, first, second] = names.map((name) => graph.input(name, 'float32', [3]));
	const [rate, floor] = ['rate', 'floor'].map((name) => graph.input(name, 'float32', []));
	const next = adamUpdate(
		graph,
		paperAdam,
		weight!,
		gradient!,
		{ first: first!, second: second! },
		{ rate: rate!, floor: floor! },
	);
	graph.output(next.weight, 'nextWeight');
	graph.output(next.first, 'nextFirst');
	graph.output(next.second, 'nextSecond');
	const session = await openSession(encodeOnnx(graph, 'adam'), { threads: 1 });
	try {
		const random = randomFrom(5);
		let state = {
			weight: float32([3], [0.5, -0.2, 1]),
			first: float32([3], [0, 0, 0]),
			second: float32([3], [0, 0, 0]),
		};
		const plain = [0.5, -0.2, 1].map((w) => ({ w, m: 0, v: 0 }));
		for (let step = 1; step <= 20; step += 1) {
			const g = [random.normal(), 1e-3 * random.normal(), 0];
			const schedule = adamSchedule(paperAdam, step);
			const results = await session.run({
				...state,
				gradient: float32([3], g),
				rate: float32([], [schedule.rate]),
				floor: float32([], [schedule.floor]),
			});
			state = {
				weight: results.nextWeight as typeof state.weight,
				first: results.nextFirst as typeof state.first,
				second: results.nextSecond as typeof state.second,
			};
			plain.forEach((p, i) => {
				p.m = 0.5 * p.m + 0.5 * g[i]!;
				p.v = 0.999 * p.v + 0.001 * g[i]! ** 2;
				p.w -= (0.005 * (p.m / (1 - 0.5 ** step))) / (Math.sqrt(p.v / (1 - 0.999 ** step)) + 1e-8);
				assert.ok(Math.abs(state.weight.data[i]! - p.w) < 1e-5, `weight ${i} after step ${step}`);
			});
		}
	} finally {
		await session.close();
	}
});

score.run();
