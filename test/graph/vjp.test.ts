import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Value } from '../../src/graph/ops.js';
import { elementCount, float32, type Shape, type Tensor } from '../../src/graph/tensor.js';
import { gradients } from '../../src/graph/vjp.js';
import { openSession } from '../../src/ort/session.js';

const vjp = suite('reverse-mode gradients');

type Case = {
	readonly inputs: readonly Shape[];
	readonly build: (g: Graph, ...values: Value[]) => Value;
	/** Where the inputs lie; operators with a kink or a pole keep away from it. */
	readonly from?: (v: number) => number;
};

const unchanged = (v: number): number => v;

const away = (v: number) => Math.sign(v) * (0.2 + Math.abs(v));
const positive = (v: number) => 0.5 + Math.abs(v);
const same = { strides: [1, 1], pads: [1, 1, 1, 1], group: 1 } as const;
const half = { strides: [2, 2], pads: [1, 1, 1, 1], group: 1 } as const;

const cases: Readonly<Record<string, Case>> = {
	Add: {
		inputs: [
			[2, 3],
			[2, 3],
		],
		build: (g, a, b) => g.add(a, b),
	},
	'Add with broadcasting': {
		inputs: [
			[2, 3, 4],
			[3, 1],
		],
		build: (g, a, b) => g.add(a, b),
	},
	'Add of a value to itself': { inputs: [[2, 3]], build: (g, a) => g.add(a, a) },
	Sub: {
		inputs: [
			[2, 3],
			[1, 3],
		],
		build: (g, a, b) => g.sub(a, b),
	},
	Mul: {
		inputs: [
			[2, 3],
			[2, 1],
		],
		build: (g, a, b) => g.mul(a, b),
	},
	Div: {
		inputs: [
			[2, 3],
			[1, 3],
		],
		build: (g, a, b) => g.div(a, b),
		from: away,
	},
	Max: { inputs: [[4, 5], [5]], build: (g, a, b) => g.apply('Max', [a, b], {}) },
	Neg: { inputs: [[2, 3]], build: (g, a) => g.apply('Neg', [a], {}) },
	Sqrt: { inputs: [[2, 3]], build: (g, a) => g.sqrt(a), from: positive },
	Relu: { inputs: [[3, 5]], build: (g, a) => g.relu(a), from: away },
	ReduceSum: { inputs: [[2, 3, 4]], build: (g, a) => g.sum(a, [0, 2]) },
	ReduceMean: { inputs: [[2, 3, 4]], build: (g, a) => g.mean(a, [1]) },
	Reshape: { inputs: [[2, 6]], build: (g, a) => g.reshape(a, [3, 4]) },
	Transpose: { inputs: [[2, 3, 4]], build: (g, a) => g.transpose(a, [2, 0, 1]) },
	Expand: { inputs: [[3, 1]], build: (g, a) => g.apply('Expand', [a], { shape: [2, 3, 4] }) },
	Concat: {
		inputs: [
			[2, 3, 2],
			[2, 1, 2],
		],
		build: (g, a, b) => g.apply('Concat', [a, b], { axis: 1 }),
	},
	Slice: {
		inputs: [[4, 5]],
		build: (g, a) => g.apply('Slice', [a], { starts: [1, 0], ends: [3, 4], axes: [0, 1], steps: [1, 1] }),
	},
	Pad: { inputs: [[2, 3]], build: (g, a) => g.apply('Pad', [a], { pads: [1, 0, 2, 3] }) },
	MatMul: {
		inputs: [
			[2, 3, 4],
			[4, 5],
		],
		build: (g, a, b) => g.apply('MatMul', [a, b], {}),
	},
	...Object.fromEntries(
		[false, true].flatMap((transA) =>
			[false, true].map((transB): [string, Case] => [
				`FusedMatMul ${transA ? 'aᵀ' : 'a'}${transB ? 'bᵀ' : 'b'}`,
				{
					inputs: [transA ? [2, 4, 3] : [2, 3, 4], transB ? [2, 5, 4] : [2, 4, 5]],
					build: (g, a, b) => g.apply('FusedMatMul', [a, b], { transA, transB }),
				},
			]),
		),
	),
	Conv: { inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]], build: (g, ...v: Value[]) => g.apply('Conv', v, same) },
	'Conv over many positions': {
		inputs: [
			[2, 2, 9, 9],
			[3, 2, 3, 3],
		],
		build: (g, ...v: Value[]) => g.apply('Conv', v, same),
	},
	'Conv with stride 2': {
		inputs: [
			[2, 3, 6, 7],
			[4, 3, 3, 3],
		],
		build: (g, ...v) => g.apply('Conv', v, half),
	},
	'Conv 1×1 with stride 2': {
		inputs: [
			[2, 3, 6, 6],
			[4, 3, 1, 1],
		],
		build: (g, ...v) => g.apply('Conv', v, { strides: [2, 2], pads: [0, 0, 0, 0], group: 1 }),
	},
	ConvTranspose: {
		inputs: [[2, 3, 3, 4], [3, 4, 2, 2], [4]],
		build: (g, ...v) =>
			g.apply('ConvTranspose', v, { strides: [2, 2], pads: [0, 0, 0, 0], outputPadding: [0, 0] }),
	},
};

