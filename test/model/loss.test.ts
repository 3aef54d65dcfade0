import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { elementCount, float32 } from '../../src/graph/tensor.js';
import { gradients } from '../../src/graph/vjp.js';
import { distillationLoss } from '../../src/model/loss.js';
import type { Features } from '../../src/model/networks.js';
import { openSession } from '../../src/ort/session.js';

const loss = suite('the distillation loss');

const shapes: readonly (readonly [n: number, c: number, h: number, w: number])[] = [
	[2, 3, 4, 4],
	[2, 5, 2, 2],
	[2, 4, 1, 1],
];

/** Loss, and its gradients by the three student features, of features drawn from a seed. */
async function lossAt(hardness: number) {
	const graph = new Graph();
	const inputs = (name: string) =>
		shapes.map((shape, i) => graph.input(`${name}${i}`, 'float32', shape)) as unknown as Features;
	const [teacher, student] = [inputs('t'), inputs('s')];
	const value = distillationLoss(graph, teacher, student, hardness);
	gradients(graph, value, student).forEach((gradient, i) => {
		graph.output(graph.mul(gradient, graph.scalar(1)), `d${i}`);
	});
	graph.output(graph.reshape(value, []), 'loss');
	const random = randomFrom(3);
	const feeds = Object.fromEntries(
		graph.inputs.map(({ name, shape }) => [
			name,
			float32(
				shape,
				Float32Array.from({ length: elementCount(shape) }, () => 0.2 + random.uniform()),
			),
		]),
	);
	const session = await openSession(encodeOnnx(graph, 'loss'), { threads: 1 });
	const results = await session.run(feeds);
	await session.close();
	return { feeds, loss: Number(results.loss!.data[0]), results };
}

loss('is the published one, whatever it dwells on', async () => {
	const { feeds, loss: plain } = await lossAt(0);
	const expected = shapes.reduce((sum, [n, ...rest], k) => {
		const length = elementCount(rest);
		const of = (name: string, i: number) =>
			(feeds[`${name}${k}`]!.data as Float32Array).subarray(i * length, (i + 1) * length);
		const dot = (a: Float32Array, b: Float32Array) => a.reduce((total, v, j) => total + v * b[j]!, 0);
		const cosines = Array.from({ length: n }, (_, i) => {
			const [t, s] = [of('t', i), of('s', i)];
			return dot(t, s) / Math.sqrt(dot(t, t) * dot(s, s));
		});
		return sum + 1 - cosines.reduce((a, b) => a + b) / n;
	}, 0);
	assert.ok(Math.abs(plain - expected) < 1e-5, `${plain}, not ${expected}`);
	assert.is((await lossAt(0.5)).loss, plain);
});

loss('with a hardness weighs the gradient of each place by its distance over the mean distance', async () => {
	const hardness = 0.7;
	const [plain, hard] = [await lossAt(0), await lossAt(hardness)];
	shapes.forEach(([n, c, h, w], k) => {
		const places = h * w;
		const [t, s] = ['t', 's'].map((name) => plain.feeds[`${name}${k}`]!.data as Float32Array) as [
			Float32Array,
			Float32Array,
		];
		const distances = Array.from({ length: n * places }, (_, at) => {
			const channel = (v: Float32Array, j: number) =>
				v[Math.floor(at / places) * c * places + j * places + (at % places)]!;
			const dot = (a: Float32Array, b: Float32Array) =>
				Array.from({ length: c }, (_, j) => channel(a, j) * channel(b, j)).reduce((x, y) => x + y);
			return 1 - dot(t, s) / Math.sqrt(dot(t, t) * dot(s, s));
		});
		const mean = distances.reduce((a, b) => a + b) / distances.length;
		const [before, after] = [plain, hard].map(({ results }) => results[`d${k}`]!.data as Float32Array) as [
			Float32Array,
			Float32Array,
		];
		before.forEach((gradient, i) => {
			const at = Math.floor(i / (c * places)) * places + (i % places);
			const expected = gradient * (1 - hardness + (hardness * distances[at]!) / mean);
			assert.ok(Math.abs(after[i]! - expected) < 1e-5, `scale ${k}, ${i}: ${after[i]}, not ${expected}`);
		});
	});
});

loss.run();
