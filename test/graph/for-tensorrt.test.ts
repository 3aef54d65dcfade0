import type { GraphProto, ModelProto } from 'onnx-buf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { elementsOf, FLOAT, FLOAT16, UINT8 } from '../../src/graph/elements.js';
import { fit, forTensorRt } from '../../src/graph/for-tensorrt.js';
import { adaptOnnx, parseOnnx } from '../../src/graph/foreign.js';
import { Graph } from '../../src/graph/graph.js';
import { halfNodes } from '../../src/graph/half-nodes.js';
import { halfOf } from '../../src/graph/halved.js';
import { objections, objectionsTo } from '../../src/graph/objections.js';
import { encodeOnnx, modelOf } from '../../src/graph/onnx.js';
import { PARSERS, parserOf, takenTypes } from '../../src/graph/parsers.js';
import { float32, type Tensor } from '../../src/graph/tensor.js';
import { architectures, type Backbone } from '../../src/model/architecture.js';
import { joinedChannels } from '../../src/model/gaussian.js';
import { inferenceProgram, type Judging, type Pair } from '../../src/model/inference.js';
import { inInt8, type Ranges } from '../../src/model/int8.js';
import { type Arithmetic, inFloat16, inFloat32 } from '../../src/model/precision.js';
import { scoreWith } from '../../src/model/scored.js';
import { IMAGENET } from '../../src/model/teacher.js';
import { oneTile, type Tiling, tileCount } from '../../src/model/tiling.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';

const device = suite('what goes to TensorRT');

const SIDE = 64;
const whole = oneTile(SIDE);
const tiled: Tiling = { side: SIDE, rows: 2, columns: 2, width: 120, height: 112 };

/** With all maps that there are, mean and weight at each place. */
function departures(tiling: Tiling): (backbone: Backbone) => Judging {
	const views = tileCount(tiling) === 1 ? 1 : 2;
	const plane = () => new Float32Array(tiling.width * tiling.height).fill(1);
	const normality = Array.from({ length: 4 * views }, () => ({ mean: plane(), weight: plane() }));
	return (backbone) => {
		const channels = joinedChannels(architectures[backbone]);
		const gaussian = {
			mean: new Float32Array(channels),
			whitening: new Float32Array(8 * channels),
			centres: new Float32Array(5 * 8),
		};
		return { scoring: 'places+features', normality, gaussians: Array(views).fill(gaussian) };
	};
}

/** With one number a map. */
function featuresAlone(backbone: Backbone): Judging {
	const channels = joinedChannels(architectures[backbone]);
	return {
		scoring: 'features',
		normality: [{ mean: Float32Array.of(0), weight: Float32Array.of(1) }],
		gaussians: [{ mean: new Float32Array(channels), whitening: new Float32Array(channels ** 2) }],
	};
}

const bySum = (): undefined => undefined;

/** The arithmetic over weights that are all zero, which costs next to nothing: operators do not depend on them. */
function over(arithmetic: Arithmetic): Arithmetic {
	return (graph) => {
		let channels = 0;
		const units = arithmetic(graph, ({ channels: out, kernel, up }) => {
			const shape = up ? [channels, out, kernel, kernel] : [out, channels, kernel, kernel];
			const count = out * channels * kernel * kernel;
			return {
				weight: { dtype: 'float32', shape, data: new Float32Array(count) },
				bias: { dtype: 'float32', shape: [out], data: new Float32Array(out) },
			};
		});
		return (x, unit) => {
			channels = x.shape[1]!;
			return units(x, unit);
		};
	};
}

const everywhere = { get: () => ({ input: 1, convolved: 1, output: 1 }) } as unknown as Ranges;

const arithmetics: readonly (readonly [string, Arithmetic])[] = [
	['fp32', inFloat32],
	['fp16', inFloat16],
	['int8', inInt8(everywhere)],
];

