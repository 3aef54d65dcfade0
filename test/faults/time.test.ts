import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTime } from './time.js';

const times = suite('simulated time');

const never = new AbortController().signal;

times('lets moments come in their order, whoever waits for them', async () => {
	const time = createTime(() => 0);
	const [a, b] = [time.createBeing(), time.createBeing()];
	const came: string[] = [];
	a.later(30, () => came.push(`30 at ${time.now()}`));
	void b.pause(10, never).then(() => came.push(`10 at ${time.now()}`));
	a.later(10, () => came.push('10 too'));
	await time.pass(20, () => {});
	assert.equal(came, ['10 at 10', '10 too']);
	assert.is(time.now(), 20);
	await time.pass(40, () => {});
	assert.equal(came.at(-1), '30 at 30');
});

times('repeats until it is told to stop', async () => {
	const time = createTime(() => 0);
	let rings = 0;
	const stop = time.createBeing().every(10, () => {
		rings += 1;
	});
	await time.pass(35, () => {});
	stop();
	await time.pass(100, () => {});
	assert.is(rings, 3);
});

times('puts off what comes to one that is stopped, and never tells one that was killed', async () => {
	const time = createTime(() => 0);
	const [stopped, killed] = [time.createBeing(), time.createBeing()];
	const came: string[] = [];
	for (const [name, being] of [
		['stopped', stopped],
		['killed', killed],
	] as const)
		being.later(10, () => came.push(`${name} at ${time.now()}`));
	stopped.stop();
	killed.kill();
	await time.pass(20, () => {});
	assert.equal(came, []);
	stopped.resume();
	await time.pass(30, () => {});
	assert.equal(came, ['stopped at 20']);
});

times('ends a pause with its signal', async () => {
	const time = createTime(() => 0);
	const over = new AbortController();
	let ended = Number.NaN;
	void time
		.createBeing()
		.pause(1000, over.signal)
		.then(() => {
			ended = time.now();
		});
	time.createBeing().later(5, () => over.abort());
	await time.pass(50, () => {});
	assert.is(ended, 5);
});

times.run();
