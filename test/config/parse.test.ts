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
	assert.is(parsed.config.recipes.lid!.provider, 'cpu');
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
