import type { Shape, Tensor } from './tensor.js';

/** IEEE 754 half precision bits → number. */
export function halfToNumber(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
	return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Number → the nearest half precision bits, ties to even; too large becomes infinite. */
export function numberToHalf(value: number): number {
	if (Number.isNaN(value)) return 0x7e00;
	const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
	const size = Math.abs(value);
	if (size >= 65520) return sign | 0x7c00;
	const exponent = Math.max(Math.floor(Math.log2(size)), -14);
	const steps = roundToEven(size / 2 ** (exponent - 10));
	// Below the smallest normal number the steps are the bits; above it, a carry of the rounding goes into the exponent.
	return sign | (size < 2 ** -14 ? steps : ((exponent + 14) << 10) + steps);
}

function roundToEven(value: number): number {
	const floor = Math.floor(value);
	const rest = value - floor;
	return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export function float16(shape: Shape, data: Float32Array): Tensor<'float16'> {
	return { dtype: 'float16', shape, data: Uint16Array.from(data, numberToHalf) };
}
