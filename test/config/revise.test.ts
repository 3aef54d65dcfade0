import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { revise } from '../../src/config/revise.js';
import { readYaml } from '../../src/config/yaml.js';

const revising = suite('a text that is revised');

function read(text: string): unknown {
	const found = readYaml(text);
	assert.ok('value' in found, `${JSON.stringify(text)} does not parse`);
	return found.value;
}

const config = `# The lid press.
box: cell-4   # on the door

# Where verdicts go.
mqtt:
  url: "mqtt://broker:1883"
  root: 'plant/line'

stations:
  # Above the belt.
  lid:
    camera: { source: /dev/video0, loop: false } # the left one
    recipe: lid

recipes:
  lid:
    model: bundles/lid
    threshold: 0.70   # found by hand
    deadlineMs: 0x1F4
    threads: 0755
`;

type Held = {
	readonly mqtt: object;
	readonly stations: { readonly lid: { readonly camera: object } };
	readonly recipes: { readonly lid: object };
};

type Case = readonly [what: string, text: string, change: (value: Held) => unknown, expected: string];

const cases: readonly Case[] = [
	['is itself when nothing changes', config, (it) => it, config],
	[
		'has one scalar changed, and all else as it was written',
		config,
		(it) => ({ ...it, recipes: { lid: { ...it.recipes.lid, threshold: 0.62 } } }),
		config.replace('0.70', '0.62'),
	],
	[
		'keeps the quotes of a text that is changed',
		config,
		(it) => ({ ...it, mqtt: { url: 'mqtt://other:1883', root: 'plant/b' } }),
		config.replace('broker:1883', 'other:1883').replace('plant/line', 'plant/b'),
	],
	['gets a number where a quoted text was', 'a: "1" # c\n', () => ({ a: 1 }), 'a: 1 # c\n'],
	[
		'gets new keys at the end of their map',
		config,
		(it) => ({
			...it,
			stations: { ...it.stations, cap: { camera: { source: '1' }, recipe: 'lid' } },
			log: 'debug',
		}),
		`${config.replace('    recipe: lid\n', '    recipe: lid\n  cap:\n    camera:\n      source: "1"\n    recipe: lid\n')}log: debug\n`,
	],
	[
		'loses a key with the comment above it and beside it',
		config,
		({ mqtt, ...rest }) => ({
			...rest,
			stations: { lid: { ...rest.stations.lid, camera: { source: '/dev/video0' } } },
		}),
		config
			.replace('# Where verdicts go.\nmqtt:\n  url: "mqtt://broker:1883"\n  root: \'plant/line\'\n', '')
			.replace(', loop: false', ''),
	],
	[
		'keeps a comment above a key that a blank line parts from it',
		'# head\n\n# of a\na: 1\nb: 2\n',
		() => ({ b: 2 }),
		'# head\n\nb: 2\n',
	],
	[
		'keeps the ends of lines',
		'a: 1 # x\r\nb:\r\n  c: 2\r\n',
		() => ({ a: 2, b: { c: 2, d: { e: 3 } } }),
		'a: 2 # x\r\nb:\r\n  c: 2\r\n  d:\r\n    e: 3\r\n',
	],
	['keeps its mark of the byte order', '\ufeffa: 1\nb: 2\n', () => ({ b: 2, c: 3 }), '\ufeffb: 2\nc: 3\n'],
	['gets a last line though its end is missing', 'a: 1', () => ({ a: 1, b: 2 }), 'a: 1\nb: 2'],
	['is written though it was empty', '', () => ({ a: [1, { b: 2 }] }), 'a:\n  - 1\n  - b: 2\n'],
	['keeps its comments though it held nothing', '# mine', () => ({ a: 1 }), '# mine\na: 1\n'],
	[
		'fills a key without a value',
		'a: # to be said\nb:\n',
		() => ({ a: 5, b: { c: 1 } }),
		'a: 5 # to be said\nb:\n  c: 1\n',
	],
	[
		'changes a flow map in its line',
		'a: {b: 1, "c": [1, 2, 3], d: x} # c\n',
		() => ({ a: { b: 2, c: [1, 3, 4], e: 'a, b' } }),
		'a: {b: 2, "c": [1, 3, 4], e: "a, b"} # c\n',
	],
	[
		'changes a list by its items',
		'l:\n  # one\n  - 1\n  - 0x2 # two\n  # three\n  - {a: 3}\nm: 0\n',
		() => ({ l: [1, 2, { a: 4 }, [5]], m: 0 }),
		'l:\n  # one\n  - 1\n  - 0x2 # two\n  # three\n  - {a: 4}\n  - - 5\nm: 0\n',
	],
	[
		'loses an item in the middle of a list with its comment',
		'l:\n- a # a\n# b\n- b # b\n- c # c\n',
		() => ({ l: ['a', 'c'] }),
		'l:\n- a # a\n- c # c\n',
	],
	[
		'gets an item at the front of a list, and one that begins in the line of another',
		'l:\n  - - 1\n    - 2\n',
		() => ({ l: [[0, 1, 2]] }),
		'l:\n  - - 0\n    - 1\n    - 2\n',
	],
	[
		'loses the first key of a map that begins in the line of its item',
		'- a: 1\n  b: 2 # b\n- c: 3\n',
		() => [{ b: 2 }, { c: 3 }],
		'- b: 2 # b\n- c: 3\n',
	],
	['has a map without keys left', 'a:\n  b: 1\nc: 2\n', () => ({ a: {}, c: 2 }), 'a: {}\nc: 2\n'],
	['has a text in lines replaced', 'a: |\n  one\n  two\nb: 2\n', () => ({ a: 'x', b: 2 }), 'a: x\nb: 2\n'],
	[
		'keeps what only looks like a comment',
		'a: |\n  b\n  # c\nd: 1\n',
		() => ({ a: 'b\n# c\n' }),
		'a: |\n  b\n  # c\n',
	],
	[
		'takes keys as they are written',
		'01: a\n2: b\n',
		() => ({ '01': 'c', 2: 'b', 3: 'd' }),
		'01: c\n2: b\n"3": d\n',
	],
	[
		'changes what is shared in one place when all who share it want that',
		'a: &x {v: 1}\nb: *x\n',
		() => ({ a: { v: 2 }, b: { v: 2 } }),
		'a: &x {v: 2}\nb: *x\n',
	],
	[
		'writes out what is shared when the original alone changes',
		'a: &x\n  v: 1\n  w: 01\nb: *x\nc: {d: *x}\n',
		() => ({ a: { v: 2, w: 1 }, b: { v: 1, w: 1 }, c: { d: { v: 2, w: 1 } } }),
		'a: &x\n  v: 2\n  w: 01\nb:\n  v: 1\n  w: 1\nc: {d: *x}\n',
	],
	[
		'writes out what is shared when one who shares it changes',
		'a: &x {v: 1} # a\nb: *x # b\n',
		() => ({ a: { v: 1 }, b: { v: 2 } }),
		'a: &x {v: 1} # a\nb:\n  v: 2 # b\n',
	],
	[
		'writes out what is shared when the original goes',
		'a: &x 1\nb: *x\nc: *x\n',
		() => ({ b: 1, c: 1 }),
		'b: 1\nc: 1\n',
	],
	[
		'knows the latest of two anchors of one name',
		'a: &x 1\nb: &x 2\nc: *x\n',
		() => ({ a: 1, c: 2 }),
		'a: &x 1\nc: 2\n',
	],
	[
		'overrides one key of what is merged',
		'base: &b {t: 1, d: 2}\nlid:\n  <<: *b\n  m: x\n',
		() => ({ base: { t: 1, d: 2 }, lid: { t: 5, d: 2, m: 'x' } }),
		'base: &b {t: 1, d: 2}\nlid:\n  <<: *b\n  m: x\n  t: 5\n',
	],
	[
		'keeps what is merged as it was when its original changes',
		'base: &b {t: 1}\nlid:\n  <<: *b\n  m: x\n',
		() => ({ base: { t: 2 }, lid: { t: 1, m: 'x' } }),
		'base: &b {t: 2}\nlid:\n  <<: *b\n  m: x\n  t: 1\n',
	],
	[
		'merges no more when a key of what is merged goes',
		'base: &b {t: 1, d: 2}\nlid:\n  <<: *b\n  m: x\n',
		() => ({ base: { t: 1, d: 2 }, lid: { d: 2, m: 'x' } }),
		'base: &b {t: 1, d: 2}\nlid:\n  m: x\n  d: 2\n',
	],
];

