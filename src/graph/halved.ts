import { create, toBinary } from '@bufbuild/protobuf';
import {
	type GraphProto,
	ModelProtoSchema,
	type NodeProto,
	NodeProtoSchema,
	type TensorProto,
	TensorProtoSchema,
} from 'onnx-buf';
import { Failure } from '../base/failure.js';
import { constantsOf, elementsOf, FLOAT, FLOAT16, numbersOf } from './elements.js';
import { freePrefix, graphsOf, isOnnx, nodesOf, parseOnnx } from './foreign.js';
import { float16, type HeldWeights, LARGEST_HALF, largestOf, lossInHalf, MOST_LOST } from './half.js';
import { attributeProto, cast, valueInfo } from './onnx.js';

const CONVOLUTIONS = ['Conv', 'ConvTranspose'];

/** They move or pick values and compute none: in float16 they give what they gave. */
const CARRIERS = ['MaxPool', 'Concat', 'Identity'];

/**
 * An ONNX model in float32 with its convolutions, their sums and ReLUs in float16, and all else (what comes before the first, cosine,
 * norms, sums, blur, maximum; inputs and outputs) in float32 as it was: what `inFloat16` writes. Values keep their names in float32.
 * @throws Failure precision-refused for what is no such model, or has weights that float16 does not hold
 */
export function halfOf(onnx: Uint8Array): Uint8Array {
	const model = parseOnnx(onnx);
	const { graph } = model;
	if (graph.node.some(({ opType }) => opType === 'QuantizeLinear' || opType === 'DequantizeLinear'))
		throw refusal('it is quantised: its float16 is made from the model in float32');
	const halves = halvesOf(graph);
	if (halves.size === 0)
		throw refusal(
			[...elementsOf(graph).values()].includes(FLOAT16)
				? 'it computes in float16 already'
				: 'it has no convolution in float32',
		);
	const prefix = freePrefix(graph);
	const constants = constantsOf(graph);
	const made = new Set([...halves].map((node) => node.output[0]!));
	const nameInHalf = (name: string) => `${prefix}half.${name}`;
	const added = new Set<string>();
	const nodes: NodeProto[] = [];
	/** Values in float32 that something else wants. */
	const wanted = new Set([
		...graph.output.map(({ name }) => name),
		...graph.node.flatMap((node) => (halves.has(node) ? [] : readBy(node))),
	]);
	for (const node of graph.node) {
		if (!halves.has(node)) {
			nodes.push(node);
			continue;
		}
		node.input = node.input.map((name) => {
			if (name === '') return name;
			const half = nameInHalf(name);
			if (made.has(name) || added.has(half)) return half;
			added.add(half);
			const constant = constants.get(name);
			const values = constant && numbersOf(constant);
			if (constant && values) graph.initializer.push(halved(half, name, constant, values));
			else nodes.push(cast(`${half}.cast`, name, half, FLOAT16));
			return half;
		});
		const [output] = node.output as [string];
		node.output = [nameInHalf(output)];
		nodes.push(node);
		if (wanted.has(output)) nodes.push(cast(`${prefix}single.${output}`, nameInHalf(output), output, FLOAT));
	}
	graph.node = nodes;
	const read = new Set(nodesOf(graph).flatMap(({ input }) => input));
	const kept = new Set(graph.output.map(({ name }) => name));
	graph.initializer = graph.initializer.filter(({ name }) => read.has(name) || kept.has(name));
	// Models of before name their weights among the inputs.
	const initial = new Set(constants.keys());
	graph.input = graph.input.filter(({ name }) => read.has(name) || !initial.has(name));
	graph.valueInfo = graph.valueInfo.filter(({ name }) => !made.has(name) || wanted.has(name));
	return toBinary(ModelProtoSchema, model);
}

/** The nodes of a float32 model that compute in float16 when it is halved; those within branches and loops never do. */
function halvesOf(graph: GraphProto): Set<NodeProto> {
	const types = elementsOf(graph);
	const constants = constantsOf(graph);
	const readers = new Map<string, NodeProto[]>();
	for (const node of graph.node)
		for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node]);
	const made = new Set<string>();
	const joins = ({ opType, input, output, domain }: NodeProto): boolean => {
		if (!isOnnx(domain)) return false;
		if (CONVOLUTIONS.includes(opType))
			return (
				types.get(input[0]!) === FLOAT &&
				isMixing(constants.get(input[1]!)) &&
				input.slice(2).every((name) => name === '' || constants.get(name)?.dataType === FLOAT)
			);
		if (output.length !== 1 || !input.every((name) => made.has(name))) return false;
		const isReadByConvolution = (readers.get(output[0]!) ?? []).some((reader) =>
			CONVOLUTIONS.includes(reader.opType),
		);
		return opType === 'Relu' || opType === 'Add' || (CARRIERS.includes(opType) && isReadByConvolution);
	};
	const halves = graph.node.filter((node) => {
		const joined = joins(node);
		if (joined) made.add(node.output[0]!);
		return joined;
	});
	return new Set(halves);
}

