import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { inHundred, promiseWords, rejectedAtMost } from '../../src/measure/promise.js';

const promise = suite('the promise of false rejects');

for (const [above, of, share] of [
	// In closed form: 1 − 0.05^(1/n).
	[0, 1, 0.95],
	[0, 48, 0.060503],
	[0, 299, 0.009969],
	// Clopper and Pearson's tables (1 of 20: 21.6 %, 5 of 10: 77.8 %), and sums of binomials in rational numbers.
	[1, 20, 0.216106],
	[2, 48, 0.125414],
	[5, 10, 0.777559],
	[47, 48, 0.998932],
	[100, 5000, 0.023573],
	[5, 5, 1],
] as const) {
	promise(`is ${share} where ${above} of ${of} good pictures score above the threshold`, () => {
		assert.ok(Math.abs(rejectedAtMost(above, of) - share) < 2e-6, `${rejectedAtMost(above, of)}`);
	});
}

promise('is said in whole parts of 100, rounded up', () => {
	assert.is(
		promiseWords(0.0605),
		'of 100 good parts at most 7 are rejected in the long run, with 95 % confidence',
	);
	assert.is(inHundred(0.07), 7);
	assert.is(inHundred(1), 100);
});

promise('is broken by one set of pictures in twenty', () => {
	const random = randomFrom(1);
	const [sets, n, above] = [2000, 20, 1];
	let broken = 0;
	for (let i = 0; i < sets; i += 1) {
		const sorted = Array.from({ length: n }, random.uniform).sort((a, b) => b - a);
		// Of uniform scores the share above a threshold is 1 − threshold.
		if (1 - sorted[above]! > rejectedAtMost(above, n)) broken += 1;
	}
	assert.ok(Math.abs(broken / sets - 0.05) < 0.015, `${broken} of ${sets}`);
});

promise.run();
