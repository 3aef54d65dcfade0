import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { unfinished } from '../../src/disk/file.js';
import { openPictures } from '../../src/disk/pictures.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const files = suite('pictures on disk');

const jpeg = (text: string) => Buffer.from(text);

files('are files named by what they hold, each once', async () => {
	await using folder = await temporaryFolder();
	const pictures = await openPictures(join(folder.path, 'deep/pictures'));
	const hashes = await pictures.write(['x', 'y', 'x', 'x', ''].map(jpeg));
	assert.equal(hashes, ['x', 'y', 'x', 'x', ''].map(sha256Of));
	assert.equal([...(await pictures.list())].sort(), [...new Set(hashes)].sort());
	assert.equal(Buffer.from((await pictures.read(hashes[1]!))!), jpeg('y'));
	await pictures.remove([hashes[1]!, '0'.repeat(64)]);
	assert.is(await pictures.read(hashes[1]!), undefined);
	assert.is((await pictures.list()).length, 2);
});

files('that are not what their name says are not given, and are written anew', async () => {
	await using folder = await temporaryFolder();
	const pictures = await openPictures(folder.path);
	const [hash] = await pictures.write([jpeg('whole')]);
	await writeFile(join(folder.path, `${hash}.jpg`), 'who');
	assert.is(await pictures.read(hash!), undefined);
	await pictures.write([jpeg('whole')]);
	assert.equal(Buffer.from((await pictures.read(hash!))!), jpeg('whole'));
});

files('leave nothing of a writer that is no more, and everything of others', async () => {
	await using folder = await temporaryFolder();
	await writeFile(unfinished(join(folder.path, 'a.jpg')), 'half');
	await writeFile(join(folder.path, 'notes.txt'), 'of somebody');
	const pictures = await openPictures(folder.path);
	assert.equal(await readdir(folder.path), ['notes.txt']);
	assert.equal(await pictures.list(), []);
});

files('need a folder that can be made', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'file'), '');
	const failure = await failureOf(openPictures(join(folder.path, 'file/pictures')));
	assert.is(failure.code, 'file-unwritable');
});

files.run();
