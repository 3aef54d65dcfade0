import { inflateRawSync } from 'node:zlib';
import { float32, type Tensor } from '../graph/tensor.js';

/** As many products as the answer is large, where none saturates. */
export const PRODUCTS = 64;

/** Of its input. */
export const PROBE_SHAPE: readonly number[] = [1, PRODUCTS, 4, 4];

/** Deflated, in base64: each station asks when it starts, and needs nothing else of what writes ONNX. Its test makes it anew and compares. */
const MODEL = [
	'7VZNS8NAEM2m23YZa9lGkRLRQ497EGPtJwVD9GL0op70EtJ2qTmY1KRV8aJ49C/ooT9VNrHYJoEK9WYnzDC8YeZNdpZJCFHAcYMh',
	'7408v9/+LMEVYM/lAWR61oEwmkIvxrY7cp75ueNy27eqagKpFOcRtgbYfnKCsjRBclsCDomUGQLlhN/PRw/VFKxC41icxobC0Pe6',
	'fO+RO4PbkaheE6aeQtFIoWj8hgIiiq5jh4fUFKalbCSKaftqGriY4h1BytunYA1II1Dyx577YGmaOnUqWDiMQj4Y+U6fBzrS0QTl',
	'WQnw0O4HuhQ9AipAduB742EZRc1cw7QK4J6lfU+sFJumVlWT0KJLcQrJnFmSTDC+U4VZeGRKNpwJA5oxRKqJJLZOkfAPTFyQUYd9',
	'EEKJThBBNGPM3RLzlbysZCUr+bfCzgiN1kXN1LGMOsso2yY02kN1k0oxYZeE0pwx8w0xdWlJ+em+aerl3FtzGQ2L5USx1h90VqTI',
	'CDe6ibGMjm52o58LZQs2CVIoyASBTHSQCRba3QGx72NhOg0bGCRa+gI=',
];

/**
 * A convolution in int8 of ones with ones, `ones` [1, 64, 4, 4] → `sum` [1, 16, 4, 4], as ONNX: 64 everywhere, and far less on a processor that sums pairs
 * of products of uint8 and int8 in 16 bits with saturation, as those with AVX2 and without VNNI do (VPMADDUBSW).
 */
export function productProbe(): {
	readonly model: Uint8Array;
	readonly ones: Tensor<'float32'>;
	exact(sum: ArrayLike<number>): boolean;
} {
	const count = PROBE_SHAPE.reduce((a, b) => a * b);
	return {
		model: inflateRawSync(Buffer.from(MODEL.join(''), 'base64')),
		ones: float32(PROBE_SHAPE, new Float32Array(count).fill(1)),
		exact: (sum) => Math.abs(sum[0]! - PRODUCTS) < PRODUCTS / 16,
	};
}
