import { TensorProto_DataType } from 'onnx-buf';
import { parseOnnx } from './foreign.js';
import { elementCount, float32, type Tensor } from './tensor.js';

/** The constants in float32 of a model that encodeOnnx wrote, by their names. @throws Error when the bytes are not an ONNX model */
export function floatsIn(bytes: Uint8Array): ReadonlyMap<string, Tensor<'float32'>> {
	const { graph } = parseOnnx(bytes);
	const found = new Map<string, Tensor<'float32'>>();
	for (const { name, dataType, dims, rawData } of graph.initializer) {
		const shape = dims.map(Number);
		if (dataType !== TensorProto_DataType.FLOAT || rawData.length !== 4 * elementCount(shape)) continue;
		// A copy, for in the file it may lie at any byte; not slice(), which of a Buffer is the same memory.
		const data = new Float32Array(new Uint8Array(rawData).buffer);
		found.set(name, float32(shape, data));
	}
	return found;
}
