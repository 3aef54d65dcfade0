import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Tensor } from '../graph/tensor.js';
import type { Arithmetic } from './precision.js';
import { convolve, frozenUnits, type Kernels, type Unit, type Units } from './units.js';

/** The largest magnitudes at a unit: of what goes in, of what the convolution gives, and of what leaves (after sum and ReLU). */
export type Range = { readonly input: number; readonly convolved: number; readonly output: number };

/** By the name of the unit's convolution. */
export type Ranges = ReadonlyMap<string, Range>;

/** int8 without −128, so that both signs reach equally far. */
const STEPS = 127;

/** Steps of a bias, which is added to products in int32. */
const MOST_BIAS = 2 ** 30;

/**
 * ONNX Runtime merges equal roundings of one tensor, and then no longer computes in integers what comes after: each use gets a scale
 * that differs by a hair.
 */
const A_HAIR = 2 ** -20;

/** The stem sees raw pixels and transposed convolutions have no int8 kernel on processors: both stay in float32. */
function staysFloat({ conv, up }: Unit): boolean {
	return up === true || conv === 'conv1';
}

/** Names of the graph outputs that observedUnits adds for a convolution. */
const observed = (conv: string) =>
	({ input: `${conv}.input`, convolved: `${conv}.convolved`, output: `${conv}.output` }) as const;

/** Float units that also tell the largest magnitudes, as outputs of the graph; `seen` gets the names of the convolutions. */
export function observedUnits(graph: Graph, kernels: Kernels, seen: string[]): Units {
	const most = (x: Value, name: string) => {
		const size = graph.apply('Max', [x, graph.apply('Neg', [x], {})], {});
		graph.output(graph.reshape(graph.apply('ReduceMax', [size], { axes: [0, 1, 2, 3] }), []), name);
	};
	const units = frozenUnits(graph, kernels);
	return (x, unit) => {
		const names = observed(unit.conv);
		seen.push(unit.conv);
		const { plus, ...bare } = unit;
		const convolved = units(x, { ...bare, relu: false });
		const sum = plus ? graph.add(convolved, plus) : convolved;
		const output = unit.relu ? graph.relu(sum) : sum;
		most(x, names.input);
		most(convolved, names.convolved);
		most(output, names.output);
		return output;
	};
}

/** The ranges over several pictures: the largest of each. `results` are outputs of a graph of observedUnits. */
export function rangesOf(
	seen: readonly string[],
	results: readonly Readonly<Record<string, Tensor>>[],
): Ranges {
	const over = (name: string) => Math.max(...results.map((result) => Number(result[name]!.data[0])));
	return new Map(
		seen.map((conv) => {
			const { input, convolved, output } = observed(conv);
			return [conv, { input: over(input), convolved: over(convolved), output: over(output) }];
		}),
	);
}

/**
 * Units in int8 by QDQ (ONNX: QuantizeLinear and DequantizeLinear around float operators, which engines fuse): activations with one
 * scale a tensor from `ranges`, kernels with one an output channel, all symmetric with zero point 0, as TensorRT wants it; sums in
 * float32. Engines on processors have no integer Relu, but the leaky one, as a table.
 */
export function int8Units(graph: Graph, kernels: Kernels, ranges: Ranges): Units {
	const float = frozenUnits(graph, kernels);
	const zero = graph.constant({ dtype: 'int8', shape: [], data: Int8Array.of(0) });
	const uses = new Map<Value, number>();
	const rounded = (x: Value, most: number): Value => {
		const scale = graph.scalar(scaleOf(most));
		const q = graph.apply('QuantizeLinear', [x, scale, zero], { axis: 0 });
		return graph.apply('DequantizeLinear', [q, scale, zero], { axis: 0 });
	};
	return (x, unit) => {
		const { conv, kernel, stride, relu, plus } = unit;
		if (staysFloat(unit)) return float(x, unit);
		const range = ranges.get(conv);
		if (!range) throw new Error(`there is no range of "${conv}"`);
		const use = (uses.get(x) ?? 0) + 1;
		uses.set(x, use);
		const input = range.input * (1 + use * A_HAIR);
		const entering = rounded(x, input);
		const [w, b] = dequantised(graph, kernels(unit), conv, scaleOf(input));
		const convolved = convolve(graph, [entering, w, b], kernel, stride);
		const y = rounded(convolved, relu && !plus ? range.output : range.convolved);
		if (!plus) return relu ? graph.apply('LeakyRelu', [y], { alpha: 0 }) : y;
		const sum = graph.add(y, plus);
		return relu ? graph.relu(sum) : sum;
	};
}

/** Arithmetic in int8 over these ranges. */
export function inInt8(ranges: Ranges): Arithmetic {
	return (graph, kernels) => int8Units(graph, kernels, ranges);
}

/** What one step is worth where the largest magnitude is `most`. */
function scaleOf(most: number): number {
	return Math.fround(Math.max(most, 1e-6) / STEPS);
}

/** A kernel in int8 with one scale an output channel, its bias in int32 of the same units as the products. */
function dequantised(
	graph: Graph,
	{ weight, bias }: ReturnType<Kernels>,
	conv: string,
	inputScale: number,
): [Value, Value] {
	const channels = weight.shape[0]!;
	const each = weight.data.length / channels;
	const scales = Float32Array.from({ length: channels }, (_, o) => {
		const most = weight.data
			.subarray(o * each, (o + 1) * each)
			.reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
		// A channel that is all but bias must not drive it out of int32.
		return Math.max(scaleOf(most), Math.abs(bias.data[o]!) / (inputScale * MOST_BIAS));
	});
	const kernel = new Int8Array(weight.data.length);
	for (let i = 0; i < kernel.length; i += 1)
		kernel[i] = Math.round(weight.data[i]! / scales[Math.floor(i / each)]!);
	const steps = scales.map((scale) => scale * inputScale);
	const offset = Int32Array.from(bias.data, (v, o) => Math.round(v / steps[o]!));
	const from = (
		name: string,
		data: Int8Array | Int32Array,
		shape: readonly number[],
		scale: Float32Array,
	) => {
		const dtype = data instanceof Int8Array ? 'int8' : 'int32';
		const zeros = data instanceof Int8Array ? new Int8Array(channels) : new Int32Array(channels);
		return graph.apply(
			'DequantizeLinear',
			[
				graph.constant({ dtype, shape, data } as Tensor, name),
				graph.constant(float32([channels], scale)),
				graph.constant({ dtype, shape: [channels], data: zeros } as Tensor),
			],
			{ axis: 0 },
		);
	};
	return [
		from(`${conv}.weight`, kernel, weight.shape, scales),
		from(`${conv}.bias`, offset, bias.shape, steps),
	];
}