const shapes: readonly (readonly [string, Tiling, (backbone: Backbone) => Judging | undefined])[] = [
	['whole, by the paper', whole, bySum],
	['whole, by departures', whole, departures(whole)],
	['tiled, by the paper', tiled, bySum],
	['tiled, by departures', tiled, departures(tiled)],
	['whole, by features alone', whole, featuresAlone],
];

function written(
	backbone: Backbone,
	arithmetic: Arithmetic,
	tiling: Tiling,
	judging: Judging | undefined,
): ModelProto & { graph: GraphProto } {
	const pair: Pair = { backbone, teacher: new Weights(), student: new Weights(), tiling };
	return modelOf(inferenceProgram(pair, judging, over(arithmetic)), 'm');
}

function assertTaken(model: ModelProto & { graph: GraphProto }): void {
	for (const parser of PARSERS) assert.equal(objectionsTo(model.graph, parser), [], parser);
	assert.equal(
		model.opsetImport.map(({ domain, version }) => [domain, version]),
		[['', 17n]],
	);
	assert.is(model.irVersion, 8n);
	const outside = [...model.graph.input, ...model.graph.output].map(({ name, type }) => [
		name,
		type?.value.case === 'tensorType' ? type.value.value.elemType : undefined,
	]);
	assert.equal(outside, [
		['image', UINT8],
		['map', FLOAT],
		['score', FLOAT],
		['mean', FLOAT],
	]);
}

/** What may compute in float16: convolutions with bias, residual sum and ReLU, and what only picks or joins their values. */
const HALF = ['Conv', 'ConvTranspose', 'Add', 'Relu', 'MaxPool', 'Concat'];

function assertOnlyUnitsInHalf({ graph }: { readonly graph: GraphProto }): void {
	const types = elementsOf(graph);
	const by = new Map(graph.node.map((node) => [node.output[0]!, node]));
	const met = new Set<string>();
	let halves = 0;
	const walk = (name: string): void => {
		const node = by.get(name);
		if (!node || met.has(name)) return;
		met.add(name);
		const isHalf = types.get(name) === FLOAT16;
		const readsHalf = node.input.some((input) => types.get(input) === FLOAT16);
		if (node.opType !== 'Cast' && (isHalf || readsHalf)) {
			assert.ok(isHalf && HALF.includes(node.opType), `${node.opType} "${node.name}"`);
			halves += 1;
		}
		for (const input of node.input) walk(input);
	};
	for (const { name } of graph.output) walk(name);
	assert.ok(halves > 20);
}

for (const backbone of Object.keys(architectures) as Backbone[]) {
	// What the smallest is written as in all shapes, the others are too: their units differ, and what is around them does not.
	for (const [precision, arithmetic] of arithmetics) {
		const tried =
			backbone === 'pocket' ? shapes : precision === 'int8' ? [shapes[3]!] : [shapes[0]!, shapes[3]!];
		device(`is taken by the parsers of 8.5 to 10.1: ${backbone} in ${precision}`, () => {
			for (const [, tiling, judging] of tried) {
				const model = written(backbone, arithmetic, tiling, judging(backbone));
				assert.is(fit(model), precision === 'int8');
				assertTaken(model);
				if (precision === 'fp16') assertOnlyUnitsInHalf(model);
				else assert.not.ok([...elementsOf(model.graph).values()].includes(FLOAT16));
			}
		});
	}
}

async function scored(model: Uint8Array, { width, height }: Tiling) {
	const large = drawPart(1, 1, undefined, Math.max(width, height)).image.data;
	const session = await openSession(model, { threads: 1 });
	try {
		return await scoreWith(session, large.slice(0, width * height * 3), { width, height });
	} finally {
		await session.close();
	}
}

const untrained = untrainedPair('pocket', SIDE);