for (const [what, text, change, expected] of cases) {
	revising(what, () => {
		const wanted = change(read(text) as Held);
		const revised = revise(text, wanted);
		assert.is(revised, expected);
		assert.equal(read(revised), wanted);
	});
}

revising('is written anew where it cannot be read', () => {
	assert.is(revise('a: [1\n', { a: 1 }), 'a: 1\n');
	assert.is(revise('a: 1\n---\nb: 2\n', { a: 2 }), 'a: 2\n');
});

/** Keys and texts that YAML would like to take for something else. */
const word = fc.oneof(
	fc.constantFrom(
		'a',
		'b',
		'c',
		'd',
		'01',
		'no',
		'null',
		'<<',
		'__proto__',
		'',
		' x',
		'*a',
		'&a',
		'# c',
		'a: b',
		'- a',
		'{',
		"it's",
		'"',
		'?',
		'---',
		'\ttab',
		'ä€',
		'constructor',
	),
	fc.string({ maxLength: 6, unit: 'binary' }),
);
const scalar = fc.oneof(
	word,
	fc.integer(),
	fc.double({ noNaN: true }),
	fc.boolean(),
	fc.constantFrom(null, 'a\nb\n', 'long '.repeat(40), ' a \n\n b', '0755', '1e3', 'true'),
);
const data = fc.letrec<{ node: unknown; map: unknown }>((tie) => ({
	node: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie('node'), { maxLength: 4 }), tie('map')),
	map: fc.dictionary(word, tie('node'), { maxKeys: 5, noNullPrototype: true }),
}));

