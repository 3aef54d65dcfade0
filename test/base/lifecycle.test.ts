import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backoffMs } from '../../src/base/retry.js';
import { nearest } from '../../src/base/words.js';

const lifecycle = suite('what everything stands on');

lifecycle('waits double up to their bound and are shortened by half at most', () => {
	const backoff = { firstMs: 100, mostMs: 1000 };
	assert.equal(
		[1, 2, 3, 4, 5, 99].map((n) => backoffMs(backoff, n, 0)),
		[100, 200, 400, 800, 1000, 1000],
	);
	assert.is(backoffMs(backoff, 2, 1), 100);
});

lifecycle('a mistyped name finds the one that was meant, a strange one none', () => {
	assert.is(nearest('sorce', ['source', 'loop']), 'source');
	assert.is(nearest('xyz', ['source', 'loop']), undefined);
});

lifecycle.run();
