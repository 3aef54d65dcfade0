import type { DType, Shape } from './tensor.js';

/** A tensor that a graph will compute: everything about it but the numbers. */
export type Value = { readonly name: string; readonly dtype: DType; readonly shape: Shape };

type None = Readonly<Record<string, never>>;
type Axes = { readonly axes: readonly number[] };
/** Convolution windows; `pads` is [top, left, bottom, right]. */
export type Window = {
	readonly strides: readonly [number, number];
	readonly pads: readonly [number, number, number, number];
};

/**
 * Every operator our graphs are made of, with its attributes: ONNX opset 17, and com.microsoft's FusedMatMul and FusedConv.
 * Axes, shapes and bounds stand here even where ONNX wants them as inputs; onnx.ts moves them.
 */
export type Attributes = {
	Add: None;
	Sub: None;
	Mul: None;
	Div: None;
	Max: None;
	Neg: None;
	Sqrt: None;
	Relu: None;
	/** a > b, as bool. */
	Greater: None;
	Cast: { readonly to: DType };
	ReduceSum: Axes;
	ReduceMean: Axes;
	ReduceMax: Axes;
	Reshape: { readonly shape: Shape };
	Transpose: { readonly perm: readonly number[] };
	Expand: { readonly shape: Shape };
	Concat: { readonly axis: number };
	Slice: {
		readonly starts: readonly number[];
		readonly ends: readonly number[];
		readonly axes: readonly number[];
		readonly steps: readonly number[];
	};
	Pad: { readonly pads: readonly number[] };
	MatMul: None;
	/** Matrix product of the last two axes with either side transposed first; batch axes must agree or be 1. */
	FusedMatMul: { readonly transA: boolean; readonly transB: boolean };
	/** Inputs x [N, C, H, W], w [O, C / group, kh, kw], optionally b [O]. */
	Conv: Window & { readonly group: number };
	/** Convolution, bias, sum with a fourth input of the output's shape, then ReLU: one pass over memory. */
	FusedConv: Window & { readonly group: number; readonly activation: 'Relu' | '' };
	/** Inputs x [N, C, H, W], w [C, O, kh, kw]; `outputPadding` is added below and right. */
	ConvTranspose: Window & { readonly outputPadding: readonly [number, number] };
	MaxPool: Window & { readonly kernel: readonly [number, number] };
	/** [N, C, H, W] → [N, C, 1, 1]; unlike ReduceMax and ReduceMean, written alike in every opset. */
	GlobalMaxPool: None;
	GlobalAveragePool: None;
	/** Inputs x, scale, zero point; scale and zero point are scalars, or one a slice of `axis`. Rounds to even and saturates. */
	QuantizeLinear: { readonly axis: number };
	DequantizeLinear: { readonly axis: number };
	/** x where positive, alpha·x elsewhere. */
	LeakyRelu: { readonly alpha: number };
};

export type OpName = keyof Attributes;

export type Node<K extends OpName = OpName> = {
	readonly op: K;
	readonly inputs: readonly Value[];
	readonly attributes: Attributes[K];
	readonly output: Value;
};

type ShapeRule<K extends OpName> = (inputs: readonly Value[], attributes: Attributes[K]) => Shape;

/** The shape after numpy's broadcasting. @throws Error when the shapes do not meet */
export function broadcast(a: Shape, b: Shape): Shape {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, i) => {
		const m = a[i - rank + a.length] ?? 1;
		const n = b[i - rank + b.length] ?? 1;
		if (m !== n && m !== 1 && n !== 1) throw new Error(`shapes [${a}] and [${b}] do not broadcast`);
		return m === 1 ? n : m;
	});
}

const elementwise = (inputs: readonly Value[]): Shape =>
	inputs.reduce<Shape>((shape, input) => broadcast(shape, input.shape), []);

const same = ([x]: readonly Value[]): Shape => x!.shape;

const pooled = ([x]: readonly Value[]): Shape => [x!.shape[0]!, x!.shape[1]!, 1, 1];

const reduce = ([x]: readonly Value[], { axes }: Axes): Shape =>
	x!.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));

function matMul([a, b]: readonly Value[], transA: boolean, transB: boolean): Shape {
	const [m, k] = lastTwo(a!.shape, transA);
	const [l, n] = lastTwo(b!.shape, transB);
	if (k !== l) throw new Error(`matrices of [${a!.shape}] and [${b!.shape}] do not multiply`);
	return [...broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n];
}