device('is for int8 what the processor computes, within the rounding of its steps', async () => {
	const ranges: Ranges = { get: () => ({ input: 8, convolved: 8, output: 8 }) } as unknown as Ranges;
	const model = encodeOnnx(inferenceProgram(untrained, undefined, inInt8(ranges)), 'm');
	assert.ok(objections(model, '8.5').some((objection) => /dequantises what is not int8/.test(objection)));
	const fitted = forTensorRt(model);
	for (const parser of PARSERS) assert.equal(objections(fitted, parser), []);
	const [ours, theirs] = await Promise.all([model, fitted].map((bytes) => scored(bytes, whole)));
	assert.ok(
		Math.abs(ours!.score - theirs!.score) < 0.02 * ours!.score,
		`${ours!.score} and ${theirs!.score}`,
	);
	// A second time there is nothing to do.
	assert.is(forTensorRt(fitted), fitted);
});

device('of bundles that were taught before is theirs, in other words', async () => {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [1, 3, 4]);
	const right = graph.constant(
		float32(
			[5, 4],
			Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)),
		),
	);
	const product = graph.matMulTransposed(x, right);
	graph.output(product, 'map');
	graph.output(graph.reshape(graph.apply('ReduceMax', [product], { axes: [0, 1, 2] }), []), 'score');
	const model = encodeOnnx(graph, 'old');
	assert.equal(objections(model, '10.1').length, 2);
	const fitted = forTensorRt(model);
	for (const parser of PARSERS) assert.equal(objections(fitted, parser), []);
	const feeds = {
		x: float32(
			[1, 3, 4],
			Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
		),
	};
	const [before, after] = await Promise.all(
		[model, fitted].map(async (bytes) => {
			const session = await openSession(bytes, { threads: 1 });
			const results = await session.run(feeds);
			await session.close();
			return results;
		}),
	);
	assert.equal(after!.map, before!.map);
	assert.equal([after!.score!.shape, after!.score!.data], [[1], before!.score!.data]);
});

/** A model that takes bytes, and lays them out before it makes floats of them. */
function ofBytes(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('x', 'uint8', [1, 3, SIDE, SIDE]);
	const rows = graph.reshape(graph.transpose(x, [0, 2, 3, 1]), [SIDE * SIDE, 3]);
	const mean = graph.mean(graph.apply('Cast', [rows], { to: 'float32' }), [1]);
	graph.output(graph.reshape(mean, [1, 1, SIDE, SIDE]), 'anomaly_map');
	return encodeOnnx(graph, 'bytes');
}

function ofFloats(channels: 1 | 3, channelsLast: boolean): Uint8Array {
	const graph = new Graph();
	const shape = channelsLast ? [1, SIDE, SIDE, channels] : [1, channels, SIDE, SIDE];
	const x = graph.input('x', 'float32', shape);
	graph.output(graph.mean(graph.mul(x, x), [channelsLast ? 3 : 1]), 'anomaly_map');
	return encodeOnnx(graph, 'floats');
}

for (const [what, model, channels, channelsLast] of [
	['bytes', ofBytes(), 3, false],
	['colours', ofFloats(3, false), 3, false],
	['colours in the last axis', ofFloats(3, true), 3, true],
	['grey', ofFloats(1, false), 1, false],
] as const) {
	device(`is taken around a model from elsewhere that sees ${what}`, async () => {
		const adapted = adaptOnnx(model, {
			...IMAGENET,
			input: 'x',
			layout: { channels, channelsLast, batched: true },
			width: SIDE,
			height: SIDE,
			map: 'anomaly_map',
			score: undefined,
		});
		const fitted = forTensorRt(adapted);
		assertTaken(parseOnnx(fitted));
		const [before, after] = await Promise.all([adapted, fitted].map((bytes) => scored(bytes, whole)));
		assert.equal(after, before);
	});
}

