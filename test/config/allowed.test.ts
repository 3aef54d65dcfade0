import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forbidden, type Origin } from '../../src/config/allowed.js';
import { differing } from '../../src/config/difference.js';
import { parseConfig } from '../../src/config/parse.js';
import type { Config } from '../../src/config/schema.js';
import { configJsonSchema } from '../../src/config/schema.js';
import { mannerOf, type Node } from '../../src/config/setting.js';

const edits = suite('what an edit from afar may change');

type Plain = { [key: string]: Plain | unknown };

const standing: Plain = {
	box: 'press-7',
	mqtt: {
		url: ['mqtts://box:pw@broker-1.plant', 'mqtts://broker-2.plant'],
		tls: { ca: '/etc/ca.pem' },
	},
	stations: {
		lid: { camera: { source: 'rtsp://u:pw@10.0.3.7/a' }, recipe: 'lid' },
		cap: { camera: { source: '/dev/video0' }, recipe: 'cap' },
	},
	recipes: { lid: { model: '/srv/bundles/lid' }, cap: { model: '/srv/bundles/cap', threshold: 0.5 } },
	journal: { folder: '/var/lib/x' },
	control: {
		remote: 'engineer',
		allow: { cameras: ['rtsp://10.0.3.*/**', '/dev/video1'], brokers: ['mqtts://broker-*.plant'] },
	},
};

const configOf = (value: Plain): Config => {
	const parsed = parseConfig(JSON.stringify(value));
	assert.ok('config' in parsed, JSON.stringify(parsed));
	return parsed.config;
};

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
	if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
	const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
	const all = { ...base, ...patch } as Plain;
	return Object.fromEntries(
		Object.entries(all).flatMap(([key, value]) => {
			const given = Object.hasOwn(patch, key) ? (patch as Plain)[key] : undefined;
			if (given === null) return [];
			return [[key, given === undefined ? value : merged((base as Plain)[key], given)]];
		}),
	);
}

const links: Readonly<Record<string, string>> = {
	'/srv/bundles/out': '/etc',
	'/srv/bundles/new': '/srv/bundles/new@1',
};
const realPath = async (path: string) => links[path] ?? path;

async function faultsOf(patch: Plain, origin: Origin, from: Plain = standing, isSigned = false) {
	const before = configOf(from);
	const after = configOf(merged(from, patch) as Plain);
	return forbidden(before, after, differing(before, after), { origin, isSigned }, realPath);
}

const lid = { camera: { source: 'rtsp://u:pw@10.0.3.7/a' }, recipe: 'lid' };

const may: readonly Plain[] = [
	{ recipes: { lid: { threshold: 0.7, deadlineMs: 100, heatmap: { most: 0 } } } },
	{ stations: { lid: { recipe: 'cap' } } },
	{ stations: { lid: { camera: { timeoutMs: 100 } } } },
	{ stations: { lid: { camera: { source: 'rtsp://other:pw2@10.0.3.9/b' } } } },
	{ stations: { lid: { camera: { source: '/dev/video1' } } } },
	{ stations: { third: { camera: { source: '1' }, recipe: 'cap' } } },
	// What stands may be kept, and given to others.
	{ stations: { other: lid, lid: null } },
	{ stations: { lid: null } },
	{ recipes: { lid: { model: '/srv/bundles/cap' } } },
	{ recipes: { lid: { model: '/srv/bundles/new' }, third: { model: '/srv/bundles/x@1c947c1d' } } },
	{ recipes: { third: { model: '/srv/bundles/new@1' } } },
	{ mqtt: { url: 'mqtts://broker-2.plant' } },
	{ mqtt: { url: ['mqtts://broker-3.plant', 'mqtts://box:pw@broker-1.plant'] } },
	{ mqtt: { root: 'a/b', expiryS: 0, receipts: true }, log: 'debug', journal: { mostDays: 3 } },
];

for (const patch of may)
	edits(`${JSON.stringify(patch)} may be edited`, async () => {
		for (const origin of ['remote', 'local', 'file'] as const)
			assert.equal(await faultsOf(patch, origin), []);
	});

