import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gate, rankCorrelation } from '../../src/learn/gate.js';

const gates = suite('the gate between precisions');

/** Forty good parts around 1 and forty defective ones around 3; the threshold is 1.5. */
const reference = Array.from({ length: 80 }, (_, i) => (i < 40 ? 0.8 + i / 100 : 2.6 + i / 100));
const defective = reference.map((_, i) => i >= 40);
const failed = (candidate: readonly number[]) =>
	gate({ reference, candidate, defective }, 1.5, 1)
		.filter(({ ok }) => !ok)
		.map(({ measure }) => measure);

for (const [what, change, expected] of [
	['the same scores', (v) => v, []],
	['scores that differ by rounding', (v, i) => v + (i % 2 ? 1e-3 : -1e-3), []],
	['all scores moved a long way', (v) => v + 0.7, ['score difference', 'verdict flips']],
	['two verdicts turned', (v, i) => (i === 50 || i === 60 ? 1.4 : v), ['verdict flips']],
	['scores that stick', () => 1.2, ['score difference', 'rank correlation', 'verdict flips', 'auroc drop']],
	[
		'one score that is no number',
		(v, i) => (i === 7 ? Number.NaN : v),
		['score difference', 'rank correlation'],
	],
] as readonly (readonly [string, (v: number, i: number) => number, readonly string[]])[]) {
	gates(`${expected.length ? `fails by ${expected.join(', ')} for` : 'lets through'} ${what}`, () => {
		const found = failed(reference.map(change));
		for (const measure of expected) assert.ok(found.includes(measure as never), `${measure} not in ${found}`);
		if (expected.length === 0) assert.equal(found, []);
	});
}

gates('refuses a fall of more than 0.2 points of AUROC, and no less', () => {
	// One defective part of forty falls below k good ones: the area falls by k / 1600.
	const fallen = (k: number) => reference.map((v, i) => (i === 40 ? reference[40 - k]! - 1e-6 : v));
	assert.not(failed(fallen(3)).includes('auroc drop'));
	assert.ok(failed(fallen(4)).includes('auroc drop'));
});

gates('fails closed without labels of both kinds', () => {
	const one = gate({ reference, candidate: reference, defective: defective.map(() => false) }, 1.5, 1);
	assert.is(one.find(({ measure }) => measure === 'auroc drop')!.ok, false);
});

gates('correlates ranks as Spearman does, ties sharing theirs', () => {
	assert.is(rankCorrelation([1, 2, 3], [10, 20, 90]), 1);
	assert.is(rankCorrelation([1, 2, 3], [9, 2, 1]), -1);
	// scipy.stats.spearmanr([1, 2, 2, 4, 5], [2, 1, 4, 4, 9]).statistic
	assert.ok(Math.abs(rankCorrelation([1, 2, 2, 4, 5], [2, 1, 4, 4, 9]) - 0.7631578947368423) < 1e-12);
});

gates.run();
