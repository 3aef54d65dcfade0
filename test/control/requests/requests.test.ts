import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../../src/base/failure.js';
import { acknowledgeRequest } from '../../../src/control/requests/acknowledge.js';
import { eventsRequest } from '../../../src/control/requests/events.js';
import { healthRequest } from '../../../src/control/requests/health.js';
import { lettersRequest } from '../../../src/control/requests/letters.js';
import { redeliverRequest } from '../../../src/control/requests/redeliver.js';
import { selfcheckRequest } from '../../../src/control/requests/selfcheck.js';
import { stateRequest } from '../../../src/control/requests/state.js';
import { triggerRequest } from '../../../src/control/requests/trigger.js';
import type { Event } from '../../../src/protocol/events.js';
import { examples } from '../../../src/protocol/examples.js';
import { REQUESTS } from '../../../src/protocol/requests.js';
import { refusalOf, work } from '../working.js';

const requests = suite('what requests do');

const { signal, by } = work;

const eventOf = (id: number, body: object = {}): Event => ({
	id,
	kind: 'verdict',
	station: 's',
	sequence: id,
	atMs: 0,
	recordedMs: 1,
	verdict: 'accept',
	score: 0.5,
	part: null,
	origin: { recipe: 'r' },
	body,
});

requests('tell what the stations do', async () => {
	const result = {
		box: 'b',
		version: '0',
		connected: false,
		stations: [examples.stationState],
		alarms: [examples.alarm],
	};
	const answered = await stateRequest({ state: () => result })({}, work);
	assert.equal(answered, { text: 'lid running; lid: stuck active-unacknowledged', result });
});

requests('tell the health that was told last, and wait for the first', async () => {
	assert.is((await healthRequest({ health: () => examples.health })({}, work)).result, examples.health);
	assert.is((await refusalOf(healthRequest({ health: () => undefined })({}, work))).code, 'busy');
});

requests('look for events, and leave the oldest out where an answer would be too large', async () => {
	const asked: unknown[] = [];
	const ask = (found: readonly Event[], since?: string) =>
		eventsRequest({
			series: () => 'abc',
			find: async (query) => {
				asked.push(query);
				return found;
			},
		})({ station: 's', limit: 3, ...(since !== undefined && { since }) }, work);
	const { result, text } = await ask([eventOf(1), eventOf(2)], '1970-01-01T00:00:01.000Z');
	assert.equal(asked, [{ station: 's', limit: 3, sinceMs: 1000 }]);
	assert.is(text, '2 events');
	assert.ok(REQUESTS.events.result.safeParse(result).success);
	assert.equal(
		result.events.map(({ id, at }) => [id, at]),
		[
			['abc-1', '1970-01-01T00:00:00.000Z'],
			['abc-2', '1970-01-01T00:00:00.000Z'],
		],
	);
	const large = (id: number) => eventOf(id, { text: 'x'.repeat(60_000) });
	const cut = (await ask([large(1), large(2), large(3)])).result;
	assert.equal([cut.events.map(({ id }) => id), cut.isMore], [['abc-2', 'abc-3'], true]);
	assert.equal((await ask([eventOf(1, { text: 'x'.repeat(1e6) })])).result, { events: [], isMore: true });
});

requests('check stations, tell each as it has passed, and why one has not', async () => {
	const told: string[] = [];
	const check = (station?: string) =>
		selfcheckRequest({
			stations: () => ['a', 'b'],
			check: async (name) => {
				if (name === 'b') throw new Failure('bundle-golden', 'other scores');
			},
		})(station === undefined ? {} : { station }, {
			signal,
			by,
			progress: (done, of, text) => told.push(`${done}/${of} ${text}`),
		});
	const { text, result } = await check();
	assert.is(text, '1 station passed, not b');
	assert.equal(result.stations, [
		{ station: 'a', passed: true, message: null },
		{ station: 'b', passed: false, message: 'other scores' },
	]);
	assert.equal(told, ['1/2 a passed', '2/2 b failed: other scores']);
	assert.is((await check('a')).text, '1 station passed');
	const wrong = await refusalOf(check('aa'));
	assert.is(wrong.message, 'station: there is no station "aa", did you mean "a"?');
});

const dead = [1, 2, 3].map((id) => ({ id, outlet: 'broker', event: 10 * id, reason: 'too large', atMs: 0 }));

requests('list dead letters, the newest so many, also those whose verdict stands no more', async () => {
	const { text, result } = await lettersRequest({
		letters: async () => dead,
		event: async (id) => (id === 20 ? eventOf(id) : undefined),
	})({ limit: 2 }, work);
	assert.is(text, '3 dead letters');
	assert.is(result.all, 3);
	assert.equal(
		result.letters.map(({ letter, station, sequence }) => [letter, station, sequence]),
		[
			[2, 's', 20],
			[3, null, null],
		],
	);
	const none = lettersRequest({ letters: async () => [], event: async () => undefined });
	assert.equal(await none({ limit: 2 }, work), {
		text: 'the broker refused nothing',
		result: { letters: [], all: 0 },
	});
});

