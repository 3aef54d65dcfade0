import { halfToNumber } from '../graph/half.js';
import { elementCount, float32, type Tensor } from '../graph/tensor.js';
import { Weights } from './weights.js';

export type SafetensorsFile = {
	readonly weights: Weights;
	readonly metadata: Readonly<Record<string, string>>;
};

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };

/**
 * Reads the safetensors format (8 bytes header length, JSON header, data); F32 and F16 tensors become float32, others
 * (counters such as num_batches_tracked) are left out.
 * @throws Error in words when the bytes are not such a file, or end too early
 */
export function parseSafetensors(bytes: Uint8Array): SafetensorsFile {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.length < 8) throw new Error('it is shorter than a safetensors header');
	const headerLength = Number(view.getBigUint64(0, true));
	const start = 8 + headerLength;
	if (headerLength > 100_000_000 || start > bytes.length)
		throw new Error('it is not a safetensors file, or cut off');
	let header: Record<string, unknown>;
	try {
		header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, unknown>;
	} catch {
		throw new Error('its safetensors header is not JSON');
	}
	const weights = new Weights();
	let metadata: Record<string, string> = {};
	for (const [name, value] of Object.entries(header)) {
		if (name === '__metadata__') {
			metadata = value as Record<string, string>;
			continue;
		}
		const tensor = readTensor(name, value as Entry, bytes, start);
		if (tensor) weights.set(name, tensor);
	}
	return { weights, metadata };
}

function readTensor(
	name: string,
	entry: Entry,
	bytes: Uint8Array,
	start: number,
): Tensor<'float32'> | undefined {
	const { dtype, shape, data_offsets: offsets } = entry;
	if (dtype !== 'F32' && dtype !== 'F16') return undefined;
	const width = dtype === 'F32' ? 4 : 2;
	const count = elementCount(shape);
	const [from, to] = offsets;
	if (to - from !== count * width) throw new Error(`tensor "${name}" does not fill its shape`);
	if (start + to > bytes.length)
		throw new Error(`it is cut off: tensor "${name}" ends behind the end of the file`);
	// A copy, because the data need not lie on a multiple of the element's width.
	const raw = new Uint8Array(bytes.subarray(start + from, start + to)).buffer;
	if (dtype === 'F32') return float32(shape, new Float32Array(raw));
	return float32(shape, Float32Array.from(new Uint16Array(raw), halfToNumber));
}

/** The same format, float32, in the order of the weights. */
export function encodeSafetensors(weights: Weights, metadata: Readonly<Record<string, string>>): Uint8Array {
	const header: Record<string, unknown> = { __metadata__: metadata };
	let end = 0;
	for (const [name, { shape, data }] of weights.entries()) {
		header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
		end += data.byteLength;
	}
	// Readers want the data to begin on a multiple of eight; spaces are allowed behind the header.
	const text = JSON.stringify(header);
	const encoded = new TextEncoder().encode(text);
	const length = Math.ceil(encoded.length / 8) * 8;
	const bytes = new Uint8Array(8 + length + end).fill(0x20, 8 + encoded.length, 8 + length);
	new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
	bytes.set(encoded, 8);
	let at = 8 + length;
	for (const [, { data }] of weights.entries()) {
		bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
		at += data.byteLength;
	}
	return bytes;
}
