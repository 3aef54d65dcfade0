import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { folded, isSealed, restored, sealed, stored, unfolded, unshaped } from '../../src/sqlite/row.js';

const rows = suite('a row of the journal');

const deep = (depth: number): object => (depth === 0 ? { end: true } : { next: deep(depth - 1) });

for (const body of [
	{},
	{ a: 1, b: 'x', c: null, d: [1, { e: 2 }], f: { g: { h: 0.1 } } },
	{ empty: {}, list: [], nested: { empty: {} } },
	{ '10': 'b', '2': 'a', '': 'no name', 'a\0b': '\ud800' },
	JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": {"valueOf": 3}}') as object,
	deep(200),
	Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`name ${i}`, i])),
	[1, 2],
]) {
	rows(`gives a body back as it was: ${JSON.stringify(body).slice(0, 60)}`, () => {
		for (const { shape, values } of [folded(body), unshaped(body)])
			assert.is(JSON.stringify(unfolded(JSON.parse(shape), values)), JSON.stringify(body));
		assert.is(({} as { x?: unknown }).x, undefined);
	});
}

rows('shares the names of bodies that differ in values alone', () => {
	const one = folded({ a: 1, b: { c: 'x', d: [] } });
	const other = folded({ a: null, b: { c: 2, d: [{ e: 1 }] } });
	assert.is(one.shape, other.shape);
	assert.is(one.values, '1,"x",[]');
});

rows('gives every text back', () => {
	for (const text of ['', 'plain', '"\\/\b\n', 'a\0b', '\ud800', '\\ud800', '😀', "'"]) {
		assert.is(restored(stored(text)), text);
		assert.not.match(stored(text), /\p{Cc}/u);
	}
	assert.is.not(stored('\ud800'), stored('\\ud800'));
});

rows('is known by its seal to be what was written, and in which table', () => {
	const row = sealed('pictures', [1, 2, 0, 3, Buffer.from('00ff', 'hex'), 1e6]);
	assert.ok(isSealed('pictures', row));
	assert.ok(isSealed('pictures', [1, 2, 0, 3, new Uint8Array([0, 255]), 1e6, row[6]!]));
	for (const [at, value] of [
		[0, 2],
		[3, null],
		[4, Buffer.from('00fe', 'hex')],
		[6, 0],
	] as const)
		assert.not.ok(isSealed('pictures', row.with(at, value)));
	assert.not.ok(isSealed('pictures', row.slice(1)));
	const text = sealed('origins', [1, '{}']);
	assert.ok(isSealed('origins', text));
	assert.not.ok(isSealed('shapes', text));
});

rows.run();
