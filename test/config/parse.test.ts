import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faultLine, parseConfig } from '../../src/config/parse.js';

const parse = suite('reading a configuration');

const good = `box: cell-4
stations:
  lid:
    camera:
      source: /dev/video0
    recipe: lid
recipes:
  lid:
    model: bundles/lid
`;

/** The configuration with one change, and the fault that it must show. */
const faulty: readonly (readonly [name: string, text: string, fault: string])[] = [
	[
		'an unknown key',
		good.replace('source:', 'sorce:').replace('recipe: lid', 'recipe: lid'),
		'x.yaml:5:7 stations.lid.camera.sorce: unknown key, did you mean "source"?',
	],
	[
		'a missing key',
		good.replace('      source: /dev/video0\n', '      loop: true\n'),
		'x.yaml:4:5 stations.lid.camera.source: is missing',
	],
	[
		'a reference to nothing',
		good.replace('recipe: lid', 'recipe: lit'),
		'x.yaml:6:5 stations.lid.recipe: there is no recipe "lit", did you mean "lid"?',
	],
	[
		'a number where text belongs',
		good.replace('box: cell-4', 'box: 4'),
		'x.yaml:1:1 box: expected string, received number',
	],
	[
		'a name that no topic can hold',
		good.replace('cell-4', 'cell/4'),
		'x.yaml:1:1 box: must be letters, digits, "-" or "_", at most 64, and start with a letter or digit',
	],
	['a key twice', `${good}box: again\n`, 'x.yaml:10:1 Map keys must be unique'],
	['broken YAML', 'box: [1', 'x.yaml:1:8 Flow sequence'],
	[
		'a threshold of words',
		good.replace('model: bundles/lid', 'model: b\n    threshold: high'),
		'x.yaml:10:5 recipes.lid.threshold: ',
	],
];

for (const [name, text, expected] of faulty) {
	parse(`tells ${name} with path and line`, () => {
		const parsed = parseConfig(text);
		assert.ok('faults' in parsed);
		const lines = parsed.faults.map((fault) => faultLine('x.yaml', fault));
		assert.ok(
			lines.some((line) => line.startsWith(expected)),
			lines.join('\n'),
		);
	});
}

const line = (n: number, text: string) =>
	good.replace('model: bundles/lid', `model: bundles/lid\n    ${text}`).replaceAll('X', String(n));

