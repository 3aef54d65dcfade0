import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { difference, differing, type Spec } from '../../src/config/difference.js';

const differences = suite('what differs between two configurations');

const pairs: readonly (readonly [before: unknown, after: unknown, paths: readonly string[]])[] = [
	[1, 1, []],
	[Number.NaN, Number.NaN, []],
	[1, 2, ['']],
	[null, {}, ['']],
	[{}, [], ['']],
	[{ a: 1 }, { a: 1, b: undefined }, []],
	[{ a: 1 }, {}, ['a']],
	[{ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, ['a.c']],
	[{ a: { b: 1 } }, { a: 1 }, ['a']],
	[{ a: [1, 2] }, { a: [1, 3, 4] }, ['a.1', 'a.2']],
	[{ a: '1', b: 0 }, { b: -0, a: 1 }, ['a', 'b']],
	// A name that every object has.
	[{}, { constructor: Object }, ['constructor']],
];

for (const [before, after, paths] of pairs) {
	const told = JSON.stringify(before);
	differences(`${told} and ${JSON.stringify(after)} differ at ${JSON.stringify(paths)}`, () => {
		assert.equal(differing(before, after), paths);
		if (!paths.includes('')) assert.equal([...differing(after, before)].sort(), [...paths].sort());
	});
}

/** "journal 1", "broker 1", "s 1 1": a name and its settings; what can be told to a station comes last. */
function specs(...texts: readonly string[]): Spec[] {
	return texts.map((text) => {
		const [name = '', fixed, told] = text.split(' ');
		const settings = { fixed, told };
		if (name === 'journal') return { kind: name, name, settings, on: [], after: [], live: [] };
		if (name === 'broker') return { kind: name, name, settings, on: ['journal'], after: [], live: [] };
		if (name === 'schedule') return { kind: name, name, settings, on: [], after: ['station'], live: [] };
		return { kind: 'station', name, settings, on: ['journal'], after: ['broker'], live: ['told'] };
	});
}

const all = ['journal 1', 'broker 1', 'a 1 1', 'b 1 1', 'schedule 1'];
const cases: readonly (readonly [
	what: string,
	before: readonly string[],
	wanted: readonly string[],
	expected: Partial<Record<'stop' | 'start' | 'retell' | 'stay', string>>,
])[] = [
	['nothing moves when nothing differs', all, all, { stay: 'journal broker a b schedule' }],
	['from nothing all starts', [], all, { start: 'journal broker a b schedule' }],
	['to nothing all stops', all, [], { stop: 'journal broker a b schedule' }],
	[
		'one that is another moves alone, also where others stand after it',
		all,
		['journal 1', 'broker 2', 'a 1 1', 'b 1 1', 'schedule 1'],
		{ stop: 'broker', start: 'broker', stay: 'journal a b schedule' },
	],
	[
		'what holds on to one that moves, moves along',
		all,
		['journal 2', 'broker 1', 'a 1 1', 'b 1 2', 'schedule 1'],
		{ stop: 'journal broker a b', start: 'journal broker a b', stay: 'schedule' },
	],
	[
		'what can be told is told',
		all,
		['journal 1', 'broker 1', 'a 1 2', 'b 2 2', 'schedule 1'],
		{ stop: 'b', start: 'b', retell: 'a', stay: 'journal broker schedule' },
	],
	[
		'another name is another service',
		all,
		['journal 1', 'broker 1', 'a 1 1', 'c 1 1'],
		{ stop: 'b schedule', start: 'c', stay: 'journal broker a' },
	],
	['the order alone is no difference', ['a 1 1', 'b 1 1'], ['b 1 1', 'a 1 1'], { stay: 'b a' }],
	[
		'a service that what others hold on to is taken from',
		['journal 1', 'a 1 1'],
		['a 1 1'],
		{ stop: 'journal a', start: 'a' },
	],
];

for (const [what, before, wanted, expected] of cases) {
	differences(what, () => {
		const found = Object.entries(difference(specs(...before), specs(...wanted)));
		const named = found.map(([key, list]) => [key, list.map(({ name }) => name).join(' ')]);
		assert.equal(Object.fromEntries(named), { stop: '', start: '', retell: '', stay: '', ...expected });
	});
}

differences('gives what stops as it runs, and what starts or is told as it is wanted', () => {
	const before = specs('a 1 1', 'b 1 1');
	const wanted = specs('a 2 1', 'b 1 2');
	const { stop, start, retell } = difference(before, wanted);
	assert.is(stop[0], before[0]);
	assert.is(start[0], wanted[0]);
	assert.is(retell[0], wanted[1]);
});

differences('what can be told reaches as far down as it goes, and no further', () => {
	const spec = (settings: unknown): Spec => ({
		kind: 'station',
		name: 'a',
		settings,
		on: [],
		after: [],
		live: ['recipe.trigger'],
	});
	const before = [spec({ recipe: { trigger: { everyMs: 1 }, triggers: 1 } })];
	const told = (settings: unknown) => difference(before, [spec(settings)]).retell.length === 1;
	assert.ok(told({ recipe: { trigger: { everyMs: 2 }, triggers: 1 } }));
	assert.ok(told({ recipe: { triggers: 1 } }));
	assert.not.ok(told({ recipe: { trigger: { everyMs: 2 }, triggers: 2 } }));
	assert.not.ok(told({ recipe: 1 }));
});

differences.run();
