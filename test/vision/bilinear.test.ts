import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { between, bilinear } from '../../src/vision/bilinear.js';

const sampling = suite('between the values of an array');

const size = { width: 3, height: 2 };
const grey = Float32Array.of(0, 10, 20, 100, 110, 120);

for (const [what, x, y, value] of [
	['on a value stands that value', 1, 1, 110],
	['half way along a row, the mean of two', 0.5, 0, 5],
	['in the middle of four, their mean', 1.5, 0.5, 65],
	['at the last corner, the last value', 2, 1, 120],
	['outside, the edge goes on', 7, -3, 20],
] as const) {
	sampling(what, () => {
		assert.is(bilinear(grey, between(size, 1, x, y), 0), value);
	});
}

sampling('channels stay apart, and one column or row is enough', () => {
	assert.is(bilinear(Uint8Array.of(1, 50, 3, 70), between({ width: 2, height: 1 }, 2, 0.5, 0), 1), 60);
	assert.is(bilinear(Uint8Array.of(1, 50), between({ width: 1, height: 2 }, 1, 0, 0.5), 0), 25.5);
});

sampling.run();
