import { type GraphProto, type NodeProto, type TensorProto, TensorProto_DataType } from 'onnx-buf';
import {
	attributeOf,
	BOOL,
	constantsOf,
	elementsOf,
	FLOAT,
	FLOAT16,
	INT8,
	INT32,
	INT64,
	numbersOf,
	UINT8,
} from './elements.js';
import { graphsOf, isOnnx, parseOnnx } from './foreign.js';
import { type Letter, opsets, type Parser, takenTypes } from './parsers.js';

const letters: ReadonlyMap<TensorProto_DataType, Letter> = new Map([
	[FLOAT, 'f'],
	[TensorProto_DataType.DOUBLE, 'f'],
	[FLOAT16, 'h'],
	[INT32, 'i'],
	[INT64, 'l'],
	[INT8, 'c'],
	[UINT8, 'u'],
	[BOOL, 'b'],
]);

/** Operators all of whose inputs are data; of others the first is. */
const EVEN = [
	...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean', 'Pow', 'Mod', 'And', 'Or', 'Xor', 'Equal'],
	...[
		'Greater',
		'GreaterOrEqual',
		'Less',
		'LessOrEqual',
		'Concat',
		'MatMul',
		'Gemm',
		'Conv',
		'ConvTranspose',
	],
];

/** A node as a limit sees it. */
type Seen = {
	readonly node: NodeProto;
	constant(input: number): TensorProto | undefined;
	/** What gives an input, where that is a node. */
	maker(input: number): NodeProto | undefined;
	type(name: string): TensorProto_DataType | undefined;
	isGraphInput(name: string): boolean;
	isGraphOutput(name: string): boolean;
};

/** Why a node is not taken, in words that follow its name. */
type Limit = (seen: Seen) => string | undefined;

const integers = (node: NodeProto, name: string) => attributeOf(node, name)?.ints.map(Number) ?? [];
const text = (node: NodeProto, name: string, otherwise: string) => {
	const found = attributeOf(node, name)?.s;
	return found ? Buffer.from(found).toString() : otherwise;
};

const constantAt =
	(input: number, what: string): Limit =>
	({ node, constant }) =>
		(node.input[input] ?? '') === '' || constant(input) ? undefined : `has ${what} that are not constant`;

const undilated: Limit = ({ node }) =>
	integers(node, 'dilations').some((n) => n !== 1) ? 'skips pixels' : undefined;

/** Explicit quantisation: symmetric, with scales that are known; weights come as floats, which an engine rounds itself. */
const quantisation: Limit = (seen) => {
	const { node, constant, maker, type } = seen;
	const isQuantize = node.opType === 'QuantizeLinear';
	if (!isQuantize && type(node.input[0]!) !== INT8) return 'dequantises what is not int8';
	const [scale, zero] = [constant(1), constant(2)];
	const scales = scale && numbersOf(scale);
	const zeros = zero && numbersOf(zero);
	if (!scales || scale.dataType !== FLOAT) return 'has a scale that is no constant of float32';
	if (!zeros || zero.dataType !== INT8) return 'has a zero point that is no constant of int8';
	if (!Array.from(scales).every((s) => s > 0)) return 'has a scale that is not above 0';
	if (Array.from(zeros).some((z) => z !== 0)) return 'has a zero point other than 0';
	if (scales.length !== zeros.length) return 'has not as many zero points as scales';
	if (!isQuantize && maker(0)?.opType !== 'QuantizeLinear')
		return 'dequantises what was not quantised before it';
	const root = isQuantize ? constant(0) : undefined;
	if (scales.length > 1 && isQuantize && !root) return 'has a scale a channel for what are no weights';
	const axis = Number(attributeOf(node, 'axis')?.i ?? 1n);
	if (scales.length > 1 && axis !== 0 && axis !== 1) return `has its scales along axis ${axis}`;
	return undefined;
};

