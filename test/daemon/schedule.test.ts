import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { report } from '../../src/daemon/report.js';
import { type ScheduleWorld, startSchedule } from '../../src/daemon/schedule.js';
import { reportSchema } from '../../src/protocol/report.js';
import { eventually } from '../free-port.js';

const schedule = suite('what is scheduled');

/** A clock of functions: `due` begins a job as cron would. */
function scheduled(work: Partial<ScheduleWorld['work']>) {
	const lines: string[] = [];
	const tasks = new Map<string, { readonly task: () => void; readonly zone: string | undefined }>();
	const nothing = async () => 'nothing';
	const service = startSchedule(
		{ selfCheck: '0 3 * * *', report: '0 6 * * *', zone: 'Europe/Berlin' },
		{
			work: { selfCheck: nothing, report: nothing, vacuum: nothing, ...work },
			at: (expression, name, task, zone) => {
				tasks.set(`${name} ${expression}`, { task, zone });
				return { name, [Symbol.asyncDispose]: async () => void tasks.delete(`${name} ${expression}`) };
			},
			log: (level, _about, line, event) => lines.push(`${level} ${event} ${line}`),
		},
	);
	return { service, lines, tasks, due: (key: string) => tasks.get(key)!.task() };
}

schedule('is begun at its times, in its zone, and what is not wanted is not', async () => {
	const { service, tasks, lines, due } = scheduled({ report: async () => 'told' });
	assert.equal([...tasks.keys()], ['selfCheck 0 3 * * *', 'report 0 6 * * *']);
	assert.equal(
		[...tasks.values()].map(({ zone }) => zone),
		['Europe/Berlin', 'Europe/Berlin'],
	);
	due('report 0 6 * * *');
	await eventually('it is done', () => lines.includes('info schedule.done report: told'));
	await service[Symbol.asyncDispose]();
	assert.is(tasks.size, 0);
});

schedule('is left out while the one before is at work, and begun again after it', async () => {
	let over = () => {};
	let begun = 0;
	const { service, lines, due } = scheduled({
		report: () => {
			begun += 1;
			return new Promise((resolve) => {
				over = () => resolve('told');
			});
		},
	});
	due('report 0 6 * * *');
	due('report 0 6 * * *');
	due('selfCheck 0 3 * * *');
	assert.is(begun, 1);
	assert.equal(lines, ['warning schedule.left-out report is left out: the one before is still at work']);
	over();
	await eventually('it is done', () => lines.includes('info schedule.done report: told'));
	due('report 0 6 * * *');
	assert.is(begun, 2);
	over();
	await service[Symbol.asyncDispose]();
});

schedule('says what failed, and ends what is at work with the daemon', async () => {
	const { service, lines, due } = scheduled({
		selfCheck: async () => {
			throw new Failure('bundle-golden', 'lid scores otherwise');
		},
		report: (signal) =>
			new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
	});
	due('selfCheck 0 3 * * *');
	due('report 0 6 * * *');
	await eventually('it has failed', () =>
		lines.includes('warning schedule.failed selfCheck: lid scores otherwise'),
	);
	await service[Symbol.asyncDispose]();
	assert.is(lines.length, 1);
});

schedule('reports what every station judged, those too that judged nothing', async () => {
	const noted: unknown[] = [];
	const said: string[] = [];
	const words = await report(
		{
			box: 't',
			stations: () => ['a', 'idle'],
			counts: async () => ({
				fromMs: 1000,
				through: 17,
				stations: [
					{ station: 'a', accept: 5, reject: 2, error: 1 },
					{ station: 'gone', accept: 1, reject: 0, error: 0 },
				],
			}),
			record: {
				note: async (entry) => {
					noted.push(entry.body);
					return undefined;
				},
				retain: (topicAt, payload) => {
					said.push(topicAt('root'), new TextDecoder().decode(payload));
				},
			},
			wallClock: () => 61_000,
		},
		new AbortController().signal,
	);
	assert.is(
		words,
		'a: 8 parts, 2 rejected, 1 errors; gone: 1 parts, 0 rejected, 0 errors; idle: 0 parts, 0 rejected, 0 errors',
	);
	const [topic, payload] = said;
	assert.is(topic, 'root/t/report');
	const told = reportSchema.parse(JSON.parse(payload!));
	assert.equal(noted, [{ ...told, through: 17 }]);
	assert.equal([told.from, told.at], ['1970-01-01T00:00:01.000Z', '1970-01-01T00:01:01.000Z']);
	assert.equal(
		told.stations.map(({ station, parts }) => [station, parts]),
		[
			['a', 8],
			['gone', 1],
			['idle', 0],
		],
	);
});

schedule.run();
