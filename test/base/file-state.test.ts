import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileState } from '../../src/base/file-state.js';

const states = suite('base/file-state');

function thrownBy(act: () => void): unknown {
	try {
		act();
	} catch (thrown) {
		return thrown;
	}
	throw new Error('nothing was thrown');
}

states('what a file system throws is told in words, and never by its code or path', () => {
	const folder = mkdtempSync(join(tmpdir(), 'inspectord-state-'));
	const at = (name: string) => join(folder, name);
	try {
		writeFileSync(at('file'), '');
		symlinkSync(at('circle'), at('circle'));
		const acts: [() => void, string][] = [
			[() => readFileSync(at('absent')), 'there is no such file'],
			[() => readFileSync(folder), 'it is a folder'],
			[() => readFileSync(at('file/below')), 'a file stands in its way'],
			[() => mkdirSync(at('file')), 'a file stands there'],
			[() => readFileSync(at('circle')), 'it is a link that leads back to itself'],
			[() => readFileSync(at('n'.repeat(300))), 'its name is too long'],
			[() => writeFileSync('/dev/full', 'a'), 'the disk is full'],
			[() => writeFileSync('/proc/self/attr/none/below', 'a'), 'there is no such file'],
		];
		for (const [act, words] of acts) assert.is(fileState(thrownBy(act)), words);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

states('a place that knows better says it in its own words, and what nobody knows says its reason', () => {
	const absent = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
	assert.is(fileState(absent, { ENOENT: 'it is gone' }), 'it is gone');
	assert.is(fileState(absent, { EACCES: 'it is locked' }), 'there is no such file');
	assert.is(fileState(new Error('the third byte is odd')), 'the third byte is odd');
});

states.run();
