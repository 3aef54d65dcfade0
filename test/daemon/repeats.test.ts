import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRepeats } from '../../src/daemon/repeats.js';

const repeats = suite('what is tried again');

function made(chance = 0) {
	let nowMs = 0;
	const pace = { now: () => nowMs, chance: () => chance };
	return {
		repeats: createRepeats({ firstMs: 1000, mostMs: 8000 }, 3, pace),
		at: (ms: number) => {
			nowMs = ms;
		},
	};
}

repeats('is due after a while that doubles up to a bound', () => {
	const { repeats: some, at } = made();
	let nowMs = 0;
	for (const [i, waitMs] of [1000, 2000, 4000, 8000, 8000].entries()) {
		assert.equal(some.failed('a'), { times: i + 1, waitMs });
		at(nowMs + waitMs - 1);
		assert.not(some.isDue('a'));
		nowMs += waitMs;
		at(nowMs);
		assert.ok(some.isDue('a'));
	}
});

repeats('is due sooner by chance, by half at most', () => {
	assert.equal(made(0.5).repeats.failed('a'), { times: 1, waitMs: 750 });
});

repeats('goes on where a process before this one was', () => {
	const { repeats: some } = made();
	assert.equal(some.resume('a', 3), { waitMs: 4000 });
	assert.equal(some.failed('a'), { times: 4, waitMs: 8000 });
});

repeats('begins anew with what was forgotten', () => {
	const { repeats: some, at } = made();
	some.failed('a');
	some.failed('a');
	some.forget('a');
	at(1e9);
	assert.not(some.isDue('a'));
	assert.is(some.failed('a').times, 1);
});

repeats('remembers no more than it may, and is never due by what it forgot', () => {
	const { repeats: some, at } = made();
	for (const name of ['a', 'b', 'c', 'd']) some.failed(name);
	at(1e9);
	assert.equal(
		['a', 'b', 'c', 'd'].map((name) => some.isDue(name)),
		[false, true, true, true],
	);
});

repeats.run();
