import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { elementsOf, FLOAT16 } from '../../src/graph/elements.js';
import { adaptOnnx, describeOnnx, parseOnnx } from '../../src/graph/foreign.js';
import { Graph } from '../../src/graph/graph.js';
import { halfOf, observedForHalf } from '../../src/graph/halved.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { inferenceProgram, type Pair } from '../../src/model/inference.js';
import { inFloat16, inFloat32 } from '../../src/model/precision.js';
import { productProbe } from '../../src/model/product-probe.js';
import { scoreWith } from '../../src/model/scored.js';
import { IMAGENET } from '../../src/model/teacher.js';
import { oneTile, type Tiling } from '../../src/model/tiling.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';

const halved = suite('a float16 model out of a float32 one');

const SIDE = 64;
const tilings: readonly (readonly [string, Tiling])[] = [
	['whole', oneTile(SIDE)],
	['tiled', { side: SIDE, rows: 2, columns: 1, width: SIDE, height: 2 * SIDE - 8 }],
];

async function scored(model: Uint8Array, tiling: Tiling) {
	const { width, height } = tiling;
	const large = drawPart(1, 1, undefined, Math.max(width, height)).image.data;
	const session = await openSession(model, { threads: 1 });
	try {
		return await scoreWith(session, large.slice(0, width * height * 3), tiling);
	} finally {
		await session.close();
	}
}

const untrained = untrainedPair('pocket', SIDE);

for (const [name, tiling] of tilings) {
	halved(`is the one that inFloat16 writes: ${name}`, async () => {
		const pair: Pair = { ...untrained, tiling };
		const written = (arithmetic: typeof inFloat16) =>
			encodeOnnx(inferenceProgram(pair, undefined, arithmetic), 'm');
		const single = written(inFloat32);
		const [ours, derived, reference] = await Promise.all(
			[written(inFloat16), halfOf(single), single].map((model) => scored(model, tiling)),
		);
		assert.is(derived!.score, ours!.score);
		assert.equal(derived!.map, ours!.map);
		assert.ok(Math.abs(derived!.score - reference!.score) < 0.02 * reference!.score);
		assert.is.not(derived!.score, reference!.score);
	});
}

/** A model from elsewhere: a network of two convolutions, a map that is blurred, each with a convolution; `kernel` fills the second. */
function foreign(kernel: (i: number) => number, bias = 0): Uint8Array {
	const graph = new Graph();
	const random = randomFrom(2);
	const drawn = (shape: readonly number[], scale: number) =>
		float32(
			shape,
			Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => scale * random.normal()),
		);
	const window = { strides: [1, 1], pads: [1, 1, 1, 1], group: 1 } as const;
	const x = graph.input('x', 'float32', [1, 3, 32, 32]);
	const first = graph.apply('Conv', [x, graph.constant(drawn([8, 3, 3, 3], 0.3), 'first.weight')], window);
	const second = graph.constant(
		float32(
			[8, 8, 3, 3],
			Float32Array.from({ length: 576 }, (_, i) => kernel(i)),
		),
		'second.weight',
	);
	const biases = graph.constant(float32([8], new Float32Array(8).fill(bias)), 'second.bias');
	const y = graph.relu(graph.add(first, graph.apply('Conv', [graph.relu(first), second, biases], window)));
	const size = graph.mean(graph.mul(y, y), [1]);
	const blur = graph.constant(float32([1, 1, 3, 3], new Float32Array(9).fill(1 / 9)), 'blur');
	graph.output(graph.apply('Conv', [size, blur], window), 'anomaly_map');
	return encodeOnnx(graph, 'foreign');
}

const adapter = {
	...IMAGENET,
	input: 'x',
	layout: { channels: 3, channelsLast: false, batched: true },
	width: 32,
	height: 32,
	map: 'anomaly_map',
	score: undefined,
} as const;

const usual = (i: number) => 0.1 * Math.sin(i);

