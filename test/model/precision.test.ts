import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { int8Units, observedUnits, rangesOf } from '../../src/model/int8.js';
import { type Arithmetic, inFloat16, inFloat32 } from '../../src/model/precision.js';
import type { Kernels } from '../../src/model/units.js';
import { openSession } from '../../src/ort/session.js';

const precision = suite('lower precisions');

const random = randomFrom(5);
const draw = (shape: readonly number[], scale: number) =>
	float32(
		shape,
		Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => scale * random.normal()),
	);
const weights = new Map(
	['one', 'two', 'side'].map((name) => {
		const kernel = name === 'side' ? 1 : 3;
		return [name, { weight: draw([8, 8, kernel, kernel], 0.2), bias: draw([8], 0.1) }];
	}),
);
const kernels: Kernels = ({ conv }) => weights.get(conv)!;
const x = draw([1, 8, 16, 16], 1);

/** A residual block. */
async function run(arithmetic: Arithmetic) {
	const graph = new Graph();
	const units = arithmetic(graph, kernels);
	const input = graph.input('x', 'float32', x.shape);
	const unit = { norm: '', channels: 8, kernel: 3, stride: 1, relu: true };
	const first = units(input, { ...unit, conv: 'one' });
	const side = units(input, { ...unit, conv: 'side', kernel: 1, relu: false });
	const y = units(first, { ...unit, conv: 'two', plus: side });
	const single =
		y.dtype === 'float32' ? graph.add(y, graph.scalar(0)) : graph.apply('Cast', [y], { to: 'float32' });
	graph.output(single, 'y');
	const model = encodeOnnx(graph, 'block');
	const session = await openSession(model, { threads: 1 });
	const results = await session.run({ x });
	await session.close();
	return { results, y: results.y!.data as Float32Array, bytes: model.length, graph };
}

const reference = await run(inFloat32);
const largest = reference.y.reduce((a, b) => Math.max(a, b));
const furthest = (y: Float32Array) =>
	y.reduce((most, v, i) => Math.max(most, Math.abs(v - reference.y[i]!)), 0);

precision('fp16 differs from fp32 by its rounding', async () => {
	const { y } = await run(inFloat16);
	assert.ok(furthest(y) > 0 && furthest(y) < 4e-3 * largest, `${furthest(y)}`);
});

precision('int8 differs by a few of its steps, with ranges that float units tell', async () => {
	const seen: string[] = [];
	const { results, y: same } = await run((graph, k) => observedUnits(graph, k, seen));
	assert.equal(seen, ['one', 'side', 'two']);
	assert.ok(furthest(same) < 1e-5);
	const ranges = rangesOf(seen, [results]);
	const most = x.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
	assert.ok(Math.abs(ranges.get('one')!.input - most) < 1e-6);
	assert.ok(Math.abs(ranges.get('two')!.output - largest) < 1e-5);
	const { y, graph } = await run((g, k) => int8Units(g, k, ranges));
	assert.ok(furthest(y) > 0 && furthest(y) < 0.04 * largest, `${furthest(y) / largest}`);
	for (const [name, { dtype, data }] of graph.constants) {
		const zeroPoint = dtype === 'int8' && data.length <= 8;
		if (zeroPoint)
			assert.ok(
				(data as Int8Array).every((v) => v === 0),
				name,
			);
		if (name === 'one.weight') assert.is(dtype, 'int8');
	}
});

precision('int8 holds the bias of a channel without weights', async () => {
	const kernel = { weight: float32([1, 8, 1, 1], new Float32Array(8)), bias: float32([1], [0.7]) };
	const graph = new Graph();
	const input = graph.input('x', 'float32', x.shape);
	const range = { input: 1, convolved: 1, output: 1 };
	const units = int8Units(graph, () => kernel, new Map([['dead', range]]));
	graph.output(units(input, { conv: 'dead', norm: '', channels: 1, kernel: 1, stride: 1, relu: true }), 'y');
	const session = await openSession(encodeOnnx(graph, 'dead'), { threads: 1 });
	const { y } = await session.run({ x });
	await session.close();
	assert.ok(
		(y!.data as Float32Array).every((v) => Math.abs(v - 0.7) < 0.01),
		`${y!.data[0]}`,
	);
});

precision('int8 keeps the stem and transposed convolutions in float', async () => {
	const graph = new Graph();
	const units = int8Units(graph, () => ({ weight: draw([8, 8, 2, 2], 1), bias: draw([8], 1) }), new Map());
	const input = graph.input('x', 'float32', x.shape);
	units(input, { conv: 'up', norm: '', channels: 8, kernel: 2, stride: 2, up: true, relu: true });
	assert.equal(
		graph.nodes.map(({ op }) => op),
		['ConvTranspose', 'Relu'],
	);
});

precision.run();
