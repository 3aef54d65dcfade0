import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { orderly } from '../../src/sqlite/ranges.js';

const ranges = suite('ranges of ids');

const open = Number.POSITIVE_INFINITY;

for (const [given, kept] of [
	[[], []],
	[[[3, 5]], [[3, 5]]],
	[
		[
			[7, open],
			[1, 2],
		],
		[
			[1, 2],
			[7, open],
		],
	],
	[
		[
			[1, 2],
			[3, 4],
			[6, 6],
		],
		[
			[1, 4],
			[6, 6],
		],
	],
	[
		[
			[1, 9],
			[2, 3],
			[9, open],
		],
		[[1, open]],
	],
	[
		[
			[5, 4],
			[Number.NaN, 3],
			[1.5, 2],
			[2, 2],
		],
		[[2, 2]],
	],
] as readonly (readonly [given: [number, number][], kept: [number, number][]])[]) {
	ranges(`are kept in order and apart: ${JSON.stringify(given)}`, () => {
		const found = orderly(given.map(([from, to]) => ({ from, to })));
		assert.equal(
			found.map(({ from, to }) => [from, to]),
			kept,
		);
	});
}

ranges('are not too many, and lose no id', () => {
	const given = Array.from({ length: 5000 }, (_, i) => ({ from: 10 * i, to: 10 * i + 3 }));
	const kept = orderly(given);
	assert.is(kept.length, 1000);
	for (const { from, to } of given) assert.ok(kept.some((range) => range.from <= from && to <= range.to));
	assert.equal(kept.slice(-999), given.slice(-999));
});

ranges.run();
