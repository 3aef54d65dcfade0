import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HealthWorld, startHealth } from '../../src/daemon/health.js';
import type { Moments } from '../../src/daemon/record.js';
import { createTallies } from '../../src/daemon/tally.js';
import { type Condition, watchCondition } from '../../src/machine/condition.js';
import type { Event } from '../../src/protocol/events.js';
import { gapEntry } from '../../src/protocol/gap.js';
import { type Health, healthSchema } from '../../src/protocol/health.js';
import { noCounts } from '../../src/protocol/states.js';
import { type StationVerdict, unjudged, unknownClock } from '../../src/protocol/verdict.js';
import { verdictEntry } from '../../src/protocol/verdict-message.js';
import { noneDropped } from '../../src/sqlite/backlog.js';
import { origin } from '../origin.js';

const health = suite('the health of a box');

const verdict: StationVerdict = {
	...unjudged(origin, {
		runSequence: 1,
		frame: null,
		part: null,
		trigger: null,
		taken: { wallMs: 0, monotonicMs: 0 },
	}),
	verdict: 'accept',
	score: 0.5,
	latency: { waitMs: 1, prepareMs: 2, modelMs: 30, decideMs: 0, drawMs: 0 },
};

const eventOf = (id: number, entry = verdictEntry(verdict, unknownClock)): Event => ({
	...entry,
	id,
	sequence: id,
	recordedMs: 9000,
});

const gapOf = (id: number, reason: 'retention' | 'refused') =>
	eventOf(id, gapEntry('t', 's', { from: 3, to: 5, reason }, 0));

const warm: Condition = {
	thermal: {
		hottest: { zone: 'tj-thermal', celsius: 70, limitCelsius: 99 },
		slowed: ['cpufreq-cpu0'],
		events: 3,
	},
	throttled: true,
	power: {
		mode: { id: 2, name: 'MAXN_SUPER' },
		modes: [],
		rails: [{ rail: 'VDD_IN', watts: 9.5 }],
		watts: 9.5,
	},
	clocks: {
		cpu: [
			{ name: 'policy0', hertz: 729_600_000, locked: false },
			{ name: 'policy4', hertz: 1_728_000_000, locked: false },
		],
		gpu: [{ name: '17000000.gpu', hertz: 1_020_000_000, locked: true }],
		locked: false,
	},
	memory: { totalBytes: 8, availableBytes: 4, swapBytes: 2 },
};

/** A box of functions: `next` lets time pass until it tells its health. */
function box(more: Partial<HealthWorld> = {}) {
	const told: Health[] = [];
	const topics = new Set<string>();
	const moments = new Map<number, Moments>();
	const waits: number[] = [];
	let hear: (events: readonly Event[]) => void = () => {};
	let pass = () => {};
	const world: HealthWorld = {
		version: '1.2.3',
		boot: 'boot',
		records: {
			clock: () => unknownClock,
			record: { momentsOf: (id) => moments.get(id), states: () => [] },
			journal: {
				condition: {
					databaseBytes: 100,
					pictureBytes: 20,
					events: 1,
					pictures: 1,
					oldestMs: null,
					freeBytes: 1,
					waiting: 0,
					waitingBytes: 0,
					excess: null,
					isTight: false,
					dropped: noneDropped,
					failure: null,
				},
				events: async ({ from }) => [eventOf(from)],
				onEvents: (listener) => {
					hear = listener;
					return () => {
						hear = () => {};
					};
				},
			},
		},
		broker: () => ({
			backlog: { verdicts: 4, pictures: 2, oldest: 7 },
			connected: true,
			connections: 3,
			dropped: { verdicts: 1, heatmaps: 2 },
			retain: (topic, payload) => {
				topics.add(topic);
				told.push(JSON.parse(new TextDecoder().decode(payload)));
			},
		}),
		stations: () => [
			{
				vitals: {
					station: 's',
					state: 'running',
					counts: { ...noCounts, parts: 5, droppedFrames: 2 },
					pid: 12,
					restarts: 1,
					engines: { onnxruntime: '1', opencv: '4' },
				},
			},
		],
		machine: {
			memoryOf: async (pid) => (pid === 12 ? 1000 : 2000),
			spaceAt: async () => ({ freeBytes: 5, totalBytes: 10 }),
			systemName: async () => 'Linux',
			watchCondition: () => async () => warm,
		},
		pace: {
			now: () => 1500,
			pause: (ms, signal) =>
				new Promise((resolve) => {
					waits.push(ms);
					pass = resolve;
					signal.addEventListener('abort', () => resolve());
				}),
		},
		wallClock: () => 10_000,
		alarms: () => undefined,
		silent: () => [],
		tallies: createTallies(1500),
		...more,
	};
	const service = startHealth({ box: 't', root: 'a/b', everyMs: 30_000, folder: '/' }, world);
	return {
		service,
		moments,
		told,
		topics,
		waits,
		hear: (...events: Event[]) => hear(events),
		next: async (): Promise<Health> => {
			const before = waits.length;
			pass();
			while (waits.length === before) await new Promise((resolve) => setImmediate(resolve));
			return told.at(-1)!;
		},
	};
}