/** Operators that compute in float16, by what they give. */
function inHalf(model: Uint8Array): string[] {
	const { graph } = parseOnnx(model);
	const types = elementsOf(graph);
	return graph.node
		.filter(({ opType, output }) => opType !== 'Cast' && types.get(output[0]!) === FLOAT16)
		.map(({ opType }) => opType);
}

halved('leaves the map, its blur and what comes before the network in float32', async () => {
	const model = adaptOnnx(foreign(usual), adapter);
	const derived = halfOf(model);
	assert.equal(inHalf(derived), ['Conv', 'Relu', 'Conv', 'Add', 'Relu']);
	assert.equal(describeOnnx(derived).outputs, describeOnnx(model).outputs);
	assert.equal(describeOnnx(derived).inputs, describeOnnx(model).inputs);
	const [half, single] = await Promise.all([derived, model].map((m) => scored(m, oneTile(32))));
	const largest = single!.score;
	const furthest = single!.map.reduce((most, v, i) => Math.max(most, Math.abs(v - half!.map[i]!)), 0);
	assert.ok(furthest > 0 && furthest < 0.01 * largest, `${furthest} of ${largest}`);
});

for (const [what, model, expected] of [
	[
		'weights beyond its end',
		foreign((i) => (i === 7 ? -70000 : 0.1)),
		/"second.weight" holds 7.00e\+4, and float16 ends at 65504/,
	],
	['a bias beyond its end', foreign(usual, 1e5), /"second.bias" holds 1.00e\+5/],
	['weights that are no number', foreign((i) => (i === 3 ? Number.NaN : 0.1)), /"second.weight" holds NaN/],
	[
		'weights that have no digits left',
		foreign((i) => 1e-7 * Math.sin(i)),
		/"second.weight" holds at most 1.0e-7, and loses \d+ % in float16/,
	],
	['what computes in float16 already', halfOf(foreign(usual)), undefined],
	['a model without a network', encodeOnnx(blurOnly(), 'blur'), /it has no convolution in float32/],
	['a quantised model', productProbe().model, /it is quantised/],
] as const) {
	halved(`is refused for ${what}`, () => {
		try {
			halfOf(model);
			assert.unreachable();
		} catch (thrown) {
			assert.instance(thrown, Failure);
			assert.is((thrown as Failure).code, 'precision-refused');
			assert.match((thrown as Failure).message, expected ?? /in float16 already/);
		}
	});
}

for (const [what, model] of [
	['at its very end', foreign((i) => (i === 7 ? 65504 : 0.1), 65504)],
	['with some that are next to nothing', foreign((i) => (i % 2 === 0 ? 1e-9 : 0.1), 1e-9)],
	['of nothing but zeros', foreign(() => 0)],
] as const) {
	halved(`is made of weights ${what}`, () => {
		assert.is(inHalf(halfOf(model)).length, 5);
	});
}

halved('tells beforehand how large it gets, by the names of its convolutions', async () => {
	const single = foreign((i) => 50 * usual(i));
	const { model, units } = observedForHalf(single);
	const session = await openSession(model, { threads: 1 });
	const x = float32(
		[1, 3, 32, 32],
		Float32Array.from({ length: 3072 }, (_, i) => Math.cos(i)),
	);
	const results = await session.run({ x });
	await session.close();
	const found = new Map([...units].map(([output, unit]) => [unit, results[output]!.data[0] as number]));
	assert.equal([...found.keys()], ['first', 'second', 'the sum Add_4']);
	assert.ok(found.get('second')! > 2 * found.get('first')! && found.get('first')! > 0.1);
	assert.ok(Math.abs(found.get('the sum Add_4')! - found.get('second')!) <= found.get('first')!);
	assert.ok(results.anomaly_map);
});

function blurOnly(): Graph {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [1, 1, 8, 8]);
	const blur = graph.constant(float32([1, 1, 3, 3], new Float32Array(9).fill(1 / 9)));
	graph.output(graph.apply('Conv', [x, blur], { strides: [1, 1], pads: [1, 1, 1, 1], group: 1 }), 'y');
	return graph;
}

halved.run();
