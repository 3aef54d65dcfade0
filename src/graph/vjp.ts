import type { Graph, TapeEntry } from './graph.js';
import type { Attributes, Node, OpName, Value, Window } from './ops.js';
import { float32, type Shape } from './tensor.js';

/** From the gradient `d` of an operator's output to those of its inputs (undefined: none flows there). */
type Rule<K extends OpName> = (
	graph: Graph,
	d: Value,
	node: { readonly inputs: readonly Value[]; readonly output: Value; readonly attributes: Attributes[K] },
) => readonly (Value | undefined)[];

/** The operators that reverse mode stops at, and why: a loss that depends on one through them is refused. */
type Stop = { readonly stops: string };

/** Deep, narrow maps: below this many positions one large matrix product beats one a picture. */
const FEW_POSITIONS = 64;

/**
 * One gradient rule an operator, as graph again: the table does not compile when an operator lacks its entry.
 * Written ∂ for the gradient of the loss by a value; y = op(a, b).
 */
const rules: { readonly [K in OpName]: Rule<K> | Stop } = {
	// ∂a = ∂y, ∂b = ∂y
	Add: (g, d, { inputs: [a, b] }) => [unbroadcast(g, d, a!), unbroadcast(g, d, b!)],
	// ∂a = ∂y, ∂b = −∂y
	Sub: (g, d, { inputs: [a, b] }) => [unbroadcast(g, d, a!), unbroadcast(g, g.apply('Neg', [d], {}), b!)],
	// ∂a = ∂y·b, ∂b = ∂y·a
	Mul: (g, d, { inputs: [a, b] }) => [unbroadcast(g, g.mul(d, b!), a!), unbroadcast(g, g.mul(d, a!), b!)],
	// ∂a = ∂y/b, ∂b = −∂y·y/b
	Div: (g, d, { inputs: [a, b], output }) => [
		unbroadcast(g, g.div(d, b!), a!),
		unbroadcast(g, g.apply('Neg', [g.mul(d, g.div(output, b!))], {}), b!),
	],
	// ∂a = ∂y where a > b, ∂b = ∂y elsewhere
	Max: (g, d, { inputs: [a, b] }) => {
		const toA = g.mul(d, g.apply('Cast', [g.apply('Greater', [a!, b!], {})], { to: 'float32' }));
		return [unbroadcast(g, toA, a!), unbroadcast(g, g.sub(d, toA), b!)];
	},
	// ∂x = −∂y
	Neg: (g, d) => [g.apply('Neg', [d], {})],
	// ∂x = ∂y / 2y
	Sqrt: (g, d, { output }) => [g.div(d, g.add(output, output))],
	// ∂x = ∂y where y > 0
	Relu: (g, d, { output }) => [whereActive(g, d, output)],
	Greater: { stops: 'a comparison is flat' },
	Cast: { stops: 'casts stand before the network, in the input' },
	// ∂x = ∂y, spread
	ReduceSum: (g, d, { inputs: [x] }) => [g.apply('Expand', [d], { shape: x!.shape })],
	// ∂x = ∂y / n, spread
	ReduceMean: (g, d, { inputs: [x], output }) => {
		const n = size(x!.shape) / size(output.shape);
		return [g.apply('Expand', [g.mul(d, g.scalar(1 / n))], { shape: x!.shape })];
	},
	ReduceMax: { stops: 'the score is not trained on' },
	Reshape: (g, d, { inputs: [x] }) => [g.reshape(d, x!.shape)],
	Transpose: (g, d, { attributes: { perm } }) => [
		g.transpose(
			d,
			perm.map((_, axis) => perm.indexOf(axis)),
		),
	],
	Expand: (g, d, { inputs: [x] }) => [unbroadcast(g, d, x!)],
	// each input takes its part of ∂y
	Concat: (g, d, { inputs, attributes: { axis } }) => {
		let start = 0;
		return inputs.map(({ shape }) => {
			const end = start + shape[axis]!;
			const part = g.apply('Slice', [d], { starts: [start], ends: [end], axes: [axis], steps: [1] });
			start = end;
			return part;
		});
	},
	// zeros around what was cut out
	Slice: (g, d, { inputs: [x], attributes: { starts, ends, axes, steps } }) => {
		if (steps.some((step) => step !== 1)) throw new Error('the gradient of a strided Slice is not written');
		const before = x!.shape.map((_, axis) => starts[axes.indexOf(axis)] ?? 0);
		const after = x!.shape.map((n, axis) => n - Math.min(ends[axes.indexOf(axis)] ?? n, n));
		return [g.apply('Pad', [d], { pads: [...before, ...after] })];
	},
	// ∂y without its border
	Pad: (g, d, { inputs: [x], attributes: { pads } }) => [
		g.apply('Slice', [d], {
			starts: x!.shape.map((_, axis) => pads[axis]!),
			ends: x!.shape.map((n, axis) => n + pads[axis]!),
			axes: x!.shape.map((_, axis) => axis),
			steps: x!.shape.map(() => 1),
		}),
	],
	// ∂a = ∂y·bᵀ, ∂b = aᵀ·∂y
	MatMul: (g, d, { inputs: [a, b] }) => [
		unbroadcast(g, g.matMulTransposed(d, b!), a!),
		unbroadcast(g, g.apply('FusedMatMul', [a!, d], { transA: true, transB: false }), b!),
	],
	FusedMatMul: (g, d, { inputs: [a, b], attributes: { transA, transB } }) => {
		const product = (p: Value, q: Value, tp: boolean, tq: boolean) =>
			g.apply('FusedMatMul', [p, q], { transA: tp, transB: tq });
		return [
			unbroadcast(g, transA ? product(b!, d, transB, true) : product(d, b!, false, !transB), a!),
			unbroadcast(g, transB ? product(d, a!, true, transA) : product(a!, d, !transA, false), b!),
		];
	},
	// ∂x = ∂y ∗ w turned by 180°, ∂w = x ⋆ ∂y, ∂b = Σ ∂y
	Conv: (g, d, { inputs: [x, w, b], attributes }) => {
		if (attributes.group !== 1) throw new Error('the gradient of a grouped convolution is not written');
		return [
			convInputGradient(g, d, x!, w!, attributes),
			correlate(g, x!, d, w!.shape, attributes),
			b && biasGradient(g, d, b),
		];
	},
	FusedConv: { stops: 'it stands in inference graphs and inside regions that bring their own gradient' },
	// ∂x = ∂y ⋆ w, ∂w = ∂y ⋆ x
	ConvTranspose: (g, d, { inputs: [x, w, b], attributes: { strides, pads, outputPadding } }) => {
		if (outputPadding.some((n) => n !== 0)) throw new Error('the gradient of output padding is not written');
		return [
			g.apply('Conv', [d, w!], { strides, pads, group: 1 }),
			correlate(g, d, x!, w!.shape, { strides, pads }),
			b && biasGradient(g, d, b),
		];
	},
	MaxPool: { stops: 'only the frozen teacher pools' },
	GlobalMaxPool: { stops: 'it stands behind models that we did not write' },
	GlobalAveragePool: { stops: 'it stands behind models that we did not write' },
	QuantizeLinear: { stops: 'students are trained in float32' },
	DequantizeLinear: { stops: 'students are trained in float32' },
	LeakyRelu: { stops: 'it stands for Relu in int8 graphs' },
};

