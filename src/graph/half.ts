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

/** A number that float32 holds → the nearest half precision bits, ties to even; too large becomes infinite. */
export function numberToHalf(value: number): number {
	return halfOfSingle(new Uint32Array(Float32Array.of(value).buffer)[0]!);
}

/** Single precision bits → half precision bits (IEEE 754, round to nearest even). */
function halfOfSingle(bits: number): number {
	const sign = (bits >>> 16) & 0x8000;
	const exponent = ((bits >>> 23) & 0xff) - 112;
	const fraction = bits & 0x7fffff;
	if (exponent === 143 && fraction !== 0) return 0x7e00;
	if (exponent >= 31) return sign | 0x7c00;
	if (exponent < -10) return sign;
	// Below the smallest normal number the steps are the bits; above it, a carry of the rounding goes into the exponent.
	if (exponent > 0) return sign | ((exponent << 10) + roundedShift(fraction, 13));
	return sign | roundedShift(fraction | 0x800000, 14 - exponent);
}

function roundedShift(value: number, by: number): number {
	const floor = value >>> by;
	const rest = value & ((1 << by) - 1);
	const half = 1 << (by - 1);
	return rest > half || (rest === half && floor % 2 === 1) ? floor + 1 : floor;
}

export function float16(shape: Shape, data: Float32Array): Tensor<'float16'> {
	const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
	const halves = new Uint16Array(bits.length);
	// Uint16Array.from() with a function walks an iterator, which is slow over millions of weights.
	for (let i = 0; i < bits.length; i += 1) halves[i] = halfOfSingle(bits[i]!);
	return { dtype: 'float16', shape, data: halves };
}

/** The largest number, and the smallest above 0. */
export const LARGEST_HALF = 65504;
export const SMALLEST_HALF = 2 ** -24;

/** Below it numbers have fewer digits than the eleven bits of all others. */
const EXACT = 2 ** -14;

/** Of weights that may be lost, as a share of their root mean square: eight times what rounding alone takes. */
export const MOST_LOST = 2 ** -8;

/** Weights as float16 would hold them: by their name, their largest magnitude, and what they lose, as a share of their root mean square. */
export type HeldWeights = { readonly name: string; readonly largest: number; readonly lost: number };

/** How much of some numbers is lost in float16, where the smallest have few digits left: a share of their root mean square. */
export function lossInHalf(values: ArrayLike<number>): number {
	let [lost, whole] = [0, 0];
	for (let i = 0; i < values.length; i += 1) {
		const value = values[i]!;
		whole += value * value;
		if (Math.abs(value) < EXACT) lost += (value - Math.round(value / SMALLEST_HALF) * SMALLEST_HALF) ** 2;
	}
	return whole === 0 ? 0 : Math.sqrt(lost / whole);
}

/** NaN where any is. */
export function largestOf(values: ArrayLike<number>): number {
	let largest = 0;
	for (let i = 0; i < values.length; i += 1) {
		const size = Math.abs(values[i]!);
		if (Number.isNaN(size)) return size;
		if (size > largest) largest = size;
	}
	return largest;
}
