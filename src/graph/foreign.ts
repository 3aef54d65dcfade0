import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
	type AttributeProto,
	ModelProtoSchema,
	type NodeProto,
	NodeProtoSchema,
	TensorProto_DataType,
	type ValueInfoProto,
} from 'onnx-buf';
import { attributeProto, tensorProto, valueInfo } from './onnx.js';
import { float32, int64, type Tensor } from './tensor.js';

/** An input or output of a model that we did not write; a dimension that is free is null. */
export type Port = {
	readonly name: string;
	readonly float: boolean;
	readonly shape: readonly (number | null)[];
};

export type ForeignModel = {
	readonly inputs: readonly Port[];
	readonly outputs: readonly Port[];
	readonly producer: string;
};

/** What an ONNX model takes and gives. @throws Error when the bytes are not an ONNX model */
export function describeOnnx(bytes: Uint8Array): ForeignModel {
	const { graph, producerName } = fromBinary(ModelProtoSchema, bytes);
	if (!graph || graph.output.length === 0) throw new Error('it is not an ONNX model');
	const initial = new Set(graph.initializer.map(({ name }) => name));
	return {
		inputs: graph.input.filter(({ name }) => !initial.has(name)).map(portOf),
		outputs: graph.output.map(portOf),
		producer: producerName,
	};
}

/** How pictures reach a foreign model, and where its map and score come out. */
export type Adapter = {
	readonly input: string;
	readonly width: number;
	readonly height: number;
	/** Per channel of RGB in [0, 1]: (x − mean) / deviation. */
	readonly mean: readonly number[];
	readonly deviation: readonly number[];
	readonly map: string;
	/** Undefined: the score is the maximum of the map. */
	readonly score: string | undefined;
};

/**
 * A foreign model with our contract around it: `image` uint8 RGB [1, height, width, 3] in, `map` float32 [height, width], `score`
 * [] and `mean` [] (of the map) out. The map must come in the size of the input.
 */
export function adaptOnnx(bytes: Uint8Array, adapter: Adapter): Uint8Array {
	const { input, width, height, mean, deviation, map, score } = adapter;
	const model = fromBinary(ModelProtoSchema, bytes);
	const graph = model.graph!;
	const own = (name: string) => `inspectord.${name}`;
	const constant = (name: string, tensor: Tensor) => {
		graph.initializer.push(tensorProto(own(name), tensor));
		return own(name);
	};
	const node = (
		opType: string,
		inputs: string[],
		output: string,
		attribute: AttributeProto[] = [],
	): NodeProto =>
		create(NodeProtoSchema, { name: own(output), opType, input: inputs, output: [output], attribute });
	const slope = deviation.map((d) => 1 / (255 * d));
	// The names of the contract may be taken within the model.
	const taken = ['image', 'map', 'score', 'mean'];
	const named = (name: string) => (taken.includes(name) ? own(`its-${name}`) : name);
	for (const tensor of graph.initializer) tensor.name = named(tensor.name);
	for (const inner of graph.node) {
		inner.input = inner.input.map(named);
		inner.output = inner.output.map(named);
	}
	const before = [
		node('Cast', ['image'], own('float'), [attributeProto('to', TensorProto_DataType.FLOAT)]),
		node('Transpose', [own('float')], own('planes'), [attributeProto('perm', [0, 3, 1, 2])]),
		node('Mul', [own('planes'), constant('slope', float32([1, 3, 1, 1], slope))], own('scaled')),
		node(
			'Sub',
			[
				own('scaled'),
				constant(
					'offset',
					float32(
						[1, 3, 1, 1],
						mean.map((m, i) => m / deviation[i]!),
					),
				),
			],
			named(input),
		),
	];
	// Pooling, because ReduceMax takes its axes in another way since opset 18.
	const after = [
		node('Reshape', [named(map), constant('map-shape', int64([height, width]))], 'map'),
		node('Reshape', ['map', constant('plane', int64([1, 1, height, width]))], own('plane-of-map')),
		score === undefined
			? node('GlobalMaxPool', [own('plane-of-map')], own('most'))
			: node('Identity', [named(score)], own('most')),
		node('GlobalAveragePool', [own('plane-of-map')], own('average')),
		node('Reshape', [own('average'), own('score-shape')], 'mean'),
		node('Reshape', [own('most'), constant('score-shape', int64([]))], 'score'),
	];
	graph.node.unshift(...before);
	graph.node.push(...after);
	graph.input = [
		valueInfo({ name: 'image', dtype: 'uint8', shape: [1, height, width, 3] }),
		...graph.input.filter(({ name }) => name !== input),
	];
	graph.output = [
		valueInfo({ name: 'map', dtype: 'float32', shape: [height, width] }),
		valueInfo({ name: 'score', dtype: 'float32', shape: [] }),
		valueInfo({ name: 'mean', dtype: 'float32', shape: [] }),
	];
	return toBinary(ModelProtoSchema, model);
}

function portOf({ name, type }: ValueInfoProto): Port {
	const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
	return {
		name,
		float: tensor?.elemType === TensorProto_DataType.FLOAT,
		shape: (tensor?.shape?.dim ?? []).map(({ value }) =>
			value.case === 'dimValue' ? Number(value.value) : null,
		),
	};
}
