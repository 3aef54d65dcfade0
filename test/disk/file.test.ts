import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertFilePlace, assertWritable, writeWhole } from '../../src/disk/file.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const files = suite('a place to write to');

files('is tried without leaving anything, also where folders are missing', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'report.html'), 'of before');
	for (const place of ['report.html', 'new', 'a/b/c/new']) await assertWritable(join(folder.path, place));
	await assertFilePlace(join(folder.path, 'report.html'));
	assert.equal(await readdir(folder.path), ['report.html']);
	assert.is(await readFile(join(folder.path, 'report.html'), 'utf8'), 'of before');
	await mkdir(join(folder.path, 'kept'));
	await assertWritable(join(folder.path, 'kept/deep/new'));
	assert.equal((await readdir(folder.path)).sort(), ['kept', 'report.html']);
});

files('is refused below a file, as a folder, and where the system takes nothing', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'file'), '');
	for (const place of [
		join(folder.path, 'file/b'),
		join(folder.path, 'file/a/b'),
		'/proc/b',
		'/dev/null/b',
	]) {
		const failure = await failureOf(assertWritable(place));
		assert.is(failure.code, 'file-unwritable');
		assert.ok(failure.message.startsWith(`Cannot write "${place}": `), failure.message);
	}
	assert.match((await failureOf(assertFilePlace(folder.path))).message, /it is a folder/);
	assert.equal(await readdir(folder.path), ['file']);
});

for (const [what, options] of [
	['read-only', 'ro,size=4m'],
	['full', 'size=64k'],
] as const) {
	files(`is refused on a disk that is ${what}`, async () => {
		await using folder = await temporaryFolder();
		const disk = join(folder.path, 'disk');
		await mkdir(disk);
		if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status !== 0)
			return console.log('skipped: a disk of its own cannot be mounted here');
		try {
			assert.is((await failureOf(assertWritable(join(disk, 'b')))).code, 'file-unwritable');
			assert.equal(await readdir(disk), []);
		} finally {
			spawnSync('umount', [disk]);
		}
	});
}

files('that took a file holds the whole of it, or what was there before', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'deep', 'file');
	await writeWhole(path, 'first');
	await writeWhole(path, 'second');
	assert.is(await readFile(path, 'utf8'), 'second');
	assert.is((await failureOf(writeWhole(join(path, 'below'), ''))).code, 'file-unwritable');
	assert.equal(await readdir(join(folder.path, 'deep')), ['file']);
});

files.run();
