import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { halfToNumber, numberToHalf } from '../../src/graph/half.js';

const half = suite('half precision');

half('comes back from its bits, all of them', () => {
	for (let bits = 0; bits < 0x10000; bits += 1) {
		const value = halfToNumber(bits);
		if (!Number.isNaN(value)) assert.is(numberToHalf(value), bits);
	}
});

for (const [value, bits] of [
	[1, 0x3c00],
	[-2, 0xc000],
	[65504, 0x7bff],
	[65519, 0x7bff],
	[65520, 0x7c00],
	[1 + 2 ** -11, 0x3c00],
	[1 + 3 * 2 ** -11, 0x3c02],
	[2 ** -24, 0x0001],
	[2 ** -25, 0x0000],
	[2 - 2 ** -12, 0x4000],
	[Number.NaN, 0x7e00],
	[-0, 0x8000],
] as const) {
	half(`${value} is rounded to ${bits.toString(16)}`, () => {
		assert.is(numberToHalf(value), bits);
	});
}

half.run();
