import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/base/retry.js';
import { together } from '../together.js';

const tests = suite('tests that wait together');

const never = new AbortController().signal;

/** The tests of a suite, as uvu would hear of them. */
function heardBy(atOnce: number, works: readonly (() => Promise<void> | void)[]) {
	const told: { readonly title: string; readonly run: () => unknown }[] = [];
	const add = together(((title: string, run: () => unknown) => told.push({ title, run })) as never, atOnce);
	for (const [i, work] of works.entries()) add(`${i}`, work);
	return told;
}

tests('begin with the first, so many at once, and each ends under its own title', async () => {
	let [open, most] = [0, 0];
	const waits = async () => {
		open += 1;
		most = Math.max(most, open);
		await pause(20, never);
		open -= 1;
	};
	const told = heardBy(3, [waits, waits, waits, waits, waits]);
	assert.is(most, 0);
	for (const { run } of told) await run();
	assert.equal([told.map(({ title }) => title), most, open], [['0', '1', '2', '3', '4'], 3, 0]);
});

tests('fail alone, whether they throw at once or later', async () => {
	const told = heardBy(2, [
		() => {
			throw new Error('at once');
		},
		async () => {
			await pause(1, never);
			throw new Error('later');
		},
		() => {},
	]);
	const outcomes = await Promise.allSettled(told.map(async ({ run }) => run()));
	assert.equal(
		outcomes.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : 'passed')),
		['at once', 'later', 'passed'],
	);
});

tests.run();