/** Texts as people write them: comments, both styles, anchors with aliases and merges, quotes, both ends of lines. */
const written = fc
	.record({
		lines: fc.array(
			fc.constantFrom(
				'# a comment',
				'',
				'  # one that stands in',
				'a: 1',
				'b: 0755 # octal',
				'c: "text"',
				"d: 'it''s'",
				'e: {x: 1, y: [1, 2, {z: 3}], }',
				'f: [a, "b", c # c\n  , d]',
				'g: &g\n  x: 1\n  # in g\n  y: 2',
				'h: *g',
				'i:\n  <<: *g\n  z: 3',
				'j:\n- 1\n# in j\n- a: 1\n  b: 2\n- - 5\n  - 6',
				'k: |\n  block\n  # no comment\n',
				'l: >-\n  folded\n  text\n\n',
				'm:',
				'n: # none',
				'o: &o [1, 2]',
				'p: [*o, 3]',
				'q: &q {v: &v 7}',
				'r: {<<: *q, w: *v}',
				's:\n    t:\n        u: 1 # deep\n    v: ~',
				'? t\n: 5',
				'01: x',
				'u: {a, b: 1}',
				'v: &q 5',
				'w: *q',
				'x: !!str 5',
				'y: plain\n  goes on # here',
				'z: "in\n  lines"',
			),
			{ maxLength: 12 },
		),
		ending: fc.constantFrom('\n', '\r\n'),
		last: fc.boolean(),
		mark: fc.constantFrom('', '\ufeff'),
		start: fc.constantFrom('', '', '# head\n', '---\n', '%YAML 1.2\n---\n'),
	})
	.map(({ lines, ending, last, mark, start }) => {
		const text = mark + start + lines.join('\n') + (last ? '\n' : '');
		return text.replaceAll('\n', ending);
	})
	.filter((text) => 'value' in readYaml(text));

/** What is there with some of it changed, so that most stays. */
function mutated(value: unknown, chance: () => number, other: unknown): unknown {
	const draw = chance();
	if (draw < 0.08) return other;
	if (Array.isArray(value)) {
		const items = value.filter(() => chance() > 0.15).map((item) => mutated(item, chance, other));
		if (chance() < 0.2) items.splice(Math.floor(chance() * (items.length + 1)), 0, other);
		return items;
	}
	if (typeof value === 'object' && value !== null) {
		const kept = Object.entries(value).filter(() => chance() > 0.12);
		const entries = kept.map(([key, inner]) => [key, mutated(inner, chance, other)]);
		if (chance() < 0.2) entries.push([`n${Math.floor(chance() * 9)}`, other]);
		return Object.fromEntries(entries);
	}
	return value;
}

const runs = { numRuns: 500 };

revising('stays what it is when it is to hold what it holds', () => {
	fc.assert(
		fc.property(written, (text) => assert.is(revise(text, read(text)), text)),
		runs,
	);
});

revising('holds what is wanted, with some of it changed or all of it', () => {
	fc.assert(
		fc.property(written, data.node, fc.integer(), (text, other, seed) => {
			const random = randomFrom(seed).uniform;
			for (const wanted of [mutated(read(text), random, other), other])
				assert.ok(isDeepStrictEqual(read(revise(text, wanted)), wanted), JSON.stringify(wanted));
		}),
		runs,
	);
});

revising('loses no comment where keys are only added and scalars only changed', () => {
	fc.assert(
		fc.property(written, fc.integer({ min: 0, max: 99 }), (text, n) => {
			const value = read(text);
			if (typeof value !== 'object' || value === null) return;
			const scalars = Object.entries(value).map(([key, v]) => [key, typeof v === 'number' ? v + n : v]);
			const revised = revise(text, { ...Object.fromEntries(scalars), fresh: { n } });
			for (const [comment] of text.matchAll(/# (a comment|octal|c$|in [gj]|none|deep|here|head)/gm))
				assert.ok(revised.includes(comment), `${comment} in ${JSON.stringify([text, revised])}`);
		}),
		runs,
	);
});

revising.run();
