import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BoxState, StationState } from '../../src/protocol/states.js';
import { answerOf } from '../answer-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen } from '../mosquitto.js';
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
	const state = join(path, 'journal');
	await using line = await heardBox(
		path,
		`metrics: { listen: "127.0.0.1:${port}" }\njournal: { folder: "${state}" }\n`,
		', asked: { camera: { source: pictures, loop: true }, recipe: asked }',
		', asked: { model: bundle, threads: 1, trigger: { mode: request } }',
	);
	const { config, broker, told, verdicts } = line;
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
	await using newcomer = await listen(broker, 'inspectord/t/state');
	await eventually('it stands on the broker', () => newcomer.heard.length > 0);
	assert.is(JSON.parse(newcomer.heard[0]!.payload.toString()).state, 'degraded');
	const signalled = async () => answerOf(state, 'trigger', { station: 'asked', part: 'P-1' });
	const refused = await signalled();
	assert.is(refused.code, 'busy');
	assert.match(refused.text, /makes no part: the journal cannot be written to/);
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
	assert.is((await signalled()).code, 'ok');
	await eventually(
		'a part that is asked for has a verdict',
		() => told('inspectord/t/asked/verdict').length > 0,
	);
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
