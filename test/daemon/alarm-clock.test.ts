import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAlarmClock } from '../../src/daemon/alarm-clock.js';
import { eventually } from '../free-port.js';

const clocks = suite('an alarm clock');

clocks('rings by itself, and at once when somebody looks after the moment has come', async () => {
	let nowMs = 0;
	const clock = createAlarmClock(() => nowMs);
	const rung: string[] = [];
	clock.set(60_000, () => rung.push('looked at'));
	clock.set(20, () => rung.push('by itself'));
	const off = clock.set(50_000, () => rung.push('never'));
	await eventually('it rings', () => rung.length === 1);
	clock.look();
	assert.equal(rung, ['by itself']);
	off();
	nowMs = 60_000;
	clock.look();
	clock.look();
	assert.equal(rung, ['by itself', 'looked at']);
});

clocks('can be set while it rings, and one that rings may keep another from it', () => {
	let nowMs = 0;
	const clock = createAlarmClock(() => nowMs);
	const rung: number[] = [];
	let off = () => {};
	const again = clock.set(10, () => {
		rung.push(1);
		off();
		clock.set(10, () => rung.push(3));
	});
	off = clock.set(10, () => rung.push(2));
	nowMs = 10;
	clock.look();
	assert.equal(rung, [1]);
	nowMs = 20;
	clock.look();
	assert.equal(rung, [1, 3]);
	again();
});

clocks.run();
