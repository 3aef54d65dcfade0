import {
	type AttributeProto,
	type GraphProto,
	type NodeProto,
	type TensorProto,
	TensorProto_DataType,
} from 'onnx-buf';

export const { FLOAT, FLOAT16, UINT8, INT8, INT32, INT64, BOOL } = TensorProto_DataType;

/** The constants of a graph by name: its initializers, and what its Constant nodes hold as a tensor. */
export function constantsOf({ initializer, node }: GraphProto): Map<string, TensorProto> {
	const constants = new Map(initializer.map((tensor) => [tensor.name, tensor]));
	for (const { opType, output, attribute } of node) {
		const held = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined;
		if (held) constants.set(output[0]!, held);
	}
	return constants;
}

export function attributeOf({ attribute }: NodeProto, name: string): AttributeProto | undefined {
	return attribute.find((one) => one.name === name);
}

/** Operators whose result has another element type than their first input (ONNX operators, opset 17). */
const results: Readonly<Record<string, TensorProto_DataType>> = {
	...Object.fromEntries(
		[
			'Equal',
			'Greater',
			'GreaterOrEqual',
			'Less',
			'LessOrEqual',
			'And',
			'Or',
			'Xor',
			'Not',
			'IsNaN',
			'IsInf',
		].map((op) => [op, BOOL]),
	),
	...Object.fromEntries(
		['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero', 'NonMaxSuppression'].map((op) => [op, INT64]),
	),
};

/** Operators whose result has the type of that input. */
const like: Readonly<Record<string, number>> = {
	Where: 1,
	DequantizeLinear: 1,
	QuantizeLinear: 2,
	OneHot: 2,
};

/** The element types of the values of a graph, as far as they follow from its inputs, constants and operators. */
export function elementsOf(graph: GraphProto): Map<string, TensorProto_DataType> {
	const types = new Map<string, TensorProto_DataType>();
	for (const { name, type } of graph.input)
		if (type?.value.case === 'tensorType') types.set(name, type.value.value.elemType);
	for (const [name, { dataType }] of constantsOf(graph)) types.set(name, dataType);
	for (const node of graph.node) {
		const type = typeOf(node, types);
		if (type === undefined) continue;
		node.output.forEach((name, i) => {
			// What is found is in values, where it was found in indices.
			types.set(name, i === 1 && ['TopK', 'MaxPool', 'Unique'].includes(node.opType) ? INT64 : type);
		});
	}
	return types;
}

function typeOf(
	node: NodeProto,
	types: ReadonlyMap<string, TensorProto_DataType>,
): TensorProto_DataType | undefined {
	const { opType, input } = node;
	if (opType === 'Constant') return types.get(node.output[0]!);
	if (opType === 'Cast') return Number(attributeOf(node, 'to')?.i ?? 0) || undefined;
	if (opType === 'ConstantOfShape') return attributeOf(node, 'value')?.t?.dataType ?? FLOAT;
	const first = types.get(input[like[opType] ?? 0] ?? '');
	return results[opType] ?? (opType === 'QuantizeLinear' && input.length < 3 ? UINT8 : first);
}

/** The numbers of a constant of float32, float16 or integers; undefined where they lie elsewhere, or are of another type. */
export function numbersOf(tensor: TensorProto): ArrayLike<number> | undefined {
	const { dataType, rawData, floatData, int32Data, int64Data } = tensor;
	// Raw data lies at any byte of the file.
	const raw = () => Uint8Array.from(rawData).buffer;
	if (dataType === FLOAT) return rawData.length > 0 ? new Float32Array(raw()) : floatData;
	if (dataType === INT8) return rawData.length > 0 ? new Int8Array(raw()) : int32Data;
	if (dataType === INT32) return rawData.length > 0 ? new Int32Array(raw()) : int32Data;
	if (dataType === INT64)
		return rawData.length > 0 ? Array.from(new BigInt64Array(raw()), Number) : int64Data.map(Number);
	return undefined;
}
