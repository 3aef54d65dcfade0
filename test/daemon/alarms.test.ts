import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import type { Asker } from '../../src/control/answer.js';
import { type AlarmsService, type AlarmsSettings, startAlarms } from '../../src/daemon/alarms.js';
import { type AlarmBody, type AlarmMessage, alarmSchema } from '../../src/protocol/alarm.js';
import type { Entry, Event } from '../../src/protocol/events.js';
import type { Verdict } from '../../src/protocol/verdict.js';

const alarms = suite('alarms in the daemon');

const VERDICTS: Readonly<Record<string, Verdict>> = { a: 'accept', r: 'reject', e: 'error' };

const stuck = { stuck: { consecutive: { of: 'rejects', n: 3 } } } as const;

const operator: Asker = { role: 'operator', place: 'x/t/answer/desk' };

/** A journal of functions: what is handed over stands with the next commit, in order; a daemon that dies loses what does not stand. */
function box() {
	const events: Event[] = [];
	const waiting: { readonly entry: Entry; readonly done: (event: Event | undefined) => void }[] = [];
	const listeners = new Set<(events: readonly Event[]) => void>();
	const topics = new Map<string, string>();
	const lines: string[] = [];
	const state = { isFull: false, canSearch: true, nowMs: 1000 };
	let alarm: AlarmsService | undefined;
	const append = (entry: Entry): Promise<Event | undefined> =>
		new Promise((done) => waiting.push({ entry, done }));
	/** What waits stands. */
	const commit = (): void => {
		const batch = waiting.splice(0);
		const added = batch.flatMap(({ entry, done }) => {
			if (state.isFull && entry.kind === 'alarm') {
				done(undefined);
				return [];
			}
			const id = events.length + 1;
			const event = { ...entry, id, sequence: entry.kind === 'verdict' ? id : null, recordedMs: state.nowMs };
			events.push(event);
			done(event);
			return [event];
		});
		if (added.length > 0) for (const listener of listeners) listener(added);
	};
	const settle = async (): Promise<void> => {
		for (let i = 0; i < 5 || waiting.length > 0; i += 1) {
			commit();
			await new Promise((resolve) => setImmediate(resolve));
		}
	};
	const start = (stations: AlarmsSettings['stations'] = { s: stuck }, name = 't'): AlarmsService => {
		alarm = startAlarms(
			{ box: name, stations },
			{
				journal: {
					series: 'abc',
					get last() {
						return { events: events.length, pictures: 0 };
					},
					events: async ({ from, to }, limit, kinds) =>
						events.filter(({ id, kind }) => id >= from && id <= to && kinds!.includes(kind)).slice(0, limit),
					onEvents: (listener) => {
						listeners.add(listener);
						return () => void listeners.delete(listener);
					},
				},
				record: {
					note: append,
					retain: (topicAt, payload) => void topics.set(topicAt('x'), new TextDecoder().decode(payload)),
				},
				verdictsOf: async (station, limit) => {
					if (!state.canSearch) throw new Failure('file-unreadable', 'it cannot be read');
					return events.filter((one) => one.station === station && one.kind === 'verdict').slice(-limit);
				},
				wallClock: () => state.nowMs,
				log: (level, about, message) => lines.push(`${level} ${about} ${message}`),
			},
		);
		return alarm;
	};
	return {
		state,
		events,
		lines,
		start,
		commit,
		settle,
		/** Verdicts in one commit. */
		give: (verdicts: string, station = 's') => {
			for (const letter of verdicts)
				void append({
					kind: 'verdict',
					station,
					atMs: state.nowMs,
					verdict: VERDICTS[letter]!,
					score: null,
					part: null,
					origin: { threshold: 0.5 },
					body: {},
				});
			commit();
		},
		/** `kill -9`: what waits is gone. */
		kill: async () => {
			waiting.length = 0;
			listeners.clear();
			await alarm?.[Symbol.asyncDispose]();
		},
		end: async () => {
			await settle();
			await alarm?.[Symbol.asyncDispose]();
		},
		/** What stands on the broker; undefined: nothing. */
		told: (station = 's'): AlarmMessage | undefined => {
			const text = topics.get(`x/t/${station}/alarm`);
			return text ? alarmSchema.parse(JSON.parse(text)) : undefined;
		},
		isEmptied: (station = 's') => topics.get(`x/t/${station}/alarm`) === '',
		noted: () => events.filter(({ kind }) => kind === 'alarm').map(({ body }) => body as AlarmBody),
	};
}

const statesOf = (message: AlarmMessage | undefined) =>
	message?.alarms.map(({ alarm, state }) => `${alarm} ${state}`);

