import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRing } from '../../src/base/ring.js';

const ring = suite('a ring');

for (const [put, held] of [
	[0, []],
	[2, [0, 1]],
	[3, [0, 1, 2]],
	[4, [1, 2, 3]],
	[7, [4, 5, 6]],
] as const)
	ring(`holds the newest three of ${put}, in their order`, () => {
		const made = createRing<number>(3);
		for (let i = 0; i < put; i += 1) made.put(i);
		assert.equal(made.all(), held);
	});

ring.run();
