import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeRecent } from '../../src/disk/recent.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const recent = suite('a folder of the newest few files');

recent('keeps so many, and what was written last also where its name is the first', async () => {
	await using folder = await temporaryFolder();
	const place = join(folder.path, 'a', 'b');
	const content = new Uint8Array([1]);
	for (const name of ['3', '4', '5', '1'])
		assert.is(await writeRecent(place, name, content, 3), join(place, name));
	assert.equal((await readdir(place)).sort(), ['1', '4', '5']);
});

recent('says what stands in its way', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'a'), '');
	await mkdir(join(folder.path, 'b', 'x'), { recursive: true });
	for (const [place, name] of [
		['a', 'x'],
		['b', 'x'],
	] as const) {
		const failure = await failureOf(writeRecent(join(folder.path, place), name, new Uint8Array([1]), 3));
		assert.is(failure.code, 'file-unwritable');
	}
});

recent.run();