alarms('stand on the broker from the start, and change with the verdict that raises them', async () => {
	const world = box();
	world.start();
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck normal']);
	world.give('rrr');
	await world.settle();
	const told = world.told()!;
	assert.equal([told.active, told.unacknowledged], [1, 1]);
	const [alarm] = told.alarms;
	assert.equal(alarm, {
		alarm: 'stuck',
		rule: 'consecutive',
		state: 'active-unacknowledged',
		since: '1970-01-01T00:00:01.000Z',
		verdict: 'abc-4',
		value: 3,
		setpoint: 3,
		times: 1,
	});
	const raised = world.noted().at(-1)!;
	assert.equal([raised.changes, raised.upTo], [[{ alarm: 'stuck', change: 'raised' }], 4]);
	assert.ok(world.events.at(-1)!.id > 4, 'after its verdict');
	assert.ok(world.lines.includes('warning s alarm "stuck" raised'));
	await world.end();
});

alarms('are said when they stand in the journal, and not before', async () => {
	const world = box();
	world.start();
	await world.settle();
	world.give('rrr');
	assert.equal(statesOf(world.told()), ['stuck normal']);
	world.commit();
	assert.equal(statesOf(world.told()), ['stuck active-unacknowledged']);
	await world.end();
});

alarms('are acknowledged by somebody, once, with a word', async () => {
	const world = box();
	const service = world.start({ s: { ...stuck, often: { kOfN: { of: 'rejects', k: 2, n: 10 } } }, u: stuck });
	await world.settle();
	world.give('rrr');
	world.give('rrra', 'u');
	await world.settle();
	assert.equal(await service.alarmsOf('s'), ['stuck', 'often']);
	assert.equal(await service.alarmsOf('nobody'), []);
	const acknowledge = async (which: object, comment: string | null = null) => {
		const done = service.acknowledge(which, operator, comment);
		await world.settle();
		return (await done).map(({ station, alarm, state }) => `${station} ${alarm} ${state}`);
	};
	assert.equal(await acknowledge({ station: 's', alarm: 'often' }, 'seen'), ['s often active-acknowledged']);
	const { by, comment, changes } = world.noted().at(-1)!;
	assert.equal(
		{ by, comment, changes },
		{
			by: { role: 'operator', place: 'x/t/answer/desk' },
			comment: 'seen',
			changes: [{ alarm: 'often', change: 'acknowledged' }],
		},
	);
	assert.equal(await acknowledge({ alarm: 'stuck' }), ['s stuck active-acknowledged', 'u stuck normal']);
	assert.equal(await acknowledge({}), []);
	world.give('aaa');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck normal', 'often active-acknowledged']);
	await world.end();
});

alarms('of two who acknowledge at once one has done it', async () => {
	const world = box();
	const service = world.start();
	await world.settle();
	world.give('rrr');
	await world.settle();
	const both = Promise.all([
		service.acknowledge({}, operator, null),
		service.acknowledge({}, operator, null),
	]);
	await world.settle();
	assert.equal((await both).map(({ length }) => length).sort(), [0, 1]);
	await world.end();
});

alarms('stand after a restart and after kill -9, and nobody is told twice', async () => {
	const world = box();
	world.start();
	await world.settle();
	world.give('rrra');
	await world.end();
	for (const stop of ['end', 'kill'] as const) {
		const noted = world.noted().length;
		const service = world.start();
		await world.settle();
		assert.equal(statesOf(world.told()), ['stuck latched-unacknowledged']);
		assert.is(world.noted().length, noted, 'nothing new was to be said');
		void service;
		await world[stop]();
	}
	const service = world.start();
	await world.settle();
	const done = service.acknowledge({}, operator, null);
	await world.settle();
	assert.equal((await done).length, 1);
	await world.kill();
	world.start();
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck normal']);
	await world.end();
});

alarms('that rose and fell while the daemon died are latched when it is back', async () => {
	const world = box();
	world.start();
	await world.settle();
	world.give('rr');
	world.give('rar');
	await world.kill();
	assert.is(world.noted().length, 1, 'what they did was lost');
	world.start();
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck latched-unacknowledged']);
	assert.equal(
		world.noted().flatMap(({ changes }) => changes.map(({ change }) => change)),
		['raised', 'cleared'],
	);
	await world.end();
});

alarms('count what came while they were being taken up, and each verdict once', async () => {
	const world = box();
	world.give('rr');
	world.start();
	world.give('a');
	world.give('rr');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck normal']);
	world.give('r');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck active-unacknowledged']);
	await world.end();
});

alarms('look with other rules at what stands at once, and none that stood goes without a word', async () => {
	const world = box();
	const service = world.start();
	await world.settle();
	world.give('rrr');
	await world.settle();
	await Promise.all([
		service.retell({ s: { stuck: { consecutive: { of: 'rejects', n: 5 } } } }),
		world.settle(),
	]);
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck latched-unacknowledged']);
	assert.is(world.told()!.alarms[0]!.setpoint, 5);
	await service.retell({ s: { other: { consecutive: { of: 'rejects', n: 3 } } } });
	await world.settle();
	assert.equal(statesOf(world.told()), ['other active-unacknowledged']);
	assert.equal(world.noted().at(-1)!.changes, [{ alarm: 'stuck', change: 'removed' }]);
	await service.retell({});
	await world.settle();
	assert.ok(world.isEmptied());
	assert.equal(world.noted().at(-1)!.changes, [{ alarm: 'other', change: 'removed' }]);
	assert.equal(await service.alarmsOf('s'), []);
	await world.end();
});

