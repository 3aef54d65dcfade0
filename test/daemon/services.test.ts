import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { difference } from '../../src/config/difference.js';
import { configSchema } from '../../src/config/schema.js';
import { createAlarmClock } from '../../src/daemon/alarm-clock.js';
import { realEdges } from '../../src/daemon/edges.js';
import { createEngineChoices } from '../../src/daemon/engine-choices.js';
import { attempts, type Need, needsOf, type ServicesWorld, specsOf } from '../../src/daemon/services.js';
import { createTallies } from '../../src/daemon/tally.js';

const services = suite('the services of a configuration');

type Given = {
	readonly box?: string;
	readonly mqtt?: object;
	readonly cameras?: Readonly<Record<string, object>>;
	readonly recipes?: Readonly<Record<string, object>>;
	readonly more?: object;
};

/** Stations `a` and `b`, whose recipes are called as they are, and a schedule. */
function configWith({ box = 't', mqtt = {}, cameras = {}, recipes = {}, more = {} }: Given = {}) {
	const names = ['a', 'b'];
	return configSchema.parse({
		box,
		mqtt,
		stations: Object.fromEntries(
			names.map((name) => [name, { camera: { source: name, ...cameras[name] }, recipe: name }]),
		),
		recipes: Object.fromEntries(names.map((name) => [name, { model: name, ...recipes[name] }])),
		schedule: { selfCheck: '0 3 * * *' },
		...more,
	});
}

const world: ServicesWorld = {
	edges: realEdges,
	env: {},
	version: '0',
	boot: null,
	log: () => {},
	secrets: [],
	conceal: () => {},
	onState: () => {},
	onVerdict: () => {},
	running: () => new Map(),
	deadlines: createAlarmClock(() => 0),
	troubles: () => [],
	edits: () => undefined,
	config: () => null,
	logLines: () => [],
	engines: createEngineChoices(),
	tallies: createTallies(0),
	silent: () => [],
	rests: () => false,
};

const ALL = 'journal, control, broker, alarms, engines, station a, station b, lesson, schedule, health';
const [station] = Object.values(configWith().stations);

const edits: readonly (readonly [
	what: string,
	given: Given,
	moving: Partial<Record<'stop' | 'start' | 'retell', string>>,
])[] = [
	['nothing', {}, {}],
	['how much is logged', { more: { log: 'debug' } }, {}],
	[
		'the name of the box',
		{ box: 'u' },
		{
			stop: ALL,
			start: ALL,
		},
	],
	['the address of the broker', { mqtt: { url: 'mqtt://h' } }, { stop: 'broker', start: 'broker' }],
	['the root of the topics', { mqtt: { root: 'x/y' } }, { stop: 'broker, health', start: 'broker, health' }],
	['how often health is told', { more: { health: { everyMs: 5000 } } }, { stop: 'health', start: 'health' }],
	['a camera', { cameras: { a: { source: '9' } } }, { stop: 'station a', start: 'station a' }],
	[
		'a region',
		{ recipes: { b: { region: { x: 0, y: 0, width: 8, height: 8 } } } },
		{ stop: 'station b', start: 'station b' },
	],
	['a bundle', { recipes: { b: { model: 'c' } } }, { stop: 'station b', start: 'station b' }],
	[
		'one more station',
		{ more: { stations: { ...configWith().stations, c: { ...station!, recipe: 'b' } } } },
		{ start: 'station c', retell: 'broker' },
	],
	['a station less', { more: { stations: { a: station! } } }, { stop: 'station b', retell: 'broker' }],
	['how much the journal holds', { more: { journal: { mostMb: 100, mostDays: 1 } } }, { retell: 'journal' }],
	['which pictures are kept', { more: { journal: { pictures: 'all' } } }, { retell: 'station a, station b' }],
	['a threshold', { recipes: { b: { threshold: 0.5 } } }, { retell: 'station b' }],
	[
		'an alarm',
		{ recipes: { b: { alarms: { stuck: { consecutive: { n: 3 } } } } } },
		{ retell: 'broker, alarms' },
	],
	['a deadline', { recipes: { a: { deadlineMs: 100 } } }, { retell: 'station a' }],
	['where the journal lies', { more: { journal: { folder: 'elsewhere' } } }, { stop: ALL, start: ALL }],
	[
		'how long an engine may be built',
		{ more: { engines: { limitS: 60 } } },
		{ stop: 'engines', start: 'engines' },
	],
	['where metrics are told', { more: { metrics: { listen: '127.0.0.1:0' } } }, { start: 'metrics' }],
	[
		'when a report is told',
		{ more: { schedule: { selfCheck: '0 3 * * *', report: '0 6 * * *' } } },
		{ stop: 'schedule', start: 'schedule', retell: 'broker' },
	],
	['the schedule', { more: { schedule: {} } }, { stop: 'schedule' }],
	[
		'another time of the schedule',
		{ more: { schedule: { selfCheck: '0 4 * * *' } } },
		{ stop: 'schedule', start: 'schedule' },
	],
];

