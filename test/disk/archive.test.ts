import { execFileSync } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { archiveOf } from '../../src/disk/archive.js';
import { temporaryFolder } from '../tiny-bundle.js';

const archives = suite('an archive');

archives('is read by tar, whatever the length of its files', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const files = [0, 1, 511, 512, 513, 100_000].map((length) => ({
		name: `${length}.txt`,
		content: `${'é'.repeat(length % 2)}${'x'.repeat(length)}`,
	}));
	const atMs = Date.UTC(2026, 10, 25, 6, 0, 1, 500);
	await writeFile(at('a.tar.gz'), await archiveOf(files, atMs));
	execFileSync('tar', ['-xzf', at('a.tar.gz'), '-C', folder.path]);
	for (const { name, content } of files) {
		assert.is(await readFile(at(name), 'utf8'), content);
		const { mode, mtimeMs } = await stat(at(name));
		assert.equal([mode & 0o777, mtimeMs], [0o600, atMs - 500]);
	}
});

archives.run();
