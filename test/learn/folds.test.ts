import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdOut, splitOf } from '../../src/learn/folds.js';

const splitting = suite('which pictures are held out');

const settings = { holdout: 0.2, preset: 'standard', seed: 7 } as const;
const all = (count: number) => Array.from({ length: count }, (_, i) => i);
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

for (const [what, count, changed, heldOut, folds] of [
	['a share of many', 100, {}, 20, 0],
	['a share of as many as tell what is usual', 38, {}, 8, 0],
	['none of fewer', 37, {}, 37, 4],
	['none of the fewest', 8, {}, 8, 4],
	['a share of few by the published recipe', 20, { preset: 'paper' }, 4, 0],
	['a share of few where nobody wants folds', 20, { folds: 0 }, 4, 0],
	['none of many where folds are wanted', 100, { folds: 5 }, 100, 5],
	['no more folds than pictures', 8, { folds: 20 }, 8, 8],
	['a larger share, so that few are many', 20, { holdout: 0.4 }, 8, 0],
	['two at least', 8, { folds: 0, holdout: 0.01 }, 2, 0],
] as const) {
	splitting(`are ${what}`, () => {
		const split = splitOf(count, { ...settings, ...changed });
		assert.equal([split.heldOut.length, split.folds.length], [heldOut, folds]);
		if (folds === 0) {
			assert.equal(sorted([...split.train, ...split.heldOut]), all(count));
			return;
		}
		assert.equal(split.train, all(count));
		assert.equal(sorted(split.heldOut), all(count), 'each is judged once');
		assert.equal(
			split.heldOut,
			split.folds.flatMap((fold) => fold.heldOut),
		);
		for (const fold of split.folds) {
			assert.equal(sorted([...fold.train, ...fold.heldOut]), all(count));
			assert.ok(Math.abs(fold.heldOut.length - count / folds) < 1, 'parts are of one size');
		}
	});
}

splitting('holds a share back by the seed, each picture on one side only', () => {
	const { train, heldOut } = holdOut(50, 0.2, 1);
	assert.equal([train.length, heldOut.length], [40, 10]);
	assert.equal(
		[...train, ...heldOut].sort((a, b) => a - b),
		Array.from({ length: 50 }, (_, i) => i),
	);
	assert.equal(holdOut(50, 0.2, 1), { train, heldOut });
	assert.not.equal(holdOut(50, 0.2, 2).heldOut, heldOut);
	assert.is(holdOut(8, 0.01, 1).heldOut.length, 2);
	assert.is(holdOut(8, 0.9, 1).train.length, 2);
});

splitting('are drawn by the seed', () => {
	const drawn = (seed: number) => splitOf(20, { ...settings, seed });
	assert.equal(drawn(1), drawn(1));
	assert.not.equal(drawn(1).heldOut, drawn(2).heldOut);
});

splitting('are not told by one part alone, which would leave nothing to learn', () => {
	assert.throws(() => splitOf(20, { ...settings, folds: 1 }), /Cannot judge by 1 fold/);
});

splitting('keeps pictures of one part on one side, and the share as near as they allow', () => {
	const group = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);
	for (const [count, share, groups, least, most] of [
		[50, 0.2, [group(0, 4), group(10, 5), [30, 41]], 10, 10],
		// Six pictures each of ten parts: seven parts' worth is not to be had.
		[60, 0.2, Array.from({ length: 10 }, (_, k) => group(6 * k, 6)), 12, 12],
		[60, 0.15, Array.from({ length: 10 }, (_, k) => group(6 * k, 6)), 6, 12],
		[12, 0.2, [group(0, 6), group(6, 6)], 6, 6],
		[20, 0.2, [group(0, 18)], 2, 2],
	] as const) {
		for (let seed = 0; seed < 20; seed += 1) {
			const { train, heldOut } = holdOut(count, share, seed, groups);
			assert.equal(
				[...train, ...heldOut].sort((a, b) => a - b),
				group(0, count),
			);
			assert.ok(heldOut.length >= least && heldOut.length <= most, `${count} ${share}: ${heldOut.length}`);
			for (const one of groups)
				assert.is(new Set(one.map((i) => heldOut.includes(i))).size, 1, 'a part is on one side');
		}
	}
	assert.equal(holdOut(12, 0.25, 3, [group(0, 12)]), holdOut(12, 0.25, 3), 'all of one part');
	const { folds: parts } = splitOf(20, { ...settings, folds: 4 }, [[1, 5, 9]]);
	assert.is(parts.filter(({ heldOut }) => [1, 5, 9].some((i) => heldOut.includes(i))).length, 1);
	assert.equal(
		splitOf(20, { ...settings, folds: 4 }, [group(0, 20)]),
		splitOf(20, { ...settings, folds: 4 }),
	);
});

splitting.run();
