import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realPathOf } from '../../src/disk/real-path.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const paths = suite('paths behind links');

paths('are found also of what does not exist yet', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const here = await realpath(folder.path);
	await mkdir(at('real'));
	await writeFile(at('file'), '');
	await symlink('real', at('link'));
	await symlink(at('link/later'), at('dangling'));
	await symlink('../../..', at('real/up'));
	for (const [path, real] of [
		['real', 'real'],
		['link', 'real'],
		['link/a/b', 'real/a/b'],
		['link/../a', 'a'],
		['dangling', 'real/later'],
		['dangling/x', 'real/later/x'],
		['file/x', 'file/x'],
	])
		assert.is(await realPathOf(at(path!)), join(here, real!), path);
	assert.is(await realPathOf(at('link/up/etc')), join(here, '../../etc'));
});

paths('that lead nowhere are a failure in words', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await symlink(at('b'), at('a'));
	await symlink(at('a'), at('b'));
	assert.is((await failureOf(realPathOf(at('a')))).code, 'file-unreadable');
	assert.is((await failureOf(realPathOf('/x\0y'))).code, 'file-unreadable');
});

paths.run();
