import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { including, joined, type Ranges, sizeOf, within, without } from '../../src/base/ranges.js';

const ranges = suite('ranges');

const OPEN = Number.POSITIVE_INFINITY;
const of = (...pairs: [number, number][]): Ranges => pairs.map(([from, to]) => ({ from, to }));

const removals: readonly (readonly [Ranges, [number, number], Ranges])[] = [
	[of([1, 9]), [5, 5], of([1, 4], [6, 9])],
	[of([1, 9]), [1, 1], of([2, 9])],
	[of([1, 9]), [9, 9], of([1, 8])],
	[of([1, 9]), [0, 20], of()],
	[of([1, 3], [5, 8], [10, OPEN]), [2, 11], of([1, 1], [12, OPEN])],
	[of([1, 3]), [4, 9], of([1, 3])],
	[of([1, OPEN]), [1, 1], of([2, OPEN])],
	[of(), [1, 1], of()],
];

ranges('lose the numbers that are taken from them', () => {
	for (const [before, [from, to], after] of removals) assert.equal(without(before, { from, to }), after);
});

ranges('take one more number', () => {
	const cases: readonly (readonly [Ranges, number, Ranges])[] = [
		[of(), 5, of([5, 5])],
		[of([1, 3]), 2, of([1, 3])],
		[of([1, 3], [5, 8]), 4, of([1, 8])],
		[of([1, 3], [9, OPEN]), 4, of([1, 4], [9, OPEN])],
		[of([1, 3], [9, OPEN]), 8, of([1, 3], [8, OPEN])],
		[of([1, 3], [9, OPEN]), 6, of([1, 3], [6, 6], [9, OPEN])],
		[of([5, OPEN]), 1, of([1, 1], [5, OPEN])],
	];
	for (const [before, n, after] of cases) assert.equal(including(before, n), after);
});

ranges('are cut by a window and counted', () => {
	assert.equal(within(of([1, 3], [5, 8], [10, OPEN]), { from: 2, to: 10 }), of([2, 3], [5, 8], [10, 10]));
	assert.equal(within(of([1, 3]), { from: 4, to: 9 }), of());
	assert.is(sizeOf(of([1, 3], [5, 5])), 4);
	assert.is(sizeOf(of([1, OPEN])), OPEN);
	assert.is(sizeOf(of()), 0);
});

ranges('are joined over their smallest holes and lose nothing', () => {
	assert.equal(joined(of([1, 1], [3, 3], [9, 9], [11, OPEN]), 2), of([1, 3], [9, OPEN]));
	assert.equal(joined(of([1, 1], [9, 9]), 2), of([1, 1], [9, 9]));
	const random = randomFrom(4);
	for (let round = 0; round < 200; round += 1) {
		let left: Ranges = of([1, OPEN]);
		for (let i = 0; i < 50; i += 1) {
			const n = 1 + random.below(100);
			left = without(left, { from: n, to: n });
		}
		const most = 1 + random.below(8);
		const fewer = joined(left, most);
		assert.ok(fewer.length <= most);
		for (let n = 1; n <= 120; n += 1) {
			const window = { from: n, to: n };
			assert.ok(within(left, window).length === 0 || within(fewer, window).length === 1);
		}
	}
});

ranges.run();
