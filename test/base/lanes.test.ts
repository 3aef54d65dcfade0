import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inLanes } from '../../src/base/lanes.js';

const lanes = suite('work in lanes');

for (const [count, atOnce] of [
	[0, 3],
	[2, 3],
	[7, 3],
	[7, 1],
] as const) {
	lanes(`${count} items are worked on ${atOnce} at once, with results in their order`, async () => {
		let busy = 0;
		let most = 0;
		const results = await inLanes(
			Array.from({ length: count }, (_, i) => i),
			atOnce,
			async (i) => {
				busy += 1;
				most = Math.max(most, busy);
				for (let turn = 0; turn < 3 - (i % 3); turn += 1) await Promise.resolve();
				busy -= 1;
				return i * 10;
			},
		);
		assert.equal(
			results,
			Array.from({ length: count }, (_, i) => i * 10),
		);
		assert.is(most, Math.min(count, atOnce));
	});
}

lanes('throw what the work throws', async () => {
	const thrown = await inLanes([1, 2, 3], 2, async (i) => {
		if (i === 2) throw new Error('two');
	}).catch((reason: Error) => reason.message);
	assert.is(thrown, 'two');
});

lanes.run();
