import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BoxState, StationState } from '../../src/protocol/states.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto } from '../mosquitto.js';
import { startWith } from '../program.js';
import { slowDisk } from '../sqlite/slow-disk.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { heardBox } from './heard-box.js';

const disk = suite('a disk that dies');

disk('leaves the stations inspecting, is told at once, and takes nothing from the numbers', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const { path } = folder;
	const library = slowDisk(path);
	if (library === undefined) return;
	const port = await freePort();
	await using line = await heardBox(path, `metrics: { listen: "127.0.0.1:${port}" }\n`);
	const { config, told, verdicts } = line;
	const box = () => told<BoxState>('inspectord/t/state').at(-1);
	/** As Prometheus reads it: a series by its name, all its labels summed. */
	const metric = async (name: string) => {
		const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
		const lines = text.split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
		return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
	};
	const counted = () => metric('inspectord_verdicts_total');
	const fails = join(path, 'fails');
	const env = { LD_PRELOAD: library, SLOW_DISK_FAILS: fails };
	await using running = startWith(env, 'run', '--config', config);
	await eventually('it inspects', () => verdicts().length > 5);
	assert.equal([box()!.state, box()!.journal], ['online', null]);

	await writeFile(fails, '');
	await eventually('the box says so', () => box()!.state === 'degraded' && box()!.journal !== null);
	// What was on its way to the broker stands on the disk; from now on nothing comes.
	const before = await counted();
	await eventually('the station goes on', async () => (await counted()) > before + 20);
	assert.is(await metric('inspectord_journal_failing'), 1);
	assert.is(told<StationState>('inspectord/t/s/state').at(-1)!.state, 'running');
	const [heard, parts] = [verdicts().length, await counted()];
	assert.ok(parts > heard + 10, `${heard} of ${parts} were said`);

	await rm(fails);
	await eventually('it is written to again', () => box()!.state === 'online' && box()!.journal === null);
	await eventually('what waited is said', () => verdicts().length > parts);
	assert.is(await metric('inspectord_journal_failing'), 0);
	running.child.kill('SIGTERM');
	assert.is((await running.ended).code, 0);
	const numbers = verdicts().map(({ sequence }) => sequence);
	assert.equal(
		[...new Set(numbers)].sort((a, b) => a - b),
		Array.from(new Set(numbers), (_, i) => i + 1),
	);
});

disk.run();
