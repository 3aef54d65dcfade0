import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEngineFailures, type FailedBuild } from '../../src/daemon/engine-failures.js';
import { instantOf } from '../../src/protocol/fields.js';

const failures = suite('builds that failed');

const MINUTE_MS = 60_000;

function made(build = true) {
	const given = { nowMs: 0, notes: 0 };
	const clocks = { pace: { now: () => given.nowMs, chance: () => 0 }, wallClock: () => given.nowMs };
	return {
		given,
		known: createEngineFailures({ build }, clocks, () => {
			given.notes += 1;
		}),
	};
}

const died: FailedBuild = { code: 'child-died', message: 'it died', tail: '', mayPass: true, isNoted: true };
const noted = { code: 'child-died', message: 'it died', tail: '', at: instantOf(0) };

failures('are due by what may pass, who builds, and who remembers', () => {
	for (const { build = true, mayPass = true, isResumed = false, isDue } of [
		{ isDue: true },
		{ mayPass: false, isDue: false },
		{ build: false, isDue: false },
		{ isResumed: true, isDue: true },
		{ isResumed: true, build: false, isDue: false },
	]) {
		const { known, given } = made(build);
		if (isResumed) known.resume([{ id: 'a', ...noted, times: 1 }]);
		else known.remember('a', { ...died, mayPass });
		const { againAt, message } = known.of('a')!;
		assert.equal([againAt, message], [isDue ? instantOf(5 * MINUTE_MS) : null, 'it died']);
		given.nowMs = 5 * MINUTE_MS - 1;
		assert.not(known.isDue('a'));
		given.nowMs = isDue ? 5 * MINUTE_MS : 1e12;
		assert.is(known.isDue('a'), isDue);
	}
});

failures('in a row are tried again later and later, also after a former daemon', () => {
	const { known, given } = made();
	known.resume([{ id: 'a', ...noted, times: 2 }]);
	const { times, againAt } = known.remember('a', died);
	assert.equal([times, againAt], [3, instantOf(20 * MINUTE_MS)]);
	known.remember('a', { ...died, mayPass: false });
	assert.is(known.remember('a', died).times, 1, 'what was not tried again by itself is no row');
	known.forget('a');
	given.nowMs = 1e12;
	assert.equal([known.of('a'), known.isDue('a'), known.remember('a', died).times], [null, false, 1]);
});

failures('are noted for the next daemon where nobody else has noted them', () => {
	const { known, given } = made();
	known.resume([{ id: 'a', ...noted, times: 2 }]);
	assert.is(given.notes, 0);
	known.remember('b', { ...died, isNoted: false });
	known.remember('c', died);
	known.forget('nothing');
	assert.is(given.notes, 2);
	const notes = [
		{ id: 'a', ...noted, times: 2 },
		{ id: 'c', ...noted, times: 1 },
	];
	assert.equal(known.notes, notes);
	const next = made();
	next.known.resume(notes);
	assert.equal(next.known.notes, notes);
	known.forget('a');
	assert.equal([known.notes, given.notes], [notes.slice(1), 3]);
});

failures('are a hundred at most: the oldest goes with its words and its next time', () => {
	const { known, given } = made();
	for (let n = 0; n <= 100; n += 1) known.remember(`${n}`, died);
	given.nowMs = 1e12;
	assert.equal(
		[known.of('0'), known.isDue('0'), known.isDue('1'), known.notes.length],
		[null, false, true, 100],
	);
});

failures.run();