/**
 * Gradients of the scalar `loss` by each of `wrt`, appended to the graph (reverse mode).
 * @throws Error when the loss does not depend on one of them, or only through an operator without a gradient
 */
export function gradients(graph: Graph, loss: Value, wrt: readonly Value[]): Value[] {
	if (size(loss.shape) !== 1) throw new Error(`a loss is one number, not [${loss.shape}]`);
	const tape = [...graph.tape];
	const needed = new Set<Value>(wrt);
	for (const { inputs, output } of tape) if (inputs.some((input) => needed.has(input))) needed.add(output);
	const ones = { dtype: 'float32', shape: loss.shape, data: Float32Array.of(1) } as const;
	const found = new Map<Value, Value>([[loss, graph.constant(ones)]]);
	for (const entry of tape.reverse()) {
		const d = found.get(entry.output);
		if (!d || !needed.has(entry.output)) continue;
		pullback(graph, entry, d).forEach((gradient, i) => {
			const input = entry.inputs[i]!;
			if (!gradient || !needed.has(input)) return;
			const before = found.get(input);
			found.set(input, before ? graph.add(before, gradient) : gradient);
		});
	}
	return wrt.map((value) => {
		const gradient = found.get(value);
		if (!gradient) throw new Error(`the loss does not depend on "${value.name}"`);
		return gradient;
	});
}

function pullback(graph: Graph, { pullback }: TapeEntry, d: Value): readonly (Value | undefined)[] {
	if (typeof pullback === 'function') return pullback(d);
	const rule = rules[pullback.op] as Rule<OpName> | Stop;
	if ('stops' in rule) throw new Error(`${pullback.op} has no gradient: ${rule.stops}`);
	return rule(graph, d, pullback as Node);
}

/** `d` where `y` is positive, zero elsewhere: the gradient of y = relu(x). */
export function whereActive(g: Graph, d: Value, y: Value): Value {
	return g.mul(d, g.apply('Cast', [g.apply('Greater', [y, g.scalar(0)], {})], { to: 'float32' }));
}

function size(shape: Shape): number {
	return shape.reduce((a, b) => a * b, 1);
}

/** Sums a gradient over the axes along which `to` was repeated. */
function unbroadcast(g: Graph, d: Value, to: Value): Value {
	const lead = d.shape.length - to.shape.length;
	const axes = d.shape.flatMap((n, axis) =>
		axis < lead || (to.shape[axis - lead] === 1 && n !== 1) ? [axis] : [],
	);
	const summed = axes.length ? g.sum(d, axes) : d;
	return lead ? g.reshape(summed, to.shape) : summed;
}