const mayNot: readonly (readonly [patch: Plain, paths: readonly string[]])[] = [
	[{ box: 'press-8' }, ['box']],
	[{ journal: { folder: '/tmp' } }, ['journal.folder']],
	// Back to what it is by default is a change, too.
	[{ journal: { folder: null } }, ['journal.folder']],
	[{ journal: null }, ['journal.folder']],
	[
		{ mqtt: { url: 'mqtts://broker-2.plant', usernameFile: '/etc/shadow', passwordFile: 'p' } },
		['mqtt.usernameFile', 'mqtt.passwordFile'],
	],
	[{ mqtt: { tls: { verify: false, ca: null } } }, ['mqtt.tls.ca', 'mqtt.tls.verify']],
	[{ mqtt: { tls: null } }, ['mqtt.tls.ca', 'mqtt.tls.verify']],
	[{ mqtt: { tls: { serverName: 'evil' } } }, ['mqtt.tls.serverName']],
	[{ control: { remote: 'none' } }, ['control.remote']],
	[{ control: { allow: { cameras: ['**'] } } }, ['control.allow.cameras.0', 'control.allow.cameras.1']],
	[{ control: { allow: { cameras: [] } } }, ['control.allow.cameras.0', 'control.allow.cameras.1']],
	[
		{ control: { allow: { bundles: '/' } }, recipes: { lid: { model: '/etc/x' } } },
		['recipes.lid.model', 'control.allow.bundles'],
	],
	[
		{ control: null },
		['control.remote', 'control.allow.cameras.0', 'control.allow.cameras.1', 'control.allow.brokers.0'],
	],
	[
		{ stations: { lid: { camera: { source: 'rtsp://u:pw@10.0.3.7@evil/' } } } },
		['stations.lid.camera.source'],
	],
	[{ stations: { lid: { camera: { source: '/etc/passwd' } } } }, ['stations.lid.camera.source']],
	[{ stations: { lid: { camera: { source: 'sim:' } } } }, ['stations.lid.camera.source']],
	[
		{ stations: { third: { camera: { source: 'rtsp://evil/' }, recipe: 'lid' } } },
		['stations.third.camera.source'],
	],
	[
		{ stations: { constructor: { camera: { source: 'rtsp://evil/' }, recipe: 'lid' } } },
		['stations.constructor.camera.source'],
	],
	[
		{ stations: { a: { ...lid, camera: { source: 'http://10.0.3.7/' } }, lid: null } },
		['stations.a.camera.source'],
	],
	[{ recipes: { lid: { model: '/etc/x' } } }, ['recipes.lid.model']],
	[{ recipes: { lid: { model: '/srv/bundles' } } }, ['recipes.lid.model']],
	[{ recipes: { lid: { model: '/srv/bundles/out' } } }, ['recipes.lid.model']],
	[{ recipes: { third: { model: '/srv/bundles2/a' } } }, ['recipes.third.model']],
	[{ mqtt: { url: 'mqtts://evil' } }, ['mqtt.url']],
	[{ mqtt: { url: ['mqtts://broker-2.plant', 'mqtts://evil'] } }, ['mqtt.url.1']],
	[{ mqtt: { url: 'mqtts://broker-1.plant@evil' } }, ['mqtt.url']],
	[{ mqtt: null }, ['mqtt.tls.ca', 'mqtt.tls.verify', 'mqtt.url']],
];

for (const [patch, paths] of mayNot)
	edits(`${JSON.stringify(patch)} is refused at ${paths}`, async () => {
		const faults = await faultsOf(patch, 'remote');
		assert.equal(faults.map(({ path }) => path).sort(), [...paths].sort());
		for (const { message } of faults) assert.not.match(message, /pw/);
		const local = await faultsOf(patch, 'local');
		assert.equal(
			local.map(({ path }) => path),
			paths.filter((path) => path === 'box' || path === 'journal.folder'),
			'whoever may open the socket may change all but what moves it',
		);
		assert.equal(await faultsOf(patch, 'file'), []);
	});

edits('what is allowed is said by what stands, and the refusal tells it', async () => {
	const [fault] = await faultsOf(
		{ stations: { lid: { camera: { source: 'rtsp://a:geheim@evil/' } } } },
		'remote',
	);
	assert.is(
		fault?.message,
		'"rtsp://a:***@evil/" does not stand in the configuration, and control.allow.cameras in the file on the box lets "rtsp://10.0.3.*/**", "/dev/video1" in over MQTT',
	);
	const [model] = await faultsOf({ recipes: { lid: { model: '/etc/x' } } }, 'remote');
	assert.match(model?.message ?? '', /"\/etc\/x" does not lie in "\/srv\/bundles"/);
});

edits('a folder of bundles takes the place of those of the recipes', async () => {
	const from = merged(standing, { control: { allow: { bundles: '/opt/b' } } }) as Plain;
	assert.equal(await faultsOf({ recipes: { lid: { model: '/opt/b/x' } } }, 'remote', from), []);
	assert.equal(await faultsOf({ recipes: { lid: { model: '/srv/bundles/cap' } } }, 'remote', from), []);
	assert.is((await faultsOf({ recipes: { lid: { model: '/srv/bundles/new' } } }, 'remote', from)).length, 1);
});

const PUBLIC = 'Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=';
const guarded = (...settings: string[]) =>
	merged(standing, {
		control: { signed: { settings, keys: { alice: PUBLIC } } },
	}) as Plain;