requests('say dead letters again: all, or those that are named and are there', async () => {
	const again: number[][] = [];
	const redeliver = redeliverRequest({
		letters: async () => dead,
		sendAgain: async (events) => void again.push([...events]),
	});
	assert.is((await redeliver({}, work)).result.letters, 3);
	assert.is((await redeliver({ letters: [2] }, work)).text, '1 dead letter will be said again');
	assert.is((await refusalOf(redeliver({ letters: [2, 9] }, work))).code, 'conflict');
	assert.equal(again, [[10, 20, 30], [20]]);
});

requests('acknowledge alarms: those that are named and are there, by whom and with which word', async () => {
	const asked: unknown[] = [];
	const acknowledge = acknowledgeRequest({
		stations: () => ['lid', 'cap'],
		alarmsOf: async (station) => (station === 'lid' ? ['stuck', 'drift'] : ['stuck']),
		acknowledge: async (...all) => {
			asked.push(all);
			const { station = 'lid', alarm } = all[0];
			return alarm === 'drift' ? [] : [{ station, alarm: 'stuck', state: 'normal' }];
		},
	});
	const done = await acknowledge({ station: 'cap', comment: 'seen' }, work);
	assert.is(done.text, '1 alarm acknowledged');
	assert.equal(done.result, { alarms: [{ station: 'cap', alarm: 'stuck', state: 'normal' }] });
	await acknowledge({}, work);
	assert.equal(asked, [
		[{ station: 'cap', alarm: undefined }, by, 'seen'],
		[{ station: undefined, alarm: undefined }, by, null],
	]);
	const refused = async (ask: Parameters<typeof acknowledge>[0]) => {
		const { code, faults } = await refusalOf(acknowledge(ask, work));
		return [code, ...faults.map(({ path }) => path)].join(' ');
	};
	assert.is(await refused({ station: 'lib' }), 'invalid station');
	assert.is(await refused({ station: 'cap', alarm: 'drift' }), 'invalid alarm');
	assert.is(await refused({ alarm: 'drift' }), 'conflict');
});

requests('make a part due at a station that waits for them', async () => {
	const verdict = {
		id: 'a-1',
		sequence: 1,
		verdict: 'accept',
		reason: null,
		score: 0.5,
		threshold: 1,
	} as const;
	const heard: unknown[] = [];
	const ask = (
		what: { readonly station: string; readonly part?: string; readonly wait?: boolean },
		signalled: ReturnType<Parameters<typeof triggerRequest>[0]['signal']>,
		mode = 'request',
	) =>
		triggerRequest({
			stations: () => ['lid'],
			modeOf: () => mode,
			signal: (station, signal) => {
				heard.push([station, signal]);
				return signalled;
			},
		})({ wait: false, ...what }, work);
	const waits = { atMs: 0, waiting: 2, verdict: new Promise<undefined>(() => {}) };
	const { text, result } = await ask({ station: 'lid', part: 'P' }, waits);
	assert.equal([text, result.waiting, result.verdict], ['it waits, one of 2', 2, null]);
	assert.equal(heard, [['lid', { part: 'P', metadata: {} }]]);
	const judged = await ask({ station: 'lid', wait: true }, { ...waits, verdict: Promise.resolve(verdict) });
	assert.equal([judged.text, judged.result.verdict], ['accept', verdict]);
	assert.ok(REQUESTS.trigger.result.safeParse(judged.result).success);
	const refused: readonly (readonly [Promise<unknown>, code: string, text: RegExp])[] = [
		[ask({ station: 'lit' }, waits), 'invalid', /no station "lit", did you mean "lid"/],
		[ask({ station: 'lid' }, waits, 'every'), 'conflict', /mode "every"/],
		[ask({ station: 'lid' }, { dropped: 'bounced' }), 'busy', /debounceMs/],
		[ask({ station: 'lid' }, { dropped: 'too-soon' }), 'busy', /leastMs/],
		[ask({ station: 'lid' }, { dropped: 'full' }), 'busy', /queue/],
		[ask({ station: 'lid' }, { dropped: 'closed' }), 'conflict', /is not inspecting now/],
		[
			ask({ station: 'lid', wait: true }, { ...waits, verdict: Promise.resolve(undefined) }),
			'failed',
			/journal/,
		],
	];
	for (const [asking, code, words] of refused) {
		const refusal = await refusalOf(asking);
		assert.is(refusal.code, code);
		assert.match(refusal.message, words);
	}
});

requests.run();
