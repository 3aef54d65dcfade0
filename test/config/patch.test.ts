import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patched } from '../../src/config/patch.js';

const patches = suite('JSON Merge Patch');

/** RFC 7396, appendix A: target, patch, result. */
const published: readonly (readonly [unknown, unknown, unknown])[] = [
	[{ a: 'b' }, { a: 'c' }, { a: 'c' }],
	[{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
	[{ a: 'b' }, { a: null }, {}],
	[{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
	[{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
	[{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
	[{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
	[{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
	[
		['a', 'b'],
		['c', 'd'],
		['c', 'd'],
	],
	[{ a: 'b' }, ['c'], ['c']],
	[{ a: 'foo' }, null, null],
	[{ a: 'foo' }, 'bar', 'bar'],
	[{ e: null }, { a: 1 }, { e: null, a: 1 }],
	[[1, 2], { a: 'b', c: null }, { a: 'b' }],
	[{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [target, patch, result] of published)
	patches(`leads from ${JSON.stringify(target)} by ${JSON.stringify(patch)}`, () => {
		assert.equal(patched(target, patch), result);
	});

patches('keeps the order of keys that stay, and puts new ones behind', () => {
	assert.equal(Object.keys(patched({ b: 1, a: 2, c: 3 }, { d: 4, a: 5, c: null }) as object), [
		'b',
		'a',
		'd',
	]);
});

patches('takes what objects inherit for no key, and changes no prototype', () => {
	const patch = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"name": "x"}}');
	const result = patched({ toString: 'kept' }, patch) as Record<string, unknown>;
	assert.equal(Object.keys(result).sort(), ['__proto__', 'constructor', 'toString']);
	assert.equal(result.constructor, { name: 'x' });
	assert.is(({} as Record<string, unknown>).polluted, undefined);
	assert.is(result.polluted, undefined);
});

patches('leave the target alone, and a patch that is applied twice changes nothing more', () => {
	const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>;
	fc.assert(
		fc.property(json, json, (target, patch) => {
			const before = JSON.stringify(target);
			const once = patched(target, patch);
			assert.is(JSON.stringify(target), before);
			assert.is(JSON.stringify(patched(once, patch)), JSON.stringify(once));
		}),
	);
});

patches.run();