const needing: readonly (readonly [settings: readonly string[], patch: Plain, paths: readonly string[]])[] = [
	[['threshold'], { recipes: { lid: { threshold: 0.7 } } }, ['recipes.lid.threshold']],
	[['threshold'], { recipes: { cap: { threshold: null } } }, ['recipes.cap.threshold']],
	[['threshold'], { recipes: { cap: { deadlineMs: 100 } } }, []],
	// A new recipe has a threshold, and so has one that goes.
	[['threshold'], { recipes: { new: { model: '/srv/bundles/cap' } } }, ['recipes.new.threshold']],
	[['threshold'], { recipes: { old: null } }, []],
	[
		['threshold'],
		{ stations: { cap: { recipe: 'lid' } }, recipes: { cap: null } },
		['recipes.cap.threshold'],
	],
	[
		['recipes.lid'],
		{ recipes: { lid: { deadlineMs: 100 }, cap: { deadlineMs: 100 } } },
		['recipes.lid.deadlineMs'],
	],
	[
		['camera.timeoutMs', 'recipe'],
		{ stations: { lid: { camera: { timeoutMs: 100 }, recipe: 'cap' } } },
		['stations.lid.camera.timeoutMs', 'stations.lid.recipe'],
	],
	[['mqtt'], { mqtt: { root: 'a' } }, ['mqtt.root']],
	[['mq', 'oot', 'hreshold'], { mqtt: { root: 'a' }, recipes: { lid: { threshold: 1 } } }, []],
	[
		['heatmap'],
		{ recipes: { lid: { heatmap: { most: 1, quality: 50 } } } },
		['recipes.lid.heatmap.most', 'recipes.lid.heatmap.quality'],
	],
];

for (const [settings, patch, paths] of needing)
	edits(
		`${JSON.stringify(patch)} needs a signature at ${JSON.stringify(paths)} where ${settings} do`,
		async () => {
			const known = settings.filter((name) => !['mq', 'oot', 'hreshold'].includes(name));
			const from = guarded(...known);
			for (const origin of ['remote', 'local'] as const) {
				const faults = await faultsOf(patch, origin, from);
				assert.equal(faults.map(({ path }) => path).sort(), [...paths].sort());
				for (const { message } of faults) assert.match(message, /signed request/);
				assert.equal(await faultsOf(patch, origin, from, true), []);
			}
			assert.equal(await faultsOf(patch, 'file', from), []);
		},
	);

edits('a signature opens nothing that is closed from afar', async () => {
	const from = guarded('recipes', 'control');
	const [fault] = await faultsOf({ recipes: { lid: { model: '/etc/x' } } }, 'remote', from, true);
	assert.match(fault?.message ?? '', /does not lie in/);
	const own = { control: { signed: { settings: null, keys: { mallory: PUBLIC } } } };
	for (const origin of ['remote', 'local'] as const) {
		const faults = await faultsOf(own, origin, from, true);
		assert.ok(faults.length >= 2 && faults.every(({ message }) => /file on the box alone/.test(message)));
	}
});

const unsignable: readonly (readonly [signed: Plain, fault: RegExp])[] = [
	[{ settings: ['treshold'], keys: { a: PUBLIC } }, /control\.signed\.settings\.0.*no setting "treshold"/],
	[{ settings: ['lid'], keys: { a: PUBLIC } }, /no setting "lid"/],
	[{ settings: [''], keys: { a: PUBLIC } }, /settings\.0/],
	[{ settings: ['recipes..threshold'], keys: { a: PUBLIC } }, /no setting/],
	[{ settings: ['constructor'], keys: { a: PUBLIC } }, /no setting/],
	[{ settings: ['threshold'] }, /nobody could sign/],
	[{ keys: { a: 'x' } }, /control\.signed\.keys\.a.*no public key/],
	[{ keys: { 'a b': PUBLIC } }, /control\.signed\.keys/],
	[{ windowS: 1 }, /windowS/],
];

for (const [signed, expected] of unsignable)
	edits(`${JSON.stringify(signed)} guards nothing, which is a fault`, () => {
		const parsed = parseConfig(JSON.stringify(merged(standing, { control: { signed } })));
		assert.ok('faults' in parsed);
		assert.match(parsed.faults.map(({ path, message }) => `${path} ${message}`).join('\n'), expected);
	});

edits('settings may be named by any of their keys', () => {
	for (const name of [
		'threshold',
		'recipes',
		'recipes.lid',
		'recipes.lid.heatmap.most',
		'camera.source',
		'model',
		'trigger',
	])
		assert.ok(configOf(guarded(name)), name);
});

/** Settings that name a file, a folder, an address or who may do what: none of them may be edited from afar unseen. */
const reaching =
	/(file|folder|path|ca|cert|key|keys|url|source|model|pictures|bundles|brokers|cameras|host|address|chip|line|command)$/i;
/** Names like these that are something else. */
const harmless = ['journal.pictures'];

edits('no setting that reaches outside may be edited freely', () => {
	const walk = (node: Node, path: readonly string[]): string[] =>
		Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
			const here = [...path, key];
			const each = child.additionalProperties || undefined;
			if (child.properties) return walk(child, here);
			if (each?.properties) return walk(each, [...here, 'x']);
			const isFree = mannerOf(here).remote === 'may' && reaching.test(key);
			return isFree && !harmless.includes(here.join('.')) ? [here.join('.')] : [];
		});
	assert.equal(walk(configJsonSchema() as Node, []), []);
});

edits.run();
