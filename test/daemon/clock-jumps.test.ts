import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StationState } from '../../src/protocol/states.js';
import { fakeClock } from '../faketime.js';
import { eventually } from '../free-port.js';
import { hasMosquitto } from '../mosquitto.js';
import { startWith } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { heardBox } from './heard-box.js';

const jumps = suite('a wall clock that jumps');

const MINUTE_MS = 60_000;

jumps('by 30 days and back by two hours takes nothing from numbers and durations', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const { path } = folder;
	const clock = await fakeClock(path);
	if (!clock) return;
	await using box = await heardBox(path);
	const { config, told, verdicts } = box;
	await using running = startWith(clock.env, 'run', '--config', config);
	await eventually('it inspects', () => verdicts().length > 10);
	for (const by of ['+30d', '-2h']) {
		await clock.jump(by);
		const before = verdicts().length;
		await eventually(`it goes on after ${by}`, () => verdicts().length > before + 20);
	}
	running.child.kill('SIGTERM');
	assert.is((await running.ended).code, 0);
	const all = verdicts();
	assert.equal(
		all.map(({ sequence }) => sequence),
		all.map((_, i) => i + 1),
	);
	for (const { latency, late, clock, id } of all) {
		for (const [stage, ms] of Object.entries(latency))
			assert.ok(ms === null || (ms >= 0 && ms < MINUTE_MS), `${id}: ${stage} took ${ms} ms`);
		assert.is(late, false);
		assert.ok('synchronised' in clock);
	}
	const moments = all.map(({ monotonicMs }) => monotonicMs);
	assert.equal(
		moments,
		[...moments].sort((a, b) => a - b),
	);
	const days = (Math.max(...all.map(({ times }) => Date.parse(times.recorded))) - Date.now()) / 86_400_000;
	assert.ok(days > 29, 'the clock jumped');
	const states = told<StationState>('inspectord/t/s/state').map(({ state }) => state);
	assert.equal([...new Set(states)].sort(), ['running', 'starting', 'stopped']);
	assert.is(new Set(all.map(({ run }) => run)).size, 1, 'one process of the station did it all');
});

jumps.run();
