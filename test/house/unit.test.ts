import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../tiny-bundle.js';

const unit = suite('the systemd unit');

unit('is understood by systemd', async () => {
	if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
		console.log('skipped: no systemd-analyze');
		return;
	}
	const text = await readFile(new URL('../../../systemd/inspectord.service', import.meta.url), 'utf8');
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'inspectord.service');
	// The program need not be installed where the tests run.
	await writeFile(file, text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
	const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
	assert.is(status, 0, stdout + stderr);
	assert.not.match(stdout + stderr, /Unknown|Failed to parse/);
});

unit.run();
