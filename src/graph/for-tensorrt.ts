import { create, toBinary } from '@bufbuild/protobuf';
import {
	type GraphProto,
	type ModelProto,
	ModelProtoSchema,
	type NodeProto,
	NodeProtoSchema,
	type TensorProto,
} from 'onnx-buf';
import {
	attributeOf,
	constantsOf,
	elementsOf,
	FLOAT,
	FLOAT16,
	INT8,
	INT32,
	numbersOf,
	UINT8,
} from './elements.js';
import { freePrefix, graphsOf, isOnnx, nodesOf, parseOnnx } from './foreign.js';
import { cast, tensorProto, valueInfo } from './onnx.js';
import { float32, int64, transposed } from './tensor.js';

/** A graph while it is rewritten: `put` adds a constant and tells its name. */
type Draft = {
	readonly graph: GraphProto;
	readonly constants: ReadonlyMap<string, TensorProto>;
	readonly types: ReadonlyMap<string, number>;
	readers(name: string): readonly NodeProto[];
	readonly prefix: string;
	put(tensor: TensorProto): string;
};

/** What a node is written as instead; undefined where it stays. */
type Rewriting = (node: NodeProto, draft: Draft) => readonly NodeProto[] | undefined;

/**
 * A model in the words that TensorRT's parsers read, giving the same: int8 weights come as floats on their grid, which the engine
 * rounds back (TensorRT's guide on explicit quantisation: weights are given in float), biases as floats; com.microsoft's FusedMatMul
 * becomes ONNX's own; bytes of a picture become floats before they are laid out; a lone number is [1], not []; and every node has a
 * name that trtexec can be told of. Bytes that need none of it come back as they are. What a parser objects to all the same,
 * objections() says. @throws Error when the bytes are no ONNX model
 */
export function forTensorRt(onnx: Uint8Array): Uint8Array {
	const model = parseOnnx(onnx);
	return fit(model) ? toBinary(ModelProtoSchema, model) : onnx;
}

/** As forTensorRt, in place. @returns whether anything was rewritten */
export function fit(model: ModelProto & { graph: GraphProto }): boolean {
	const { graph } = model;
	const readers = new Map<string, NodeProto[]>();
	for (const node of nodesOf(graph))
		for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node]);
	const prefix = freePrefix(graph);
	const added: TensorProto[] = [];
	const draft: Draft = {
		graph,
		constants: constantsOf(graph),
		types: elementsOf(graph),
		readers: (name) => readers.get(name) ?? [],
		prefix,
		put: (tensor) => {
			added.push(tensor);
			return tensor.name;
		},
	};
	let changed = castFirst(draft);
	graph.node = graph.node.flatMap((node) => {
		for (const rewriting of rewritings) {
			const written = rewriting(node, draft);
			if (!written) continue;
			changed = true;
			return written;
		}
		return [node];
	});
	changed = named(graph, prefix) || changed;
	if (!changed) return false;
	graph.initializer.push(...added);
	const read = new Set([
		...nodesOf(graph).flatMap(({ input }) => input),
		...nodesOf(graph).flatMap((node) =>
			graphsOf(node).flatMap(({ output }) => output.map(({ name }) => name)),
		),
		...graph.output.map(({ name }) => name),
	]);
	const dropped = new Set(graph.initializer.filter(({ name }) => !read.has(name)).map(({ name }) => name));
	graph.initializer = graph.initializer.filter(({ name }) => !dropped.has(name));
	graph.input = graph.input.filter(({ name }) => !dropped.has(name));
	graph.valueInfo = [];
	const domains = new Set(nodesOf(graph).map(({ domain }) => domain));
	model.opsetImport = model.opsetImport.filter(({ domain }) => isOnnx(domain) || domains.has(domain));
	return true;
}

/** com.microsoft's FusedMatMul with a constant matrix on its right, transposed: ONNX's MatMul with the other one. */
const fusedMatMul: Rewriting = (node, { constants, prefix, put }) => {
	if (node.opType !== 'FusedMatMul' || node.domain !== 'com.microsoft') return undefined;
	const flag = (name: string) => Number(attributeOf(node, name)?.i ?? 0n) !== 0;
	const right = constants.get(node.input[1]!);
	const values = right && numbersOf(right);
	const alpha = attributeOf(node, 'alpha')?.f ?? 1;
	if (!values || right.dims.length !== 2 || right.dataType !== FLOAT) return undefined;
	if (flag('transA') || flag('transBatchA') || flag('transBatchB') || alpha !== 1) return undefined;
	const matrix = float32(right.dims.map(Number), new Float32Array(values));
	const turned = () => put(tensorProto(`${prefix}turned.${node.input[1]}`, transposed(matrix)));
	const b = flag('transB') ? turned() : node.input[1]!;
	return [create(NodeProtoSchema, { ...bare(node), opType: 'MatMul', input: [node.input[0]!, b] })];
};

