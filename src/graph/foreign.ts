import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
	type GraphProto,
	type ModelProto,
	ModelProtoSchema,
	type NodeProto,
	OperatorSetIdProtoSchema,
	TensorProto_DataType,
	type ValueInfoProto,
} from 'onnx-buf';
import { Graph } from './graph.js';
import { dataTypes, encodeNodes, valueInfo } from './onnx.js';
import { type Normalisation, normalise } from './picture.js';
import { type DType, float32 } from './tensor.js';

/** An input or output of a model that we did not write; a dimension that is free is null, a shape that is not told is too. */
export type Port = {
	readonly name: string;
	/** Of a tensor's elements, or the kind of what is no tensor. */
	readonly type: string;
	readonly shape: readonly (number | null)[] | null;
};

export type ForeignModel = {
	readonly inputs: readonly Port[];
	readonly outputs: readonly Port[];
	readonly producer: string;
	/** The format's version (IR), and that of ONNX's operators. */
	readonly ir: number;
	readonly opset: number;
	/** Operators of other makers, as domain:name. */
	readonly custom: readonly string[];
};

/** Domains whose operators ONNX Runtime brings along. */
const known = ['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'];

/** What an ONNX model takes and gives. @throws Error when the bytes are not an ONNX model */
export function describeOnnx(bytes: Uint8Array): ForeignModel {
	const { graph, producerName, irVersion, opsetImport, functions } = parseOnnx(bytes);
	const initial = new Set(graph.initializer.map(({ name }) => name));
	const nodes = [...nodesOf(graph), ...functions.flatMap(({ node }) => node.flatMap(within))];
	const own = new Set(functions.map(({ domain, name }) => `${domain}:${name}`));
	const custom = nodes
		.filter(({ domain }) => !known.includes(domain))
		.map(({ domain, opType }) => `${domain}:${opType}`)
		.filter((operator) => !own.has(operator));
	return {
		inputs: graph.input.filter(({ name }) => !initial.has(name)).map(portOf),
		outputs: graph.output.map(portOf),
		producer: producerName,
		ir: Number(irVersion),
		opset: Math.max(
			0,
			...opsetImport.flatMap(({ domain, version }) => (isOnnx(domain) ? [Number(version)] : [])),
		),
		custom: [...new Set(custom)],
	};
}

/** @throws Error when the bytes are not an ONNX model, or not all of one */
export function parseOnnx(bytes: Uint8Array): ModelProto & { graph: GraphProto } {
	let model: ModelProto;
	try {
		model = fromBinary(ModelProtoSchema, bytes);
	} catch {
		throw new Error('it is not an ONNX model, or cut off');
	}
	if (!model.graph || model.graph.output.length === 0) throw new Error('it is not an ONNX model');
	return model as ModelProto & { graph: GraphProto };
}

/** All nodes of a graph, those within the branches and loops of others too. */
export function nodesOf({ node }: GraphProto): NodeProto[] {
	return node.flatMap(within);
}

function within(node: NodeProto): NodeProto[] {
	return [node, ...graphsOf(node).flatMap(nodesOf)];
}

export function graphsOf({ attribute }: NodeProto): GraphProto[] {
	return attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]);
}

/** How a model's input lays a picture out. */
export type Layout = {
	readonly channels: 1 | 3;
	readonly channelsLast: boolean;
	/** Whether a first axis counts pictures. */
	readonly batched: boolean;
};

/** How pictures reach a foreign model, and where its map and score come out. */
export type Adapter = Normalisation & {
	readonly input: string;
	readonly layout: Layout;
	readonly width: number;
	readonly height: number;
	readonly map: string;
	/** Undefined: the score is the maximum of the map. */
	readonly score: string | undefined;
};

/** What a grey picture takes of red, green and blue (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114];

/** Models of before have their weights among the inputs. */
const LEAST_IR = 4n;

/**
 * A foreign model with our contract around it: `image` uint8 RGB [1, height, width, 3] in, `map` float32 [height, width], `score`
 * [1] and `mean` [1] (of the map) out. The map must come in the size of the input.
 */