/** What YAML or a person means otherwise: the fault says what was read, and what to write. */
const spelled: readonly (readonly [text: string, fault: RegExp])[] = [
	[line(1, 'threshold: "0,62"'), /:10:5 .*threshold: .*read was "0,62": write 0.62 without quotes/],
	[line(1, 'threshold: "0.62"'), /read was "0.62": write 0.62 without quotes/],
	[line(1, 'threshold: .nan'), /threshold: .*read was .nan/],
	[line(1, 'threshold: .inf'), /threshold: .*read was .inf/],
	[line(1, 'threshold: -1'), />0; read was -1/],
	[line(1, 'threshold: [1]'), /expected "bundle" or a number; read was a list/],
	[good.replace('model: bundles/lid', 'model:'), /:9:5 recipes.lid.model: is empty: write a value/],
	[line(1, 'threads: "4"'), /read was "4": write 4 without quotes/],
	[line(1, 'deadlineMs: 1'), />=10; read was 1/],
	[
		line(1, 'provider: CPU'),
		/provider: expected "auto" or .*"cpu" or a map; read was "CPU", did you mean "cpu"\?/,
	],
	[line(1, 'provider: [cpu]'), /provider: expected .* or a map; read was a list/],
	[line(1, 'provider: 1'), /provider: expected .* or a map; read was 1/],
	[line(1, 'provider:'), /:10:5 recipes.lid.provider: is empty/],
	[line(1, 'provider: {}'), /:10:5 recipes.lid.provider: must name either `require` or `prefer`/],
	[line(1, 'provider: { require: tensorRT }'), /:10:17 .*provider.require: .*did you mean "tensorrt"\?/],
	[line(1, 'provider: { prefer: auto }'), /provider.prefer: expected one of .*; read was "auto"/],
	[line(1, 'provider: { prefer: }'), /provider.prefer: is empty/],
	[line(1, 'provider: { requires: cuda }'), /provider.requires: unknown key, did you mean "require"\?/],
	[
		line(1, 'provider: { prefer: cuda, speed: 3 }'),
		/:10:31 .*provider.speed: unknown key: there are require, prefer/,
	],
	[
		line(1, 'provider: { require: tensorrt, prefer: cuda }'),
		/:10:36 recipes.lid.provider.prefer: stands beside `require`, and only one of them can/,
	],
	[line(1, 'precision: 8'), /"int8"; read was 8/],
	[line(1, 'heatmap: 3'), /expected object, received number; read was 3/],
	[good.replace('box: cell-4', 'box: 01'), /:1:1 box: expected string.*read was 01, .*quote it: "01"/],
	[good.replace('box: cell-4', 'box: 0x1F'), /read was 0x1F, .*quote it: "0x1F"/],
	[good.replace('box: cell-4', 'box: ~'), /box: .*read was ~/],
	[`${good}mqtt: { version: 5 }\n`, /version: .*read was 5, which YAML takes for a number: quote it: "5"/],
	[good.replace('/dev/video0', '/dev/video0\n      loop: "yes"'), /loop: .*read was "yes": write true/],
	[`${good}schedule: { selfCheck: *hourly }\n`, /:10:24 there is no anchor "&hourly" before it: quote/],
	[`${good}schedule:\n  selfCheck: * * * * *\n`, /:11:14 "\*" begins an alias in YAML: quote/],
	[`${good}---\nbox: b\n`, /more than one document/],
	[good.replace('    camera', '\tcamera'), /:4:1 .*(tab|indent)/i],
	[`${good}log: !!js/function "x"\n`, /:10:6 a tag/],
	['- a\n- b\n', /:1:1 expected object, received array; read was a list/],
	['just words\n', /expected object, received string/],
	[`box: ${'['.repeat(20_000)}`, /nested too deeply|Flow sequence|Flow/],
	[
		`a: &a [1,2,3,4,5,6,7,8,9]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
		/aliases cannot be followed/,
	],
	[`${good}mqtt:\n  url: mqtt://u:p@h:1\n  username: u\n`, /:12:3 mqtt.username: the address has a user/],
];

for (const [text, fault] of spelled) {
	const title = text.split('\n').find((one) => !good.includes(one) && one !== '') ?? text;
	parse(`says what it read, and what is right, for ${title.trim().slice(0, 40)}`, () => {
		const parsed = parseConfig(text);
		assert.ok('faults' in parsed);
		const lines = parsed.faults.map((one) => faultLine('x.yaml', one));
		assert.ok(
			lines.some((one) => fault.test(one)),
			lines.join('\n'),
		);
	});
}

parse('takes names as they are written, whatever YAML makes of them', () => {
	for (const name of ['01', '1e3', '0x1F', 'true', '1_000', '2026-11-25']) {
		const parsed = parseConfig(good.replace('  lid:\n    camera', `  ${name}:\n    camera`));
		assert.ok('config' in parsed, JSON.stringify(parsed));
		assert.equal(Object.keys(parsed.config.stations), [name]);
	}
});

parse('merges what "<<" names, and takes what stands there first', () => {
	const merged = good
		.replace('recipes:', 'recipes:')
		.replace(
			'  lid:\n    model: bundles/lid',
			'  lid: &usual\n    model: a\n    deadlineMs: 70\n  cap:\n    <<: *usual\n    model: b',
		);
	const parsed = parseConfig(merged);
	assert.ok('config' in parsed, JSON.stringify(parsed));
	assert.equal([parsed.config.recipes.cap!.model, parsed.config.recipes.cap!.deadlineMs], ['b', 70]);
});

parse('tells all faults at once', () => {
	const parsed = parseConfig(good.replace('box: cell-4', 'bux: cell-4').replace('source:', 'sauce:'));
	assert.ok('faults' in parsed);
	assert.equal(parsed.faults.map(({ path }) => path).sort(), [
		'box',
		'bux',
		'stations.lid.camera.sauce',
		'stations.lid.camera.source',
	]);
});

parse('fills in what is left out', () => {
	const parsed = parseConfig(good);
	assert.ok('config' in parsed);
	assert.is(parsed.config.mqtt.url, 'mqtt://localhost:1883');
	assert.is(parsed.config.recipes.lid!.threshold, 'bundle');
	assert.is(parsed.config.recipes.lid!.heatmap.most, 4);
	assert.is(parsed.config.recipes.lid!.provider, 'auto');
});

parse('runs further checks and places what they find', () => {
	const parsed = parseConfig(good, [
		() => [{ path: ['stations', 'lid', 'camera', 'source'], message: 'is wrong' }],
	]);
	assert.ok('faults' in parsed);
	assert.equal(parsed.faults, [
		{ path: 'stations.lid.camera.source', line: 5, column: 7, message: 'is wrong' },
	]);
});

parse('refuses an empty file', () => {
	const parsed = parseConfig('');
	assert.ok(
		'faults' in parsed &&
			parsed.faults.some(({ path, message }) => path === 'box' && message === 'is missing'),
	);
});

parse.run();