function lastTwo(shape: Shape, transposed: boolean): [number, number] {
	const m = shape.at(-2);
	const n = shape.at(-1);
	if (m === undefined || n === undefined) throw new Error(`[${shape}] is not a matrix`);
	return transposed ? [n, m] : [m, n];
}

function window(length: number, kernel: number, stride: number, padding: number): number {
	return Math.floor((length + padding - kernel) / stride) + 1;
}

function conv(
	[x, w]: readonly Value[],
	{ strides, pads, group }: Window & { readonly group: number },
): Shape {
	const [n, c, h, wide] = x!.shape as [number, number, number, number];
	const [o, i, kh, kw] = w!.shape as [number, number, number, number];
	if (i * group !== c)
		throw new Error(`a kernel of [${w!.shape}] in ${group} group(s) does not fit [${x!.shape}]`);
	return [
		n,
		o,
		window(h, kh, strides[0], pads[0] + pads[2]),
		window(wide, kw, strides[1], pads[1] + pads[3]),
	];
}

export const shapeRules: { readonly [K in OpName]: ShapeRule<K> } = {
	Add: elementwise,
	Sub: elementwise,
	Mul: elementwise,
	Div: elementwise,
	Max: elementwise,
	Neg: same,
	Sqrt: same,
	Relu: same,
	Greater: elementwise,
	Cast: same,
	ReduceSum: reduce,
	ReduceMean: reduce,
	ReduceMax: reduce,
	Reshape: ([x], { shape }) => {
		const count = (s: Shape) => s.reduce((a, b) => a * b, 1);
		if (count(shape) !== count(x!.shape)) throw new Error(`[${x!.shape}] does not reshape to [${shape}]`);
		return shape;
	},
	Transpose: ([x], { perm }) => perm.map((axis) => x!.shape[axis]!),
	Expand: ([x], { shape }) => broadcast(x!.shape, shape),
	Concat: (inputs, { axis }) =>
		inputs[0]!.shape.map((n, i) => (i === axis ? inputs.reduce((sum, v) => sum + v.shape[axis]!, 0) : n)),
	Slice: ([x], { starts, ends, axes, steps }) =>
		x!.shape.map((n, axis) => {
			const k = axes.indexOf(axis);
			if (k < 0) return n;
			const step = steps[k]!;
			if (step < 0) return n;
			return Math.ceil((Math.min(ends[k]!, n) - starts[k]!) / step);
		}),
	Pad: ([x], { pads }) => x!.shape.map((n, axis) => n + pads[axis]! + pads[axis + x!.shape.length]!),
	MatMul: (inputs) => matMul(inputs, false, false),
	FusedMatMul: (inputs, { transA, transB }) => matMul(inputs, transA, transB),
	Conv: conv,
	FusedConv: conv,
	ConvTranspose: ([x, w], { strides, pads, outputPadding }) => {
		const [n, c, h, wide] = x!.shape as [number, number, number, number];
		const [i, o, kh, kw] = w!.shape as [number, number, number, number];
		if (i !== c) throw new Error(`a transposed kernel of [${w!.shape}] does not fit [${x!.shape}]`);
		return [
			n,
			o,
			(h - 1) * strides[0] + kh - pads[0] - pads[2] + outputPadding[0],
			(wide - 1) * strides[1] + kw - pads[1] - pads[3] + outputPadding[1],
		];
	},
	MaxPool: ([x], { strides, pads, kernel }) => {
		const [n, c, h, wide] = x!.shape as [number, number, number, number];
		return [
			n,
			c,
			window(h, kernel[0], strides[0], pads[0] + pads[2]),
			window(wide, kernel[1], strides[1], pads[1] + pads[3]),
		];
	},
	GlobalMaxPool: pooled,
	GlobalAveragePool: pooled,
	QuantizeLinear: same,
	DequantizeLinear: same,
	LeakyRelu: same,
};

type TypeRule<K extends OpName> = (inputs: readonly Value[], attributes: Attributes[K]) => DType;

/** The element type of the result, where it is not that of the first input. */
export const typeRules: { readonly [K in OpName]?: TypeRule<K> } = {
	Greater: () => 'bool',
	Cast: (_, { to }) => to,
	QuantizeLinear: ([, , zero]) => zero!.dtype,
	DequantizeLinear: ([, scale]) => scale!.dtype,
};
