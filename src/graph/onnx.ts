import { create, toBinary } from '@bufbuild/protobuf';
import {
	type AttributeProto,
	AttributeProto_AttributeType,
	AttributeProtoSchema,
	type GraphProto,
	GraphProtoSchema,
	type ModelProto,
	ModelProtoSchema,
	type NodeProto,
	NodeProtoSchema,
	OperatorSetIdProtoSchema,
	type TensorProto,
	TensorProto_DataType,
	TensorProtoSchema,
	TensorShapeProto_DimensionSchema,
	TensorShapeProtoSchema,
	TypeProto_TensorSchema,
	TypeProtoSchema,
	type ValueInfoProto,
	ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Graph } from './graph.js';
import type { Attributes, Node, OpName, Value } from './ops.js';
import { type DType, int64, type Tensor } from './tensor.js';

/** The highest pair that TensorRT 8.5 to 10 and ONNX Runtime 1.30 have in common. */
const OPSET = 17n;
const IR_VERSION = 8n;

export const dataTypes: { readonly [T in DType]: TensorProto_DataType } = {
	float32: TensorProto_DataType.FLOAT,
	float16: TensorProto_DataType.FLOAT16,
	uint8: TensorProto_DataType.UINT8,
	int8: TensorProto_DataType.INT8,
	int32: TensorProto_DataType.INT32,
	int64: TensorProto_DataType.INT64,
	bool: TensorProto_DataType.BOOL,
};

type Attribute = number | string | readonly number[] | { readonly float: number };

/** How an operator stands in a file: `tensors` are int64 inputs behind its own, `attributes` its ONNX attributes. */
type Encoding = {
	readonly tensors?: readonly (readonly number[])[];
	readonly attributes?: Readonly<Record<string, Attribute>>;
	readonly domain?: string;
};

const windowAttributes = ({ strides, pads }: { strides: readonly number[]; pads: readonly number[] }) => ({
	strides,
	pads,
});

const encodings: { readonly [K in OpName]: (attributes: Attributes[K], node: Node) => Encoding } = {
	Add: () => ({}),
	Sub: () => ({}),
	Mul: () => ({}),
	Div: () => ({}),
	Max: () => ({}),
	Neg: () => ({}),
	Sqrt: () => ({}),
	Relu: () => ({}),
	Greater: () => ({}),
	Cast: ({ to }) => ({ attributes: { to: dataTypes[to] } }),
	ReduceSum: ({ axes }) => ({ tensors: [axes] }),
	ReduceMean: ({ axes }) => ({ attributes: { axes } }),
	ReduceMax: ({ axes }) => ({ attributes: { axes } }),
	Reshape: ({ shape }) => ({ tensors: [shape] }),
	Transpose: ({ perm }) => ({ attributes: { perm } }),
	Expand: ({ shape }) => ({ tensors: [shape] }),
	Concat: ({ axis }) => ({ attributes: { axis } }),
	Slice: ({ starts, ends, axes, steps }) => ({ tensors: [starts, ends, axes, steps] }),
	Pad: ({ pads }) => ({ tensors: [pads] }),
	MatMul: () => ({}),
	FusedMatMul: ({ transA, transB }) => ({
		domain: 'com.microsoft',
		attributes: { transA: Number(transA), transB: Number(transB) },
	}),
	Conv: ({ group, ...window }) => ({ attributes: { ...windowAttributes(window), group } }),
	FusedConv: ({ group, activation, ...window }) => ({
		domain: 'com.microsoft',
		attributes: { ...windowAttributes(window), group, ...(activation && { activation }) },
	}),
	ConvTranspose: ({ outputPadding, ...window }) => ({
		attributes: { ...windowAttributes(window), output_padding: outputPadding },
	}),
	MaxPool: ({ kernel, ...window }) => ({ attributes: { ...windowAttributes(window), kernel_shape: kernel } }),
	GlobalMaxPool: () => ({}),
	GlobalAveragePool: () => ({}),
	QuantizeLinear: ({ axis }) => ({ attributes: { axis } }),
	DequantizeLinear: ({ axis }) => ({ attributes: { axis } }),
	LeakyRelu: ({ alpha }) => ({ attributes: { alpha: { float: alpha } } }),
};

