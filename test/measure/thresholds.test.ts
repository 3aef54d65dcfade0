import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { type Decided, tally } from '../../src/measure/thresholds.js';

const thresholds = suite('thresholds');

const decided = (...parts: readonly (readonly [score: number, accepted: 0 | 1])[]): Decided => ({
	scores: Float64Array.from(parts, ([score]) => score),
	accepted: Uint8Array.from(parts, ([, accepted]) => accepted),
});

thresholds('are tried on parts that were decided', () => {
	const {
		parts,
		scores,
		thresholds: tried,
	} = tally(decided([0.2, 1], [0.9, 0], [0.4, 1], [0.6, 0], [0.5, 1]), [0.5, 0.1, 0.7, 2]);
	assert.is(parts, 5);
	assert.equal(scores, { least: 0.2, p50: 0.5, p90: 0.9, p99: 0.9, greatest: 0.9 });
	const row = ([threshold, accepts, rejects, newAccepts, newRejects, below, above]: readonly (
		| number
		| null
	)[]) => ({
		...{ threshold, accepts, rejects, newAccepts, newRejects, below, above },
	});
	assert.equal(tried, [
		row([0.5, 3, 2, 0, 0, 0.5, 0.6]),
		row([0.1, 0, 5, 0, 3, null, 0.2]),
		row([0.7, 4, 1, 1, 0, 0.6, 0.9]),
		row([2, 5, 0, 2, 0, 0.9, null]),
	]);
});

thresholds('decide nothing on no part', () => {
	const { scores, histogram, thresholds: tried } = tally(decided(), [0.5]);
	assert.equal([scores, histogram, tried[0]!.accepts, tried[0]!.below], [null, [], 0, null]);
});

thresholds('are what a look at each part finds, and the histogram holds every part once', () => {
	for (let seed = 1; seed <= 50; seed += 1) {
		const random = randomFrom(seed);
		const count = 1 + Math.floor(random.uniform() * 200);
		const far = seed % 5 === 0;
		const scores = Float64Array.from({ length: count }, (_, i) =>
			seed % 7 === 0 ? 0.5 : far && i === 0 ? 1e300 : Math.round(random.uniform() * 50) / 50 - 0.2,
		);
		const accepted = Uint8Array.from(scores, () => (random.uniform() < 0.7 ? 1 : 0));
		const found = tally({ scores, accepted }, [0.3, random.uniform()]);
		const all = [...scores].map((score, i) => ({ score, was: accepted[i] === 1 }));
		for (const { threshold, ...tried } of found.thresholds) {
			const now = all.map(({ score, was }) => ({ score, was, is: score <= threshold }));
			const below = now.filter(({ is }) => is).map(({ score }) => score);
			const above = now.filter(({ is }) => !is).map(({ score }) => score);
			assert.equal(tried, {
				accepts: below.length,
				rejects: above.length,
				newAccepts: now.filter(({ was, is }) => is && !was).length,
				newRejects: now.filter(({ was, is }) => !is && was).length,
				below: below.length > 0 ? Math.max(...below) : null,
				above: above.length > 0 ? Math.min(...above) : null,
			});
		}
		assert.is(
			found.histogram.reduce((sum, { parts }) => sum + parts, 0),
			count,
		);
		assert.is(found.histogram[0]!.from, Math.min(...scores));
		assert.is(found.histogram.at(-1)!.to, Math.max(...scores));
		for (const [i, bin] of found.histogram.slice(1).entries()) assert.is(bin.from, found.histogram[i]!.to);
	}
});

thresholds.run();
