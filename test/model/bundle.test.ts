import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleId, pinOf } from '../../src/model/bundle.js';

const names = suite('names of bundles');

const hash = '1c947c1d0f'.padEnd(64, '7');

names('hold the first digits of what the bundle holds', () => {
	assert.is(bundleId('lid', hash), 'lid@1c947c1d');
	assert.equal(pinOf(bundleId('lid', hash)), { name: 'lid', hash: '1c947c1d' });
});

for (const [name, expected] of [
	['lid', undefined],
	['lid@1c947c1', undefined],
	['lid@1c947c1d', { name: 'lid', hash: '1c947c1d' }],
	['lid@1C947C1D', { name: 'lid', hash: '1c947c1d' }],
	[`lid@${hash}`, { name: 'lid', hash }],
	[`lid@${hash}0`, undefined],
	['lid@version2', undefined],
	['@1c947c1d', undefined],
	['me@home@1c947c1d', { name: 'me@home', hash: '1c947c1d' }],
	['lid@1c947c1d.checkpoint', undefined],
] as const) {
	names(
		`pin ${expected ? `"${expected.name}" to ${expected.hash.length} digits` : 'nothing'}: ${name.slice(0, 24)}`,
		() => {
			assert.equal(pinOf(name), expected);
		},
	);
}

names.run();