export function adaptOnnx(bytes: Uint8Array, adapter: Adapter): Uint8Array {
	const model = parseOnnx(bytes);
	const { graph } = model;
	const ports = [...graph.input, ...graph.output].map(portOf);
	const typeOf = (name: string) => ports.find((port) => port.name === name)?.type as DType;
	const prefix = freePrefix(graph);
	// The names of the contract may be taken within the model.
	const contract = ['image', 'map', 'score', 'mean'];
	const named = (name: string) => (contract.includes(name) ? `${prefix}its-${name}` : name);
	rename(graph, named);
	const before = encodeNodes(graphBefore(adapter, typeOf(adapter.input)), (name) =>
		name === 'image' ? name : name === 'input' ? named(adapter.input) : `${prefix}before.${name}`,
	);
	const after = encodeNodes(
		graphBehind(
			adapter,
			typeOf(adapter.map),
			adapter.score === undefined ? undefined : typeOf(adapter.score),
		),
		(name) => {
			if (name === 'its map') return named(adapter.map);
			if (name === 'its score') return named(adapter.score!);
			return contract.includes(name) ? name : `${prefix}after.${name}`;
		},
	);
	// The names of nodes, which must differ, may be anything within the model.
	for (const [i, node] of [...before.nodes, ...after.nodes].entries()) node.name = `${prefix}${i}`;
	graph.node = [...before.nodes, ...graph.node, ...after.nodes];
	graph.initializer.push(...before.initializers, ...after.initializers);
	graph.input = [
		valueInfo({ name: 'image', dtype: 'uint8', shape: [1, adapter.height, adapter.width, 3] }),
		...graph.input.filter(({ name }) => name !== named(adapter.input)),
	];
	graph.output = [
		valueInfo({ name: 'map', dtype: 'float32', shape: [adapter.height, adapter.width] }),
		valueInfo({ name: 'score', dtype: 'float32', shape: [1] }),
		valueInfo({ name: 'mean', dtype: 'float32', shape: [1] }),
	];
	// Shapes that others noted within may speak of another batch.
	graph.valueInfo = [];
	if (model.irVersion < LEAST_IR) model.irVersion = LEAST_IR;
	if (!model.opsetImport.some(({ domain }) => isOnnx(domain)))
		model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: '', version: 17n }));
	return toBinary(ModelProtoSchema, model);
}

/** `image` → `input`, as the model wants it. Of operators that every opset writes alike, as those behind the model. */
function graphBefore({ layout, width, height, ...normalisation }: Adapter, type: DType): Graph {
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, height, width, 3]);
	const laidOut = () => {
		if (type === 'uint8') return layout.channelsLast ? image : graph.transpose(image, [0, 3, 1, 2]);
		const planes = normalise(graph, image, normalisation);
		const luma = () => graph.constant(float32([1, 3, 1, 1], LUMA));
		const window = { strides: [1, 1], pads: [0, 0, 0, 0], group: 1 } as const;
		const seen = layout.channels === 3 ? planes : graph.apply('Conv', [planes, luma()], window);
		return layout.channelsLast ? graph.transpose(seen, [0, 2, 3, 1]) : seen;
	};
	const picture = laidOut();
	const cast = type === 'float16' ? graph.apply('Cast', [picture], { to: type }) : picture;
	graph.output(graph.reshape(cast, layout.batched ? cast.shape : cast.shape.slice(1)), 'input');
	return graph;
}

/** `its map` and `its score` → `map`, `score` and `mean`. */
function graphBehind({ width, height }: Adapter, mapType: DType, scoreType: DType | undefined): Graph {
	const graph = new Graph();
	const single = (name: string, type: DType, shape: readonly number[]) => {
		const value = graph.input(name, type, shape);
		return type === 'float32' ? value : graph.apply('Cast', [value], { to: 'float32' });
	};
	const map = graph.reshape(single('its map', mapType, [1, 1, height, width]), [height, width]);
	const plane = graph.reshape(map, [1, 1, height, width]);
	const score = scoreType ? single('its score', scoreType, [1]) : graph.apply('GlobalMaxPool', [plane], {});
	graph.output(map, 'map');
	graph.output(graph.reshape(score, [1]), 'score');
	graph.output(graph.reshape(graph.apply('GlobalAveragePool', [plane], {}), [1]), 'mean');
	return graph;
}

/** What no name of the model begins with. */
export function freePrefix(graph: GraphProto): string {
	const names = [graph, ...nodesOf(graph).flatMap(graphsOf)].flatMap(({ node, initializer, input }) => [
		...node.flatMap((n) => [n.name, ...n.output]),
		...initializer.map(({ name }) => name),
		...input.map(({ name }) => name),
	]);
	for (let i = 0; ; i += 1) {
		const prefix = i === 0 ? 'inspectord.' : `inspectord${i}.`;
		if (!names.some((name) => name.startsWith(prefix))) return prefix;
	}
}

/** Other names for values, also where branches and loops within see them. */
function rename(graph: GraphProto, named: (name: string) => string): void {
	for (const info of [...graph.input, ...graph.output, ...graph.valueInfo]) info.name = named(info.name);
	for (const tensor of graph.initializer) tensor.name = named(tensor.name);
	for (const { values } of graph.sparseInitializer) if (values) values.name = named(values.name);
	for (const node of graph.node) {
		node.input = node.input.map(named);
		node.output = node.output.map(named);
		for (const inner of graphsOf(node)) rename(inner, named);
	}
}

export function isOnnx(domain: string): boolean {
	return domain === '' || domain === 'ai.onnx';
}

function portOf({ name, type }: ValueInfoProto): Port {
	const kind = type?.value.case;
	if (kind !== 'tensorType') return { name, type: (kind ?? 'unknown').replace('Type', ''), shape: null };
	const { elemType, shape } = type!.value.value as Extract<
		NonNullable<typeof type>['value'],
		{ case: 'tensorType' }
	>['value'];
	const ours = Object.entries(dataTypes).find(([, number]) => number === elemType)?.[0];
	return {
		name,
		type: ours ?? (TensorProto_DataType[elemType] ?? 'unknown').toLowerCase(),
		shape: shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : null)) ?? null,
	};
}