function biasGradient(g: Graph, d: Value, b: Value): Value {
	return g.reshape(g.sum(d, [0, 2, 3]), b.shape);
}

function convInputGradient(g: Graph, d: Value, x: Value, w: Value, { strides, pads }: Window): Value {
	const [kh, kw] = w.shape.slice(2) as [number, number];
	if (strides[0] === 1 && strides[1] === 1) {
		// An ordinary convolution with the turned kernel: ORT's ConvTranspose is slower.
		const mirrored: Window['pads'] = [kh - 1 - pads[0], kw - 1 - pads[1], kh - 1 - pads[2], kw - 1 - pads[3]];
		return g.apply('Conv', [d, turn(g, w)], { strides, pads: mirrored, group: 1 });
	}
	const reached = (length: number, axis: 0 | 1, kernel: number) =>
		(length - 1) * strides[axis] + kernel - pads[axis] - pads[axis + 2]!;
	const outputPadding: [number, number] = [
		x.shape[2]! - reached(d.shape[2]!, 0, kh),
		x.shape[3]! - reached(d.shape[3]!, 1, kw),
	];
	return g.apply('ConvTranspose', [d, w], { strides, pads, outputPadding });
}

/** The kernel for the way back: input and output channels swapped, turned by 180°. */
function turn(g: Graph, w: Value): Value {
	const [o, c, kh, kw] = w.shape as [number, number, number, number];
	const swapped = g.transpose(w, [1, 0, 2, 3]);
	if (kh * kw === 1) return swapped;
	const flat = g.reshape(swapped, [c, o, kh * kw]);
	const back = g.apply('Slice', [flat], { starts: [-1], ends: [-(kh * kw) - 1], axes: [2], steps: [-1] });
	return g.reshape(back, [c, o, kh, kw]);
}

/**
 * The gradient by a kernel [O, C, kh, kw]: for each of its positions the product of the shifted, strided input
 * `wide` [N, C, H, W] with `narrow` [N, O, h, w], summed over pictures and positions.
 */
function correlate(g: Graph, wide: Value, narrow: Value, kernel: Shape, { strides, pads }: Window): Value {
	const [o, c, kh, kw] = kernel as [number, number, number, number];
	const [n, , h, w] = narrow.shape as [number, number, number, number];
	const few = h * w <= FEW_POSITIONS;
	const seen = windows(g, few ? g.transpose(wide, [1, 0, 2, 3]) : wide, [kh, kw], [h, w], { strides, pads });
	if (few) {
		const rows = seen.map((s) => g.reshape(s, [c, 1, n * h * w]));
		const columns = rows.length === 1 ? rows[0]! : g.apply('Concat', rows, { axis: 1 });
		const flat = g.reshape(columns, [c * kh * kw, n * h * w]);
		const product = g.matMulTransposed(g.reshape(g.transpose(narrow, [1, 0, 2, 3]), [o, n * h * w]), flat);
		return g.reshape(product, kernel);
	}
	const flat = g.reshape(narrow, [n, o, h * w]);
	const products = seen.map((s) =>
		g.reshape(g.sum(g.matMulTransposed(flat, g.reshape(s, [n, c, h * w])), [0]), [o, c, 1]),
	);
	const stacked = products.length === 1 ? products[0]! : g.apply('Concat', products, { axis: 2 });
	return g.reshape(stacked, kernel);
}

/**
 * What each position (i, j) of a kernel sees of x [N, C, H, W] as it moves over h × w places, zeros outside: kh·kw maps
 * [N, C, h, w]. With a stride rows and columns are picked by products with matrices of 0 and 1: a strided copy is slower.
 */
function windows(
	g: Graph,
	x: Value,
	[kh, kw]: readonly [number, number],
	[h, w]: readonly [number, number],
	{ strides, pads }: Window,
): Value[] {
	const [down, across] = strides;
	const places = (count: number) => Array.from({ length: count }, (_, i) => i);
	if (down === 1 && across === 1) {
		const padded = pads.some((p) => p > 0)
			? g.apply('Pad', [x], { pads: [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]] })
			: x;
		return places(kh).flatMap((i) =>
			places(kw).map((j) =>
				g.apply('Slice', [padded], { starts: [i, j], ends: [i + h, j + w], axes: [2, 3], steps: strides }),
			),
		);
	}
	const [height, width] = x.shape.slice(2) as [number, number];
	const picked = (start: number, stride: number, count: number, length: number) => {
		const matrix = new Float32Array(count * length);
		for (let k = 0; k < count; k += 1) {
			const place = start + k * stride;
			if (place >= 0 && place < length) matrix[k * length + place] = 1;
		}
		return g.constant(float32([count, length], matrix));
	};
	const columns = places(kw).map((j) => g.matMulTransposed(x, picked(j - pads[1], across, w, width)));
	return places(kh).flatMap((i) => {
		const rows = picked(i - pads[0], down, h, height);
		return columns.map((column) => g.apply('MatMul', [rows, column], {}));
	});
}