health('is told soon after the start and then regularly, as its schema says', async () => {
	const { service, next, topics, waits, told } = box();
	const first = await next();
	assert.equal(healthSchema.parse(first), first);
	assert.equal([...topics], ['a/b/t/health']);
	const { outbox, drops, reconnects, disk, memoryBytes, versions, at } = first;
	assert.equal(outbox, { verdicts: 4, pictures: 2, oldest: '1970-01-01T00:00:09.000Z', oldestAgeS: 1 });
	assert.equal(drops, {
		framesOvertaken: 2,
		triggersDropped: 0,
		verdictsRefused: 1,
		verdictsLost: 0,
		picturesRefused: 2,
	});
	assert.equal(
		{ reconnects, disk, memoryBytes, at },
		{
			reconnects: 2,
			disk: { freeBytes: 5, totalBytes: 10, journalBytes: 120 },
			memoryBytes: 2000,
			at: '1970-01-01T00:00:10.000Z',
		},
	);
	assert.equal([versions.inspectord, versions.onnxruntime, versions.opencv], ['1.2.3', '1', '4']);
	await next();
	assert.equal(waits, [2000, 30_000, 30_000]);
	await service[Symbol.asyncDispose]();
	assert.is(told.length, 2);
});

health('tells how the machine is, and nulls where the machine tells nothing', async () => {
	const { service, next } = box();
	assert.equal((await next()).machine, {
		hottest: { zone: 'tj-thermal', celsius: 70, limitCelsius: 99 },
		throttled: true,
		throttledBy: ['cpufreq-cpu0'],
		throttlings: 3,
		powerMode: 'MAXN_SUPER',
		watts: 9.5,
		rails: [{ rail: 'VDD_IN', watts: 9.5 }],
		clocks: { locked: false, cpuMHz: 1728, gpuMHz: 1020 },
		memory: { totalBytes: 8, availableBytes: 4 },
	});
	await service[Symbol.asyncDispose]();
	const machine = { memoryOf: async () => 1, spaceAt: async () => ({ freeBytes: 1, totalBytes: 1 }) };
	const nowhere = () => watchCondition('/not/there');
	const silent = box({
		machine: { ...machine, systemName: async () => 'Linux', watchCondition: nowhere },
	});
	const told = await silent.next();
	assert.equal(healthSchema.parse(told), told);
	assert.equal(told.machine, {
		hottest: null,
		throttled: null,
		throttledBy: [],
		throttlings: null,
		powerMode: null,
		watts: null,
		rails: [],
		clocks: { locked: null, cpuMHz: null, gpuMHz: null },
		memory: { totalBytes: null, availableBytes: null },
	});
	await silent.service[Symbol.asyncDispose]();
});

health('tells how long parts took since it was told before, and of each once', async () => {
	const { service, next, hear, moments } = box();
	hear(eventOf(1), eventOf(2));
	moments.set(1, { heardMs: 100, recordedMs: 104, deliveredMs: 105 });
	moments.set(2, { heardMs: 100, recordedMs: 104 });
	const [first] = (await next()).stations;
	assert.equal([first!.parts, first!.frames, first!.memoryBytes], [5, 7, 1000]);
	const of = (ms: number) => ({ p50Ms: ms, p95Ms: ms, p99Ms: ms });
	const { wait, model, record, publish } = first!.latency;
	assert.equal(
		{ wait, model, record, publish },
		{ wait: of(1), model: of(30), record: of(4), publish: of(1) },
	);
	moments.set(2, { heardMs: 100, recordedMs: 104, deliveredMs: 124 });
	const [second] = (await next()).stations;
	assert.equal(second!.latency.publish, of(20));
	assert.is(second!.latency.record, null);
	assert.is(second!.latency.model, null);
	assert.is((await next()).stations[0]!.latency.publish, null);
	await service[Symbol.asyncDispose]();
});

health(
	'is looked at between two tellings without taking anything from the next, and goes on counting',
	async () => {
		const tallies = createTallies(0);
		const { service, next, hear, moments } = box({ tallies });
		await next();
		hear(eventOf(1), gapOf(2, 'retention'));
		moments.set(1, { heardMs: 100, recordedMs: 104, deliveredMs: 105 });
		const look = await service.look();
		assert.is(look.health.stations[0]!.latency.model!.p50Ms, 30);
		assert.equal(await service.look(), look);
		const told = await next();
		assert.equal(told, look.health);
		const after = await service.look();
		assert.is(after.health.stations[0]!.latency.model, null);
		const { latency } = after.tallies[0]!;
		assert.equal([latency.get('model')!.count, latency.get('model')!.sum], [1, 0.03]);
		assert.is(after.isConnected, true);
		await service[Symbol.asyncDispose]();
		const second = box({ tallies });
		const later = await second.next();
		assert.equal([later.drops.verdictsLost, later.uptimeS], [3, 1.5]);
		assert.is((await second.service.look()).tallies[0]!.latency.get('model')!.count, 1);
		await second.service[Symbol.asyncDispose]();
	},
);

health('counts what had to go before it was delivered, and not twice what was refused', async () => {
	const { service, next, hear } = box();
	hear(gapOf(1, 'retention'), gapOf(2, 'refused'));
	assert.is((await next()).drops.verdictsLost, 3);
	await service[Symbol.asyncDispose]();
});

health('is told with what is known where nothing runs yet, and says nothing without a broker', async () => {
	const alone = box({ stations: () => [], broker: () => undefined });
	assert.is(await alone.next(), undefined);
	await alone.service[Symbol.asyncDispose]();
	const { service, next } = box({ stations: () => [] });
	const told = await next();
	assert.equal(healthSchema.parse(told), told);
	assert.equal([told.versions.opencv, told.stations], [null, []]);
	await service[Symbol.asyncDispose]();
});

health('holds a bounded number of verdicts that wait for the broker', async () => {
	const { service, next, hear, moments } = box();
	for (let id = 1; id <= 5000; id += 1) {
		hear(eventOf(id));
		moments.set(id, { heardMs: 0, recordedMs: id });
	}
	const [only] = (await next()).stations;
	assert.ok(only!.latency.record!.p50Ms > 5000 - 1024, 'of the newest alone');
	await service[Symbol.asyncDispose]();
});

health.run();
