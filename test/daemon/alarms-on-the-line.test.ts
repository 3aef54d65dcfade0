import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { AlarmBody, AlarmMessage } from '../../src/protocol/alarm.js';
import type { Answer } from '../../src/protocol/answer.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { type Running, start } from '../program.js';
import { ALL, journalIn } from '../sqlite/journals.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const alarms = suite('alarms of a whole box');

/** A box whose station `bad` rejects every part, and whose station `good` accepts every part. */
async function line() {
	const folder = await temporaryFolder();
	const { path } = folder;
	await mkdir(join(path, 'pictures'));
	await writeFile(join(path, 'pictures/0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	const broker = await startMosquitto(await freePort(), path);
	const heard = await listen(broker.url);
	const config = join(path, 'line.yaml');
	const station = (name: string) =>
		`  ${name}: { camera: { source: pictures, loop: true }, recipe: ${name} }\n`;
	const recipe = (name: string, threshold: number, rule: string) =>
		`  ${name}: { model: bundle, threads: 1, threshold: ${threshold}, trigger: { everyMs: 50 }, alarms: ${rule} }\n`;
	/** No alarm that an error verdict clears: a box that is killed owes one for the part in work. */
	const write = (stations: readonly string[]) =>
		writeFile(
			config,
			`box: t\nmqtt: { url: "${broker.url}" }\ncontrol: { remote: operator }\nstations:\n${stations.map(station).join('')}recipes:\n${recipe('bad', 1e-9, '{ stuck: { kOfN: { k: 5, n: 50 } } }')}${recipe('good', 1e9, '{ stuck: { kOfN: { k: 1, n: 1 } } }')}`,
		);
	await write(['bad', 'good']);
	const boxes: Running[] = [];
	const said = <T>(topic: string) =>
		heard.heard
			.filter((one) => one.topic === `inspectord/t/${topic}` && one.payload.length > 0)
			.map(({ payload }) => JSON.parse(payload.toString()) as T);
	let asked = 0;
	return {
		path,
		heard: heard.heard,
		broker,
		write,
		box: () => {
			const box = start('run', '--config', config);
			boxes.push(box);
			return box;
		},
		verdicts: (station: string) => said<VerdictMessage>(`${station}/verdict`),
		alarms: (station: string) => said<AlarmMessage>(`${station}/alarm`),
		ask: async (question: object, role = 'operator'): Promise<Answer> => {
			asked += 1;
			const id = `desk-${asked}`;
			await heard.client.publishAsync(
				`inspectord/t/request/${role}/acknowledge`,
				JSON.stringify({ id, client: 'desk', ...question }),
				{ qos: 1 },
			);
			const answer = () => said<Answer>('answer/desk').find((one) => one.id === id);
			await eventually('it is answered', () => answer() !== undefined);
			return answer()!;
		},
		/** What stands in the journal, while no box runs. */
		recorded: async () => {
			await using journal = await journalIn(join(path, 't-state'));
			return journal.events(ALL, 1e6);
		},
		[Symbol.asyncDispose]: async () => {
			for (const box of boxes) await box[Symbol.asyncDispose]();
			await heard[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

const stateOf = (messages: readonly AlarmMessage[]) => messages.at(-1)?.alarms[0]?.state;

alarms(
	'are raised, stand through kill -9, are acknowledged by an operator, and go with their station',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await line();
		let box = world.box();
		await eventually(
			'the alarm is raised',
			() => stateOf(world.alarms('bad')) === 'active-unacknowledged',
			60_000,
		);
		const [alarm] = world.alarms('bad').at(-1)!.alarms;
		await eventually('its verdict is there', () =>
			world.verdicts('bad').some(({ id }) => id === alarm!.verdict),
		);
		const raising = world.verdicts('bad').find(({ id }) => id === alarm!.verdict);
		assert.is(raising!.sequence, 5, 'the fifth reject');
		assert.is(stateOf(world.alarms('good')), 'normal');

		assert.is((await world.ask({}, 'viewer')).code, 'denied');
		assert.is(
			(await world.ask({ station: 'bda' })).text,
			'station: there is no station "bda", did you mean "bad"?',
		);
		assert.is((await world.ask({ alarm: 'stuk' })).faults[0]!.path, 'alarm');
		assert.is((await world.ask({ station: 'good' })).code, 'conflict');

		await box[Symbol.asyncDispose]();
		const before = world.alarms('bad').length;
		box = world.box();
		await eventually('it is said again', () => world.alarms('bad').length > before, 60_000);
		const again = world.alarms('bad').at(-1)!.alarms[0]!;
		assert.equal([again.state, again.verdict, again.times], ['active-unacknowledged', alarm!.verdict, 1]);

		const done = await world.ask({ station: 'bad', comment: 'lens cleaned' });
		assert.equal(
			[done.code, done.text, done.result],
			[
				'ok',
				'1 alarm acknowledged',
				{ alarms: [{ station: 'bad', alarm: 'stuck', state: 'active-acknowledged' }] },
			],
		);
		await eventually('that is said', () => stateOf(world.alarms('bad')) === 'active-acknowledged');
		assert.is((await world.ask({ station: 'bad' })).code, 'conflict');

		box.child.kill('SIGTERM');
		await box.ended;
		await world.write(['good']);
		box = world.box();
		const emptied = () =>
			world.heard.some(({ topic, payload }) => topic === 'inspectord/t/bad/alarm' && payload.length === 0);
		await eventually('the alarms of what is gone are taken away', emptied, 60_000);
		await using late = await listen(world.broker.url, 'inspectord/t/+/alarm');
		await eventually('who comes later hears of good', () => late.heard.length > 0);
		assert.equal(
			late.heard.map(({ topic, retain }) => [topic, retain]),
			[['inspectord/t/good/alarm', true]],
		);
		box.child.kill('SIGTERM');
		assert.is((await box.ended).code, 0);

		const recorded = await world.recorded();
		const events = recorded.filter(({ kind, station }) => kind === 'alarm' && station === 'bad');
		const changes = events.flatMap(({ body }) => (body as AlarmBody).changes.map(({ change }) => change));
		assert.equal(changes, ['raised', 'acknowledged', 'removed']);
		const acknowledged = events.map(({ body }) => body as AlarmBody).find(({ by }) => by !== null)!;
		assert.equal(
			[acknowledged.by, acknowledged.comment],
			[{ role: 'operator', place: 'inspectord/t/answer/desk' }, 'lens cleaned'],
		);
		for (const { id, body } of events) assert.ok(id > (body as AlarmBody).upTo, 'after what was looked at');
		const numbers = recorded.filter(({ kind, station }) => kind === 'verdict' && station === 'bad');
		assert.equal(
			numbers.map(({ sequence }) => sequence),
			numbers.map((_, i) => i + 1),
			'no verdict is lost for it',
		);
		assert.equal(breaches(world.heard), []);
	},
);

alarms.run();
