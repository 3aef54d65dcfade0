import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { median, quantile } from '../../src/measure/statistics.js';

const statistics = suite('statistics');

statistics('of an odd number have the middle value, of an even one the upper of two', () => {
	assert.is(median([9, 1, 5]), 5);
	assert.is(median(Float32Array.of(4, 1, 3, 2)), 3);
	assert.ok(Number.isNaN(median([])));
});

statistics('have a share of the values below a quantile, and the highest at the end', () => {
	const hundred = Array.from({ length: 100 }, (_, i) => 99 - i);
	assert.equal(
		[0, 0.5, 0.95, 1].map((share) => quantile(hundred, share)),
		[0, 50, 95, 99],
	);
});

statistics('fail closed: among what is no number nothing is said', () => {
	assert.ok(Number.isNaN(quantile([1, Number.NaN, 3], 0.5)));
	assert.ok(Number.isNaN(quantile([], 0.5)));
});

statistics.run();
