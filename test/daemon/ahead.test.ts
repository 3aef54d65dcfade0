import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startAhead } from '../../src/daemon/ahead.js';
import type { Child } from '../../src/process/child.js';

const ahead = suite('processes that begin ahead');

/** Counts what begins, and knows who was stopped. */
function starting(most = Number.POSITIVE_INFINITY) {
	const stopped: number[] = [];
	let begun = 0;
	const start = (): Child<never, never> => {
		if (begun >= most) throw new Error('no memory');
		begun += 1;
		const pid = begun;
		const ended = Promise.resolve({ code: null, signal: 'SIGTERM', stderrTail: '' });
		const stop = () => {
			stopped.push(pid);
			return ended;
		};
		return { pid, send: async () => {}, onMessage: () => {}, ended, stop };
	};
	return { start, stopped, begun: () => begun };
}

ahead('have begun when they are taken, and then new ones begin', () => {
	const { start, begun } = starting();
	const { take } = startAhead(2, start);
	assert.is(begun(), 2);
	const taken = [take(), take()].map(({ pid }) => pid);
	assert.equal([taken, begun()], [[1, 2], 2]);
	assert.equal([take().pid, begun()], [3, 3]);
});

ahead('end when nobody takes them, and those that were taken do not', async () => {
	const { start, stopped } = starting();
	const waiting = startAhead(3, start);
	waiting.take();
	await waiting[Symbol.asyncDispose]();
	await waiting[Symbol.asyncDispose]();
	assert.equal(stopped, [2, 3]);
	assert.is(waiting.take().pid, 4);
});

ahead('cannot begin: whoever takes one hears it', () => {
	const { take } = startAhead(2, starting(1).start);
	assert.is(take().pid, 1);
	assert.throws(take, /no memory/);
});

ahead.run();
