import { toBinary } from '@bufbuild/protobuf';
import {
	type AttributeProto,
	type GraphProto,
	ModelProtoSchema,
	type SparseTensorProto,
	type TensorProto,
	TensorProto_DataLocation,
	TensorProto_DataType,
} from 'onnx-buf';
import { graphsOf, nodesOf, parseOnnx } from './foreign.js';

/** What protobuf can hold. */
const MOST_BYTES = 2 ** 31 - 1;

/** The files beside an ONNX model that hold weights of it, as they are written in it. @throws Error when the bytes are no model */
export function externalFiles(bytes: Uint8Array): string[] {
	return [...new Set(outside(bytes).tensors.map((tensor) => placeOf(tensor).location))];
}

/**
 * The model with all its weights inside. `files` holds the content of each of externalFiles.
 * @throws Error in words when a file is too short, or the whole too large for one file
 */
export function embedWeights(bytes: Uint8Array, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
	const { model, tensors } = outside(bytes);
	let total = bytes.length;
	for (const tensor of tensors) {
		const { location, offset, length } = placeOf(tensor);
		const file = files.get(location)!;
		const end = offset + (length ?? file.length - offset);
		if (end > file.length || end < offset)
			throw new Error(
				`"${location}" is cut off: it holds ${file.length} bytes, the tensor "${tensor.name}" lies at ${offset} to ${end}`,
			);
		const wanted = bytesOf(tensor);
		if (wanted !== undefined && end - offset !== wanted)
			throw new Error(
				`the tensor "${tensor.name}" has ${end - offset} bytes in "${location}", but its shape needs ${wanted}`,
			);
		total += end - offset;
		if (total > MOST_BYTES) throw new Error('its weights are larger than the 2 GB of one file');
		tensor.rawData = new Uint8Array(file.subarray(offset, end));
		tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
		tensor.externalData = [];
	}
	return toBinary(ModelProtoSchema, model);
}

function outside(bytes: Uint8Array) {
	const model = parseOnnx(bytes);
	const attributes = model.functions.flatMap(({ node }) =>
		node.flatMap((n) => [...n.attribute.flatMap(tensorsIn), ...graphsOf(n).flatMap(tensorsOf)]),
	);
	const tensors = [...tensorsOf(model.graph), ...attributes].filter(
		({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL,
	);
	return { model, tensors };
}

function tensorsOf(graph: GraphProto): TensorProto[] {
	const nodes = nodesOf(graph);
	return [graph, ...nodes.flatMap(graphsOf)]
		.flatMap(({ initializer, sparseInitializer }) => [...initializer, ...sparseInitializer.flatMap(dense)])
		.concat(nodes.flatMap(({ attribute }) => attribute.flatMap(tensorsIn)));
}

function tensorsIn({ t, tensors, sparseTensor, sparseTensors }: AttributeProto): TensorProto[] {
	return [
		...(t ? [t] : []),
		...tensors,
		...[...(sparseTensor ? [sparseTensor] : []), ...sparseTensors].flatMap(dense),
	];
}

function dense({ values, indices }: SparseTensorProto): TensorProto[] {
	return [...(values ? [values] : []), ...(indices ? [indices] : [])];
}

function placeOf({ name, externalData }: TensorProto) {
	const { location, offset, length } = Object.fromEntries(externalData.map(({ key, value }) => [key, value]));
	if (!location)
		throw new Error(`the tensor "${name}" lies in another file, but the model does not say in which`);
	const count = (text: string) => {
		if (!/^\d{1,15}$/.test(text)) throw new Error(`the tensor "${name}" lies at "${text}" of "${location}"`);
		return Number(text);
	};
	return { location, offset: count(offset ?? '0'), length: length === undefined ? undefined : count(length) };
}

const widths: Readonly<Partial<Record<TensorProto_DataType, number>>> = {
	[TensorProto_DataType.FLOAT]: 4,
	[TensorProto_DataType.DOUBLE]: 8,
	[TensorProto_DataType.FLOAT16]: 2,
	[TensorProto_DataType.BFLOAT16]: 2,
	[TensorProto_DataType.INT8]: 1,
	[TensorProto_DataType.UINT8]: 1,
	[TensorProto_DataType.BOOL]: 1,
	[TensorProto_DataType.INT16]: 2,
	[TensorProto_DataType.UINT16]: 2,
	[TensorProto_DataType.INT32]: 4,
	[TensorProto_DataType.UINT32]: 4,
	[TensorProto_DataType.INT64]: 8,
	[TensorProto_DataType.UINT64]: 8,
};

/** Undefined for types that are packed. */
function bytesOf({ dims, dataType }: TensorProto): number | undefined {
	const width = widths[dataType as TensorProto_DataType];
	return width && dims.reduce((count, n) => count * Number(n), width);
}