for (const [what, given, moving] of edits) {
	services(`an edit of ${what} moves ${JSON.stringify(moving)}`, () => {
		const { stop, start, retell } = difference(
			specsOf(configWith(), world),
			specsOf(configWith(given), world),
		);
		const named = (specs: readonly { readonly name: string }[]) => specs.map(({ name }) => name).join(', ');
		assert.equal(
			{ stop: named(stop), start: named(start), retell: named(retell) },
			{ stop: '', start: '', retell: '', ...moving },
		);
	});
}

services('move a station to an engine, and no other, by what its spec holds', () => {
	const engines = createEngineChoices();
	const before = specsOf(configWith(), { ...world, engines });
	engines.choose('b', configWith().recipes.b!, 'ab'.repeat(32))(true);
	const wanted = specsOf(configWith(), { ...world, engines });
	const { start, stop, retell } = difference(before, wanted);
	const names = [start, stop, retell].map((specs) => specs.map(({ name }) => name).join());
	assert.equal(names, ['station b', 'station b', '']);
	const edited = specsOf(configWith({ recipes: { b: { threshold: 0.5 } } }), { ...world, engines });
	assert.equal(
		difference(wanted, edited).retell.map(({ name }) => name),
		['station b'],
		'an edit of what can be told moves nobody off the engine',
	);
});

services('start in the order of their table', () => {
	assert.is(
		specsOf(configWith(), world)
			.map(({ name }) => name)
			.join(', '),
		ALL,
	);
});

services('need each thing once, and also what no station uses', () => {
	const config = configWith({
		more: {
			stations: Object.fromEntries(
				['a', 'b', 'c'].map((name) => [name, { camera: { source: '0' }, recipe: 'a' }]),
			),
		},
	});
	assert.equal(
		needsOf(config).map(({ path }) => path),
		['recipes.a', 'recipes.b', 'journal.folder', 'mqtt', 'stations.a', 'stations.b', 'stations.c'],
	);
});

services('are tried each path once, and what is large one at a time', async () => {
	const attempt = attempts();
	const probing = { env: {}, note: () => {}, signal: new AbortController().signal };
	let busy = 0;
	let most = 0;
	const log: string[] = [];
	const need = (path: string, isLarge: boolean, failure?: Failure): Need => ({
		path,
		...(isLarge && { isLarge }),
		attempt: async () => {
			busy += 1;
			most = Math.max(most, busy);
			log.push(path);
			await turn();
			busy -= 1;
			if (failure) throw failure;
			return `${path} works`;
		},
	});
	const broken = new Failure('bundle-invalid', 'it is broken');
	const large = [need('a', true), need('b', true, broken), need('a', true), need('c', true)];
	const findings = await Promise.all(large.map((one) => attempt(one, probing)));
	assert.equal(
		findings.map(({ path, message, failure }) => [path, message, failure?.code]),
		[
			['a', 'a works', undefined],
			['b', 'it is broken', 'bundle-invalid'],
			['a', 'a works', undefined],
			['c', 'c works', undefined],
		],
	);
	assert.is(most, 1);
	await Promise.all([need('d', false), need('e', false)].map((one) => attempt(one, probing)));
	assert.is(most, 2);
	assert.equal(log, ['a', 'b', 'c', 'd', 'e']);
	const fault = { path: 'f', isLarge: true, attempt: () => Promise.reject(new TypeError('x')) } as const;
	const thrown = await attempt(fault, probing).catch((reason: unknown) => reason);
	assert.instance(thrown, TypeError);
	assert.is((await attempt(need('g', true), probing)).message, 'g works');
});

services('a station more starts none of those that run anew, though they share the processor', () => {
	const config = configWith();
	const more = { ...config, stations: { ...config.stations, c: config.stations.a! } };
	const { stop, start } = difference(specsOf(config, world), specsOf(more, world));
	assert.equal(
		[stop, start].map((specs) => specs.map(({ name }) => name)),
		[[], ['station c']],
	);
});

services.run();
