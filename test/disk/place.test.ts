import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, tryFolder } from '../../src/disk/place.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const places = suite('a place for a folder');

places('is good where a folder is or can be made; trying makes none', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('there'));
	for (const name of ['there', 'a/b/c', 'there/"x\n y']) await tryFolder(at(name));
	assert.equal(await readdir(folder.path), ['there']);
	await makeFolder(at('a/b/c'));
	await makeFolder(at('a/b/c'));
	assert.ok((await stat(at('a/b/c'))).isDirectory());
});

places('is refused where a file stands there or in its way, or nothing can be written', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await writeFile(at('file'), '');
	await symlink(at('loop'), at('loop'));
	for (const [path, state] of [
		[at('file'), 'a file stands there'],
		[at('file/x/y'), 'a file stands in its way'],
		[at('loop/x'), ''],
		[at('n'.repeat(300)), ''],
	] as const)
		for (const attempt of [tryFolder, makeFolder]) {
			const { code, message } = await failureOf(attempt(path));
			assert.is(code, 'file-unwritable');
			assert.ok(message.startsWith(`Cannot write folder "${path}": ${state}`), message);
		}
	assert.is((await failureOf(tryFolder('/proc/1/x'))).code, 'file-unwritable');
});

places.run();