for (const [name, { inputs, build, from = unchanged }] of Object.entries(cases)) {
	vjp(`of ${name} agree with central differences`, async () => {
		const random = randomFrom(7);
		const draw = (shape: Shape) =>
			float32(
				shape,
				Float32Array.from({ length: elementCount(shape) }, () => from(random.uniform() * 2 - 1)),
			);
		const feeds: Record<string, Tensor<'float32'>> = Object.fromEntries(
			inputs.map((shape, i) => [`x${i}`, draw(shape)]),
		);
		const graph = new Graph();
		const values = inputs.map((shape, i) => graph.input(`x${i}`, 'float32', shape));
		const y = build(graph, ...values);
		// Squared, so that the gradient that arrives at y differs everywhere.
		const weighted = graph.mul(graph.mul(y, y), graph.constant(draw(y.shape)));
		const loss = graph.sum(
			weighted,
			y.shape.map((_, axis) => axis),
		);
		graph.output(loss, 'loss');
		gradients(graph, loss, values).forEach((gradient, i) => {
			graph.output(graph.mul(gradient, graph.scalar(1)), `d${i}`);
		});
		const session = await openSession(encodeOnnx(graph, name), { threads: 1 });
		try {
			const results = await session.run(feeds);
			const lossAt = async (input: string, index: number, step: number) => {
				const { shape, data } = feeds[input]!;
				const moved = data.slice();
				moved[index]! += step;
				return (await session.run({ ...feeds, [input]: float32(shape, moved) })).loss!.data[0] as number;
			};
			for (const [i, shape] of inputs.entries()) {
				const gradient = results[`d${i}`]!;
				assert.equal([...gradient.shape], [...shape], `shape of the gradient by input ${i}`);
				const largest = Math.max(...(gradient.data as Float32Array).map(Math.abs));
				for (let index = 0; index < elementCount(shape); index += 1) {
					const step = 1e-2;
					const slope =
						((await lossAt(`x${i}`, index, step)) - (await lossAt(`x${i}`, index, -step))) / (2 * step);
					const off = Math.abs((gradient.data[index] as number) - slope);
					assert.ok(
						off <= 5e-3 * largest + 1e-3,
						`input ${i}[${index}]: ${gradient.data[index]}, not ${slope}`,
					);
				}
			}
		} finally {
			await session.close();
		}
	});
}

vjp('stop loudly at an operator without a gradient', () => {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [2, 3]);
	const loss = graph.apply('ReduceMax', [x], { axes: [0, 1] });
	assert.throws(() => gradients(graph, loss, [x]), /ReduceMax has no gradient/);
});

vjp('stop loudly when the loss does not depend on a value', () => {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [1]);
	const y = graph.input('y', 'float32', [1]);
	assert.throws(() => gradients(graph, graph.add(x, x), [y]), /does not depend on "y"/);
});

vjp.run();
