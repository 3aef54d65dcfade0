import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countOf, didYouMean, nearest, noneSuch, quoted } from '../../src/base/words.js';

const words = suite('words');

words('know which name was probably meant', () => {
	const names = ['lid', 'bottle', 'Flange'];
	for (const [given, meant] of [
		['lld', 'lid'],
		['LID', 'lid'],
		['flange', 'Flange'],
		['bottel', 'bottle'],
		['l\u0456d', 'lid'],
		['', undefined],
		['carton', undefined],
		['x'.repeat(100_000), undefined],
	] as const)
		assert.is(nearest(given, names), meant, given.slice(0, 10));
	assert.is(nearest('a', []), undefined);
});

words('say what there is where nothing is near, a few of many', () => {
	assert.is(didYouMean('lld', ['lid']), ', did you mean "lid"?');
	assert.is(didYouMean('carton', ['lid', 'cap']), ': there are lid, cap');
	assert.is(didYouMean('carton', []), ': there are none');
	const many = Array.from({ length: 15 }, (_, i) => `station-number-${i}`);
	assert.match(didYouMean('carton', many), /station-number-11 and 3 more$/);
	assert.is(noneSuch('station', 'lld', ['lid']), 'there is no station "lld", did you mean "lid"?');
});

words('show what cannot be seen of a name', () => {
	assert.is(quoted('l\u0456d'), '"l\\u0456d"');
	assert.is(quoted('a\u202eb\n'), '"a\\u202eb\\n"');
	assert.is(quoted('"'), '"\\""');
	assert.is(quoted('x'.repeat(1000)).length, 66);
});

words('count', () => {
	assert.is(countOf(1, 'part'), '1 part');
	assert.is(countOf(0, 'part'), '0 parts');
});

words.run();
