/** Element types our graphs use, in ONNX's sense. */
export type DType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';

export type Shape = readonly number[];

/** Typed array that holds a dtype's elements in memory (float16 as raw bits). */
export type DataOf<T extends DType> = T extends 'float32'
	? Float32Array
	: T extends 'float16'
		? Uint16Array
		: T extends 'uint8' | 'bool'
			? Uint8Array
			: T extends 'int8'
				? Int8Array
				: T extends 'int32'
					? Int32Array
					: BigInt64Array;

/** A dense array, row-major; `data.length` is the product of `shape` (1 for a scalar, whose shape is []). */
export type Tensor<T extends DType = DType> = {
	readonly dtype: T;
	readonly shape: Shape;
	readonly data: DataOf<T>;
};

export function elementCount(shape: Shape): number {
	return shape.reduce((product, n) => product * n, 1);
}

/** @throws Error when the data does not fill the shape. */
export function float32(shape: Shape, data: Float32Array | readonly number[]): Tensor<'float32'> {
	if (data.length !== elementCount(shape)) {
		throw new Error(`a tensor of shape [${shape}] needs ${elementCount(shape)} values, not ${data.length}`);
	}
	return { dtype: 'float32', shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

export function int64(values: readonly number[]): Tensor<'int64'> {
	return { dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, (v) => BigInt(v)) };
}

export function zeros(shape: Shape): Tensor<'float32'> {
	return { dtype: 'float32', shape, data: new Float32Array(elementCount(shape)) };
}

/** A matrix [rows, columns] the other way round. */
export function transposed({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
	const [rows, columns] = shape as [number, number];
	return float32(
		[columns, rows],
		Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
	);
}
