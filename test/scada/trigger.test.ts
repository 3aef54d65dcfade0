import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { childrenOf } from '../children-of.js';
import { eventually } from '../free-port.js';
import { hasMosquitto } from '../mosquitto.js';
import { program } from '../program.js';
import { EXAMPLES, type Example, example, type Plant, plant, type Said } from './plant.js';

const bridge = suite('docs/scada/trigger.mjs');

/** A plant whose stations wait for requests, without a damaged picture. */
async function triggered(): Promise<Plant> {
	const line = await plant(
		[],
		'',
		'deadlineMs: 3000, trigger: { mode: request, queue: 2, withinMs: 2900 }',
		'control: { remote: operator }\n',
	);
	const picture = (i: number) => join(line.path, `pictures/${i}.png`);
	await copyFile(picture(0), picture(9));
	return line;
}

const bridgeTo = ({ path, broker }: Plant, station: string): Example =>
	example(process.execPath, [join(EXAMPLES, 'trigger.mjs'), broker.url, 't', station], path, {
		VIEW_MS: '3000',
		RESULT_MS: '8000',
	});

const results = ({ said }: Example) => said.filter(({ kind }) => kind === 'result');
const told = (said: readonly Said[]) => said.map(({ part, result, why }) => [part, result, why]);
const isReady = ({ said }: Example) => said.filter(({ kind }) => kind === 'ready').at(-1)?.is === true;
const isBusy = ({ said }: Example) => said.filter(({ kind }) => kind === 'busy').at(-1)?.is === true;

/** Triggers, and waits for the result of each. */
async function trigger(to: Example, ...parts: string[]): Promise<Said[]> {
	const before = results(to).length;
	to.child.stdin!.write(parts.map((part) => `${part}\n`).join(''));
	await eventually(`results ${to.errors()}`, () => results(to).length >= before + parts.length, 20_000);
	return results(to).slice(before);
}

bridge('tells each part once what it is, and that a part is not good whatever fails', async () => {
	if (!hasMosquitto()) return;
	await using line = await triggered();
	await using good = bridgeTo(line, 'good');
	await using bad = bridgeTo(line, 'bad');
	assert.equal(told(await trigger(good, 'early')), [['early', 'undecided', 'not ready']]);
	const box = line.box();
	await eventually('both are ready', () => isReady(good) && isReady(bad), 60_000);
	assert.equal(told(await trigger(good, 'P-1')), [['P-1', 'good', null]]);
	assert.equal(told(await trigger(good, 'P-1')), [['P-1', 'good', null]]);
	assert.equal(told(await trigger(bad, 'P-2')), [['P-2', 'bad', 'above-threshold']]);
	await eventually('they are busy no more', () => !isBusy(good) && !isBusy(bad));

	const many = await trigger(good, ...Array.from({ length: 40 }, (_, i) => `many-${i}`));
	assert.equal(new Set(many.map(({ part }) => part)).size, 40);
	assert.ok(many.some(({ result, why }) => result === 'undecided' && /^busy: /.test(why as string)));

	await eventually('no part waits any more', () => !isBusy(good));
	const stations = await childrenOf(box.child.pid!);
	for (const pid of stations) process.kill(pid, 'SIGSTOP');
	for (const part of ['hung', 'hung', 'hung'])
		assert.equal(told(await trigger(good, part)), [[part, 'undecided', 'deadline']]);
	await eventually('three in a row are too many', () => !isReady(good));
	for (const pid of stations) process.kill(pid, 'SIGCONT');
	const again = await program('ask', 'trigger', 'station=good', 'wait=true', '--config', line.config);
	assert.match(again.out, /"verdict": ?"accept"/, again.err);
	await eventually('one in time is enough', () => isReady(good));

	await line.broker.kill('SIGKILL');
	await eventually('they are not ready', () => !isReady(good) && !isReady(bad));
	assert.equal(told(await trigger(bad, 'cut')), [['cut', 'undecided', 'not ready']]);
	await line.restartBroker();
	await eventually('both are ready again', () => isReady(good) && isReady(bad), 60_000);
	const dying = trigger(good, 'dying');
	box.child.kill('SIGKILL');
	const [died] = await dying;
	assert.is.not(died!.result, 'bad');
	await eventually('it is busy no more', () => !isBusy(good));
	await eventually('not ready without a box', () => !isReady(good));
	line.box();
	await eventually('ready after kill -9', () => isReady(good), 60_000);
	assert.equal(told(await trigger(good, 'P-3')), [['P-3', 'good', null]]);
});

bridge.run();