device('has names that trtexec can be told of, each once', () => {
	const model = parseOnnx(ofFloats(3, false));
	for (const node of model.graph.node) node.name = 'a,b:*';
	model.graph.node.at(-1)!.name = '';
	assert.is(fit(model), true);
	const names = model.graph.node.map(({ name }) => name);
	assert.is(new Set(names).size, names.length);
	assert.ok(names.every((name) => /^[\w./-]+$/.test(name)));
	const half = halfOf(encodeOnnx(inferenceProgram(untrained), 'm'));
	assert.ok(halfNodes(half).length > 50);
	assert.is(forTensorRt(half), half);
});

const window = { strides: [1, 1], pads: [0, 0, 0, 0] } as const;
const byteZero: Tensor = { dtype: 'int8', shape: [], data: Int8Array.of(0) };

for (const [what, build, expected] of [
	[
		"an operator that is not ONNX's own",
		(g: Graph) => {
			const x = g.input('x', 'float32', [1, 2, 3]);
			return g.matMulTransposed(x, x);
		},
		/FusedMatMul ".*" is no operator that TensorRT/,
	],
	[
		'a sum of bytes',
		(g: Graph) => {
			const x = g.input('x', 'uint8', [4]);
			return g.apply('Cast', [g.add(x, x)], { to: 'float32' });
		},
		/Add ".*" reads uint8/,
	],
	[
		'a bias that is computed',
		(g: Graph) => {
			const x = g.input('x', 'float32', [1, 2, 4, 4]);
			const w = g.constant(float32([2, 2, 1, 1], [1, 2, 3, 4]));
			const b = g.reshape(g.mean(x, [0, 2, 3]), [2]);
			return g.apply('Conv', [x, w, b], { ...window, group: 1 });
		},
		/Conv ".*" has a bias that is no constant/,
	],
	[
		'a scale that is 0',
		(g: Graph) => quantisedBy(g, 0, byteZero),
		/QuantizeLinear ".*" has a scale that is not above 0/,
	],
	[
		'a zero point other than 0',
		(g: Graph) => quantisedBy(g, 1, { ...byteZero, data: Int8Array.of(3) } as Tensor),
		/has a zero point other than 0/,
	],
	[
		'a zero point in uint8',
		(g: Graph) => quantisedBy(g, 1, { dtype: 'uint8', shape: [], data: Uint8Array.of(0) }),
		/has a zero point that is no constant of int8/,
	],
] as const) {
	device(`is told of ${what}, by every parser`, () => {
		const graph = new Graph();
		graph.output(build(graph), 'y');
		for (const parser of PARSERS)
			assert.match(objections(encodeOnnx(graph, 'm'), parser).join('; '), expected);
	});
}

function quantisedBy(graph: Graph, scale: number, zeroPoint: Tensor) {
	const x = graph.input('x', 'float32', [4]);
	const [s, zero] = [graph.constant(float32([], [scale])), graph.constant(zeroPoint)];
	const q = graph.apply('QuantizeLinear', [x, s, zero], { axis: 0 });
	return graph.apply('DequantizeLinear', [q, s, zero], { axis: 0 });
}

for (const [tensorrt, parser] of [
	['8.5.2.2', '8.5'],
	['8.6.2', '8.6'],
	['9.3.0', '9.0'],
	['10.0.1', '10.0'],
	['10.3.0', '10.1'],
	['10.13.3', '10.1'],
	['8.4.1', '8.5'],
] as const) {
	device(`of TensorRT ${tensorrt} is read as ${parser} reads it`, () => {
		assert.is(parserOf(tensorrt), parser);
	});
}

for (const [op, parser, types] of [
	['Conv', '8.5', 'fhc'],
	['Conv', '10.1', 'fh'],
	['GroupNormalization', '8.5', undefined],
	['GroupNormalization', '8.6', 'fh'],
	['Split', '10.0', 'fhi'],
	['Split', '10.1', 'fhilb'],
	['QLinearConv', '10.1', undefined],
	['constructor', '10.1', undefined],
] as const) {
	device(`${op} in ${parser} is of ${types ?? 'nothing'}`, () => {
		assert.is(takenTypes(op, parser), types);
	});
}

device.run();
