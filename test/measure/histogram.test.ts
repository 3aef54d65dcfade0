import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { createHistogram } from '../../src/measure/histogram.js';

const histograms = suite('a histogram');

const of = (values: Iterable<number>) => {
	const histogram = createHistogram();
	for (const value of values) histogram.add(value);
	return histogram;
};

histograms('tells quantiles within 2.5 % of the true ones, over ten decades', () => {
	const random = randomFrom(3);
	const values = Array.from({ length: 10_001 }, () => 10 ** (random.uniform() * 10 - 2));
	const histogram = of(values);
	const sorted = values.toSorted((a, b) => a - b);
	for (const share of [0, 0.01, 0.5, 0.95, 0.99, 1]) {
		const expected = sorted[Math.max(0, Math.ceil(share * values.length) - 1)]!;
		assert.ok(Math.abs(histogram.quantile(share)! / expected - 1) < 0.025, `${share}`);
	}
	assert.is(histogram.count, values.length);
});

const cases: readonly (readonly [values: readonly number[], share: number, quantile: number | null])[] = [
	[[], 0.5, null],
	[[Number.NaN], 0.5, null],
	[[0], 0.5, 0],
	[[0, 0, 0, 5], 0.25, 1e-3 * 1.05 ** -0.5],
	[[7], 0.99, 7],
	[[7, 7, 7], 0.5, 7],
	[[-1], 0.5, -1],
	[[1e12], 0.5, 1e12],
	[[Number.POSITIVE_INFINITY], 0.5, Number.POSITIVE_INFINITY],
];

for (const [values, share, expected] of cases) {
	histograms(`of [${values}] says ${expected}`, () => {
		assert.is(of(values).quantile(share), expected);
	});
}

histograms.run();