alarms('of a station that was taken away while the box was off are taken from the broker', async () => {
	const world = box();
	world.start();
	await world.settle();
	world.give('rrr');
	await world.end();
	for (const removed of [1, 1]) {
		world.start({});
		await world.settle();
		assert.ok(world.isEmptied());
		const changes = world
			.noted()
			.flatMap((body) => body.changes.filter(({ change }) => change === 'removed'));
		assert.is(changes.length, removed);
		await world.end();
	}
});

alarms('rules that are new look at the verdicts that there are', async () => {
	const world = box();
	world.give('rrrr');
	world.start({});
	await world.settle();
	assert.is(world.told(), undefined);
	await world.end();
	world.start();
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck active-unacknowledged']);
	await world.end();
});

alarms('go on where the journal cannot be searched, and where it could not hold one', async () => {
	const world = box();
	world.state.canSearch = false;
	world.start();
	await world.settle();
	assert.match(world.lines[0]!, /^warning s alarms begin without what was before: it cannot be read$/);
	world.state.isFull = true;
	world.give('rrr');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck normal']);
	world.state.isFull = false;
	world.give('r');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck active-unacknowledged']);
	await world.end();
});

alarms('an acknowledgement that the journal could not hold is no acknowledgement', async () => {
	const world = box();
	const service = world.start();
	await world.settle();
	world.give('rrr');
	await world.settle();
	world.state.isFull = true;
	const done = service.acknowledge({}, operator, null).then(
		() => 'done',
		(thrown) => thrown.code as string,
	);
	await world.settle();
	assert.is(await done, 'failed');
	world.state.isFull = false;
	world.give('r');
	await world.settle();
	assert.equal(statesOf(world.told()), ['stuck active-unacknowledged']);
	await world.end();
});

alarms('end also while the disk takes nothing', async () => {
	const world = box();
	const service = world.start();
	await world.settle();
	world.give('rrr');
	const retold = service.retell({ s: { other: { consecutive: { of: 'rejects', n: 3 } } } });
	await service[Symbol.asyncDispose]();
	await retold;
	assert.equal(statesOf(world.told()), ['stuck normal'], 'what does not stand in the journal is not said');
});

alarms('are said again before retention takes the last word, without being raised again', async () => {
	const world = box();
	world.start();
	await world.settle();
	world.give('rrr');
	await world.settle();
	const before = world.noted().length;
	for (let i = 0; i < 12; i += 1) {
		world.give('r'.repeat(100));
		await world.settle();
	}
	const again = world.noted().slice(before);
	assert.equal(
		again.map(({ changes }) => changes),
		[[], []],
	);
	assert.equal(world.told()!.alarms[0]!.verdict, 'abc-4');
	await world.end();
});

/** How each alarm of `s` is at last, apart from when. */
const lastOf = (world: ReturnType<typeof box>) =>
	world
		.noted()
		.at(-1)!
		.alarms.map(({ alarm, state, times, value }) => ({ alarm, state, times, value }));

alarms('are after any number of deaths what they would be without one', async () => {
	const rules = {
		row: { consecutive: { of: 'rejects', n: 2 } },
		many: { kOfN: { of: 'both', k: 3, n: 5 } },
		share: { rate: { of: 'rejects', share: 0.5, clearShare: 0.2, parts: 6, least: 4 } },
	} as const;
	const act = fc.oneof(
		{
			weight: 6,
			arbitrary: fc
				.array(fc.constantFrom('a', 'r', 'e'), { minLength: 1, maxLength: 6 })
				.map((all) => all.join('')),
		},
		{ weight: 1, arbitrary: fc.constantFrom('kill', 'killed in between', 'acknowledge') },
	);
	await fc.assert(
		fc.asyncProperty(fc.array(act, { maxLength: 20 }), async (acts) => {
			const [whole, torn] = [box(), box()];
			const services = [whole.start({ s: rules }), torn.start({ s: rules })];
			await Promise.all([whole.settle(), torn.settle()]);
			const again = async () => {
				services[1] = torn.start({ s: rules });
				await torn.settle();
			};
			let isTorn = false;
			for (const what of acts) {
				if (what === 'killed in between') isTorn = true;
				else if (what === 'kill') {
					await torn.kill();
					await again();
				} else if (what === 'acknowledge') {
					const done = services.map((service) => service.acknowledge({}, operator, null));
					await Promise.all([whole.settle(), torn.settle(), ...done]);
				} else {
					whole.give(what);
					torn.give(what);
					await whole.settle();
					if (isTorn) {
						await torn.kill();
						await again();
					} else await torn.settle();
					isTorn = false;
				}
			}
			assert.equal(lastOf(torn), lastOf(whole));
			await Promise.all([whole.end(), torn.end()]);
		}),
		{ numRuns: 60 },
	);
});

alarms.run();