const limits: Readonly<Record<string, readonly Limit[]>> = {
	// TensorRT reads bytes as the picture that comes in, and nowhere within.
	Cast: [
		({ node, type, isGraphInput }) =>
			type(node.input[0]!) === UINT8 && !isGraphInput(node.input[0]!)
				? 'reads uint8 that does not come from outside'
				: undefined,
		({ node, type, isGraphOutput }) =>
			type(node.output[0]!) === UINT8 && !isGraphOutput(node.output[0]!)
				? 'gives uint8 that does not leave'
				: undefined,
		({ node, type }) =>
			type(node.input[0]!) === UINT8 && ![FLOAT, FLOAT16].includes(type(node.output[0]!) as typeof FLOAT)
				? 'turns uint8 into what is no float'
				: undefined,
	],
	Conv: [
		({ node, constant }) =>
			constant(1) && (node.input[2] ?? '') !== '' && !constant(2)
				? 'has a bias that is no constant'
				: undefined,
	],
	ConvTranspose: [
		({ node }) => (integers(node, 'pads').some((n) => n < 0) ? 'has a negative padding' : undefined),
		({ node, constant }) =>
			constant(1) && (node.input[2] ?? '') !== '' && !constant(2)
				? 'has a bias that is no constant'
				: undefined,
	],
	MaxPool: [undilated, ({ node }) => (node.output[1] ? 'gives the places of its maxima' : undefined)],
	AveragePool: [undilated],
	LpPool: [undilated],
	BatchNormalization: [
		({ node }) => (Number(attributeOf(node, 'training_mode')?.i ?? 0n) !== 0 ? 'is in training' : undefined),
	],
	QuantizeLinear: [quantisation],
	DequantizeLinear: [quantisation],
	Slice: [constantAt(3, 'axes'), constantAt(4, 'steps')],
	Squeeze: [constantAt(1, 'axes')],
	Unsqueeze: [constantAt(1, 'axes')],
	Pad: [
		constantAt(3, 'axes'),
		({ node }) => {
			const mode = text(node, 'mode', 'constant');
			return ['constant', 'reflect', 'edge'].includes(mode) ? undefined : `fills by "${mode}"`;
		},
	],
	Reshape: [
		({ constant }) =>
			constant(1)?.dims[0] === 0n ? 'has a shape without axes, which was never seen to be read' : undefined,
	],
	Resize: [
		({ node }) => {
			const mode = text(node, 'mode', 'nearest');
			return ['nearest', 'linear'].includes(mode) ? undefined : `resizes by "${mode}"`;
		},
		({ node }) => {
			const mode = text(node, 'coordinate_transformation_mode', 'half_pixel');
			return [
				'half_pixel',
				'pytorch_half_pixel',
				'tf_half_pixel_for_nn',
				'asymmetric',
				'align_corners',
			].includes(mode)
				? undefined
				: `resizes with "${mode}"`;
		},
		({ node }) =>
			Number(attributeOf(node, 'antialias')?.i ?? 0n) !== 0 ? 'smooths before it shrinks' : undefined,
	],
	TopK: [constantAt(1, 'counts')],
	CumSum: [constantAt(1, 'axes')],
	...Object.fromEntries(
		['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map((kind) => [
			`Reduce${kind}`,
			[constantAt(1, 'axes')],
		]),
	),
};

/**
 * What the ONNX parser of a TensorRT release would not take of a model, one line each, with the node's name; empty where it takes all.
 * From the parsers' tables and sources (parsers.ts), not from a run. @throws Error when the bytes are no ONNX model
 */
export function objections(model: Uint8Array, parser: Parser): string[] {
	const { graph, opsetImport, functions } = parseOnnx(model);
	const { from, to } = opsets[parser];
	const opset = Math.max(
		0,
		...opsetImport.flatMap(({ domain, version }) => (isOnnx(domain) ? [Number(version)] : [])),
	);
	return [
		...(opset < from || opset > to
			? [`it is written in opset ${opset}, and this parser reads ${from} to ${to}`]
			: []),
		...(functions.length > 0 ? ['it defines operators of its own'] : []),
		...objectionsTo(graph, parser),
	];
}

/** As objections, of the graph alone. */
export function objectionsTo(graph: GraphProto, parser: Parser): string[] {
	const [types, constants] = [elementsOf(graph), constantsOf(graph)];
	const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
	const [inputs, outputs] = [graph.input, graph.output].map(
		(ports) => new Set(ports.map(({ name }) => name)),
	);
	return graph.node.flatMap((node) => {
		const seen: Seen = {
			node,
			constant: (input) => constants.get(node.input[input] ?? ''),
			maker: (input) => makers.get(node.input[input] ?? ''),
			type: (name) => types.get(name),
			isGraphInput: (name) => inputs!.has(name),
			isGraphOutput: (name) => outputs!.has(name),
		};
		const found = [
			typeObjection(seen, parser),
			...(limits[node.opType] ?? []).map((limit) => limit(seen)),
		].filter((objection) => objection !== undefined);
		return [
			...found.map((objection) => `${node.opType} "${node.name || node.output[0]}" ${objection}`),
			...graphsOf(node).flatMap((inner) => objectionsTo(inner, parser)),
		];
	});
}

function typeObjection({ node, type }: Seen, parser: Parser): string | undefined {
	const { opType, domain, input, output } = node;
	const taken = isOnnx(domain) ? takenTypes(opType, parser) : undefined;
	if (taken === undefined) return `is no operator that TensorRT ${parser} reads`;
	const data = opType === 'Where' ? input.slice(1) : EVEN.includes(opType) ? input : input.slice(0, 1);
	const read = input.length === 0 ? output : data.filter((name) => name !== '');
	for (const name of read) {
		const found = type(name);
		// Of a value that comes from a branch or a loop nothing is known.
		if (found === undefined) continue;
		const letter = letters.get(found);
		const narrowed = letter === 'l' && !knowsInt64(parser) ? 'i' : letter;
		if (narrowed === undefined || !taken.includes(narrowed))
			return `reads ${TensorProto_DataType[found]?.toLowerCase()}, and TensorRT ${parser} takes it of other types only`;
	}
	return undefined;
}

/** Before 9.0 the parser narrowed int64 to int32. */
function knowsInt64(parser: Parser): boolean {
	return parser !== '8.5' && parser !== '8.6';
}
