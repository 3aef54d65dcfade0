import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { StationState } from '../../src/protocol/states.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { fakeClock } from '../faketime.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const jumps = suite('a wall clock that jumps');

const MINUTE_MS = 60_000;

jumps('by 30 days and back by two hours takes nothing from numbers and durations', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const { path } = folder;
	const clock = await fakeClock(path);
	if (!clock) return;
	await mkdir(join(path, 'pictures'));
	await writeFile(join(path, 'pictures', '0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	await using broker = await startMosquitto(await freePort(), path);
	await using subscriber = await listen(broker.url);
	const told = <T>(topic: string) =>
		subscriber.heard
			.filter((heard) => heard.topic === topic)
			.map(({ payload }) => JSON.parse(payload.toString()) as T);
	const verdicts = () => told<VerdictMessage>('inspectord/t/s/verdict');
	const config = join(path, 'line.yaml');
	await writeFile(
		config,
		`box: t
mqtt: { url: "${broker.url}" }
stations: { s: { camera: { source: pictures, loop: true }, recipe: r } }
recipes: { r: { model: bundle, threads: 1, trigger: { everyMs: 50 } } }
`,
	);
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