/** Many channels into many, as networks do: what blurs a map or turns a picture grey sees or makes one. */
function isMixing(kernel: TensorProto | undefined): boolean {
	const [first = 0n, second = 0n] = kernel?.dims ?? [];
	return kernel?.dataType === FLOAT && first > 1n && second > 1n;
}

/** What a node reads, also within its branches and loops. */
function readBy(node: NodeProto): string[] {
	return [
		...node.input,
		...graphsOf(node).flatMap((inner) => [
			...nodesOf(inner).flatMap(({ input }) => input),
			...inner.output.map(({ name }) => name),
		]),
	];
}

function halved(half: string, name: string, tensor: TensorProto, values: ArrayLike<number>): TensorProto {
	const { largest, lost } = heldOf(name, tensor, values);
	if (!(largest <= LARGEST_HALF))
		throw refusal(`"${name}" holds ${largest.toPrecision(3)}, and float16 ends at ${LARGEST_HALF}`);
	if (lost > MOST_LOST) {
		const share = (100 * lost).toPrecision(2);
		throw refusal(`"${name}" holds at most ${largest.toExponential(1)}, and loses ${share} % in float16`);
	}
	const { data } = float16(tensor.dims.map(Number), new Float32Array(values));
	return create(TensorProtoSchema, {
		name: half,
		dataType: FLOAT16,
		dims: tensor.dims,
		rawData: new Uint8Array(data.buffer as ArrayBuffer),
	});
}

/** What is lost of a bias is small beside what it is added to. */
function heldOf(name: string, { dims }: TensorProto, values: ArrayLike<number>): HeldWeights {
	return { name, largest: largestOf(values), lost: dims.length > 1 ? lossInHalf(values) : 0 };
}

/** The weights of a float32 model that halfOf would write in float16. */
export function weightsForHalf(onnx: Uint8Array): HeldWeights[] {
	const { graph } = parseOnnx(onnx);
	const constants = constantsOf(graph);
	const names = new Set([...halvesOf(graph)].flatMap(({ input }) => input.slice(1)));
	return [...names].flatMap((name) => {
		const constant = constants.get(name);
		const values = constant && numbersOf(constant);
		return constant && values ? [heldOf(name, constant, values)] : [];
	});
}

/**
 * The float32 model that also tells how large it gets where halfOf would compute in float16: a further output [] for the largest
 * magnitude of each convolution and sum. `units`: by the names of those outputs, which place of
 * the model they tell of (a convolution by its kernel's name, without `.weight`).
 */
export function observedForHalf(onnx: Uint8Array): {
	readonly model: Uint8Array;
	readonly units: ReadonlyMap<string, string>;
} {
	const model = parseOnnx(onnx);
	const { graph } = model;
	const prefix = freePrefix(graph);
	const units = new Map<string, string>();
	for (const node of halvesOf(graph)) {
		if (![...CONVOLUTIONS, 'Add'].includes(node.opType)) continue;
		const [value] = node.output as [string];
		const kernel = CONVOLUTIONS.includes(node.opType) ? node.input[1]! : `the sum ${node.name || value}`;
		const [size, largest] = [`${prefix}size.${value}`, `${prefix}largest.${value}`];
		graph.node.push(
			create(NodeProtoSchema, { name: size, opType: 'Abs', input: [value], output: [size] }),
			create(NodeProtoSchema, {
				name: largest,
				opType: 'ReduceMax',
				input: [size],
				output: [largest],
				attribute: [attributeProto('keepdims', 0)],
			}),
		);
		graph.output.push(valueInfo({ name: largest, dtype: 'float32', shape: [] }));
		units.set(largest, kernel.replace(/\.weight$/, ''));
	}
	return { model: toBinary(ModelProtoSchema, model), units };
}

function refusal(state: string): Failure {
	return new Failure(
		'precision-refused',
		`Cannot derive a model in float16: ${state}`,
		'Run it in the precision that it has.',
	);
}