/** Numbers of a constant that a node dequantises, as floats. */
function dequantised(node: NodeProto, constants: ReadonlyMap<string, TensorProto>): Float32Array | undefined {
	const [held, scale, zero] = node.input.map((name) => constants.get(name));
	const [values, scales] = [held && numbersOf(held), scale && numbersOf(scale)];
	if (!values || !scales || Array.from((zero && numbersOf(zero)) ?? []).some((z) => z !== 0))
		return undefined;
	const dims = held!.dims.map(Number);
	const axis = Number(attributeOf(node, 'axis')?.i ?? 1n);
	const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
	const result = new Float32Array(values.length);
	for (let i = 0; i < values.length; i += 1)
		result[i] = values[i]! * scales[Math.floor(i / inner) % scales.length]!;
	return result;
}

const int8Weights: Rewriting = (node, { constants, prefix, put }) => {
	const held = constants.get(node.input[0] ?? '');
	if (node.opType !== 'DequantizeLinear' || held?.dataType !== INT8 || node.input.length < 3)
		return undefined;
	const values = dequantised(node, constants);
	if (!values) return undefined;
	const [float, rounded] = [`${prefix}float.${node.output[0]}`, `${prefix}rounded.${node.output[0]}`];
	put(tensorProto(float, float32(held.dims.map(Number), values)));
	const quantize = create(NodeProtoSchema, {
		...bare(node),
		name: rounded,
		opType: 'QuantizeLinear',
		input: [float, ...node.input.slice(1)],
		output: [rounded],
		attribute: node.attribute,
	});
	return [
		quantize,
		create(NodeProtoSchema, {
			...bare(node),
			input: [rounded, ...node.input.slice(1)],
			attribute: node.attribute,
		}),
	];
};

/** TensorRT reads int8 alone: a bias in int32 is no activation to it (onnx-tensorrt#850). */
const int32Biases: Rewriting = (node, { constants, put }) => {
	const held = constants.get(node.input[0] ?? '');
	if (node.opType !== 'DequantizeLinear' || held?.dataType !== INT32) return undefined;
	const values = dequantised(node, constants);
	if (!values) return undefined;
	put(tensorProto(node.output[0]!, float32(held.dims.map(Number), values)));
	return [];
};

/** Engines fuse a Relu into what is before it, a leaky one only at times. */
const leakyRelu: Rewriting = (node) =>
	node.opType === 'LeakyRelu' && attributeOf(node, 'alpha')?.f === 0
		? [create(NodeProtoSchema, { ...bare(node), opType: 'Relu' })]
		: undefined;

/** A shape without axes was never seen to be read: what leaves as one number is [1]. */
const loneNumber: Rewriting = (node, { graph, constants, types, prefix, put }) => {
	const at = graph.output.findIndex(({ name }) => name === node.output[0]);
	if (node.opType !== 'Reshape' || constants.get(node.input[1]!)?.dims[0] !== 0n || at < 0) return undefined;
	if (types.get(node.input[0]!) !== FLOAT) return undefined;
	const name = node.output[0]!;
	const shape = put(tensorProto(`${prefix}shape.${name}`, int64([1])));
	graph.output[at] = valueInfo({ name, dtype: 'float32', shape: [1] });
	return [create(NodeProtoSchema, { ...bare(node), input: [node.input[0]!, shape] })];
};

/** They move values, whatever those are. */
const LAYOUT = ['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity'];

/**
 * Bytes that are laid out and then turned into floats: TensorRT reads bytes from outside alone, so they are turned into floats first.
 * @returns whether there were any
 */
function castFirst(draft: Draft): boolean {
	const { graph, types, prefix, readers } = draft;
	const casts = graph.input.flatMap(({ name }) => {
		const laidOut = readers(name).filter(({ opType }) => LAYOUT.includes(opType));
		if (types.get(name) !== UINT8 || laidOut.length === 0 || !leadsToFloats(name, draft)) return [];
		const float = `${prefix}float.${name}`;
		for (const node of laidOut) node.input[0] = float;
		return [cast(float, name, float, FLOAT)];
	});
	graph.node.unshift(...casts);
	return casts.length > 0;
}

/** Whether all readers of a value of bytes are Casts to a float, or layouts before them. */
function leadsToFloats(name: string, draft: Draft): boolean {
	const readers = draft.readers(name);
	if (readers.length === 0 || draft.graph.output.some((output) => output.name === name)) return false;
	return readers.every(({ opType, output }) => {
		const type = draft.types.get(output[0] ?? '');
		if (opType === 'Cast') return type === FLOAT || type === FLOAT16;
		return LAYOUT.includes(opType) && leadsToFloats(output[0]!, draft);
	});
}

const rewritings: readonly Rewriting[] = [fusedMatMul, int8Weights, int32Biases, leakyRelu, loneNumber];

function bare({ name, opType, input, output }: NodeProto) {
	return { name, opType, input: [...input], output: [...output] };
}

/** What trtexec takes in a list of layers, and tells apart. */
const PLAIN = /^[A-Za-z0-9_./-]+$/;

/** Gives nodes that have no name, an odd one or that of another a name of their own. @returns whether there were any */
function named(graph: GraphProto, prefix: string): boolean {
	const taken = new Set<string>();
	let changed = false;
	for (const [i, node] of graph.node.entries()) {
		if (!PLAIN.test(node.name) || taken.has(node.name)) {
			node.name = `${prefix}node.${i}`;
			changed = true;
		}
		taken.add(node.name);
	}
	return changed;
}
