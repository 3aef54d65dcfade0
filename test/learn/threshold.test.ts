import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { assertSupported, outlierAmong, thresholdOf } from '../../src/learn/threshold.js';

const thresholds = suite('the threshold');

const scores = [3, 1, 9, 5, 7, 2, 8, 4, 6];

thresholds('is the maximum of held-out scores, which promises 1 in n + 1', () => {
	const { falseRejectBound95, ...found } = thresholdOf(scores);
	assert.equal(found, { threshold: 9, rule: 'max', falseRejectBound: 0.1 });
	assert.ok(Math.abs(falseRejectBound95 - (1 - 0.05 ** (1 / 9))) < 1e-9);
});

for (const [rank, threshold, rule, bound] of [
	[1, 9, 'max', 0.1],
	[2, 8, 'rank', 0.2],
	[9, 1, 'rank', 0.9],
] as const) {
	thresholds(`of rank ${rank} is the score of that rank from above`, () => {
		const found = thresholdOf(scores, { thresholdRank: rank });
		assert.equal([found.threshold, found.rule, found.falseRejectBound], [threshold, rule, bound]);
	});
}

for (const [rate, threshold, bound] of [
	[0.1, 9, 0.1],
	[0.2, 8, 0.2],
	[0.25, 8, 0.2],
	[0.5, 5, 0.5],
] as const) {
	thresholds(`for ${rate} false rejects is the score that promises no more`, () => {
		const found = thresholdOf(scores, { falseRejects: rate });
		assert.is(found.threshold, threshold);
		assert.ok(Math.abs(found.falseRejectBound - bound) < 1e-12);
	});
}

for (const [what, given, expected] of [
	['one score far above the others', [1, 2, 3, 12, 4, 5, 6, 7, 2], { index: 3, score: 12, next: 7 }],
	['not a score a little above them', [1, 2, 3, 8, 4, 5, 6, 7, 2], undefined],
	['not two that are as high', [1, 2, 3, 12, 4, 12, 6, 7, 2], undefined],
	['not among a few', [1, 2, 3, 12], undefined],
	['nor where all are the same', new Array<number>(9).fill(1), undefined],
] as const) {
	thresholds(`is set alone by ${what}`, () => {
		assert.equal(outlierAmong(given), expected);
	});
}

thresholds('keeps its promise on average over many draws', () => {
	const random = randomFrom(1);
	let rejected = 0;
	const draws = 4000;
	for (let i = 0; i < draws; i += 1) {
		const { threshold } = thresholdOf(Array.from({ length: 19 }, random.normal), { falseRejects: 0.1 });
		if (random.normal() > threshold) rejected += 1;
	}
	assert.ok(Math.abs(rejected / draws - 0.1) < 0.015, `${rejected} of ${draws}`);
});

thresholds('is not promised by too few pictures, which says how many more it takes', () => {
	assertSupported(99, { falseRejects: 0.01 }, 0.2);
	assertSupported(3, { thresholdRank: 3 }, 0.2);
	assert.throws(
		() => assertSupported(34, { falseRejects: 0.01 }, 0.2),
		(thrown: unknown) =>
			thrown instanceof Failure &&
			/1 % false rejects with 34 held-out pictures: they support 2\.9 % at best/.test(thrown.message) &&
			/about 325 more pictures of good parts \(99 must be held out\)/.test(thrown.advice ?? ''),
	);
});

thresholds('is not of a rank that no picture has', () => {
	assert.throws(
		() => assertSupported(3, { thresholdRank: 4 }, 0.2),
		(thrown: unknown) =>
			thrown instanceof Failure && /rank 4 for the threshold: 3 pictures/.test(thrown.message),
	);
});

thresholds.run();