/** The nodes and constants of a graph, its values under other names; outputs go by the names they were given. */
export function encodeNodes(
	graph: Graph,
	named: (name: string) => string = (name) => name,
): { nodes: NodeProto[]; initializers: TensorProto[] } {
	const initializers = [...graph.constants].map(([key, tensor]) => tensorProto(named(key), tensor));
	const shared = new Map<string, string>();
	const share = (numbers: readonly number[]): string => {
		const key = numbers.join(',');
		let constant = shared.get(key);
		if (constant === undefined) {
			constant = named(`i_${shared.size}`);
			shared.set(key, constant);
			initializers.push(tensorProto(constant, int64(numbers)));
		}
		return constant;
	};
	const outputNames = new Map(graph.outputs.map(({ name: given, value }) => [value.name, given]));
	const nameOf = (value: Value) => named(outputNames.get(value.name) ?? value.name);
	const nodes = graph.nodes.map((node) => {
		const encode = encodings[node.op] as (attributes: Node['attributes'], node: Node) => Encoding;
		const { tensors = [], attributes = {}, domain = '' } = encode(node.attributes, node);
		return create(NodeProtoSchema, {
			name: nameOf(node.output),
			opType: node.op,
			domain,
			input: [...node.inputs.map(nameOf), ...tensors.map(share)],
			output: [nameOf(node.output)],
			attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
		});
	});
	return { nodes, initializers };
}

/** The graph as an ONNX model: opset 17, IR 8, weights inside. */
export function encodeOnnx(graph: Graph, name: string): Uint8Array<ArrayBuffer> {
	return toBinary(ModelProtoSchema, modelOf(graph, name));
}

/** As encodeOnnx, not yet bytes. */
export function modelOf(graph: Graph, name: string): ModelProto & { graph: GraphProto } {
	const { nodes, initializers } = encodeNodes(graph);
	const contrib = nodes.some((node) => node.domain === 'com.microsoft');
	const model = create(ModelProtoSchema, {
		irVersion: IR_VERSION,
		producerName: 'inspectord',
		opsetImport: [
			create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
			...(contrib ? [create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n })] : []),
		],
		graph: create(GraphProtoSchema, {
			name,
			node: nodes,
			initializer: initializers,
			input: graph.inputs.map(valueInfo),
			output: graph.outputs.map(({ name: given, value }) => valueInfo({ ...value, name: given })),
		}),
	});
	return model as ModelProto & { graph: GraphProto };
}

/** Its data is that of the tensor, not a copy. */
export function tensorProto(name: string, { dtype, shape, data }: Tensor): TensorProto {
	return create(TensorProtoSchema, {
		name,
		dataType: dataTypes[dtype],
		dims: shape.map(BigInt),
		rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
	});
}

export function attributeProto(name: string, value: Attribute): AttributeProto {
	if (typeof value === 'number') {
		return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
	}
	if (typeof value === 'string') {
		const type = AttributeProto_AttributeType.STRING;
		return create(AttributeProtoSchema, { name, type, s: Uint8Array.from(Buffer.from(value)) });
	}
	if ('float' in value) {
		return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
	}
	return create(AttributeProtoSchema, {
		name,
		type: AttributeProto_AttributeType.INTS,
		ints: value.map(BigInt),
	});
}

/** `from` as `to`, of another element type. */
export function cast(name: string, from: string, to: string, type: TensorProto_DataType): NodeProto {
	const attribute = [attributeProto('to', type)];
	return create(NodeProtoSchema, { name, opType: 'Cast', input: [from], output: [to], attribute });
}

export function valueInfo({ name, dtype, shape }: Value): ValueInfoProto {
	const dims = shape.map((n) =>
		create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(n) } }),
	);
	return create(ValueInfoProtoSchema, {
		name,
		type: create(TypeProtoSchema, {
			value: {
				case: 'tensorType',
				value: create(TypeProto_TensorSchema, {
					elemType: dataTypes[dtype],
					shape: create(TensorShapeProtoSchema, { dim: dims }),
				}),
			},
		}),
	});
}
