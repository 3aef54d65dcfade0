import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../tiny-bundle.js';

const unit = suite('the systemd unit');

const text = (name: string) => readFile(new URL(`../../../systemd/${name}`, import.meta.url), 'utf8');

unit('is understood by systemd', async () => {
	if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
		console.log('skipped: no systemd-analyze');
		return;
	}
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'inspectord.service');
	// The program need not be installed where the tests run.
	await writeFile(file, (await text('inspectord.service')).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
	const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
		encoding: 'utf8',
	});
	assert.is(status, 0, stdout + stderr);
	assert.not.match(stdout + stderr, /Unknown|Failed to parse/);
});

unit('and what a Jetson adds to it are understood together', async () => {
	if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
		console.log('skipped: no systemd-analyze');
		return;
	}
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'inspectord.service');
	await writeFile(file, (await text('inspectord.service')).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
	const more = join(folder.path, 'inspectord.service.d');
	await mkdir(more);
	await writeFile(join(more, 'jetson.conf'), await text('inspectord-jetson.conf'));
	const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
		encoding: 'utf8',
	});
	assert.is(status, 0, stdout + stderr);
	assert.not.match(stdout + stderr, /Unknown|Failed to parse/);
});

unit('is walled in as far as cameras, CUDA and V8 allow', async () => {
	const file = fileURLToPath(new URL('../../../systemd/inspectord.service', import.meta.url));
	const asked = ['security', '--offline=true', '--no-pager', '--threshold=20', file];
	const { status, stdout, stderr } = spawnSync('systemd-analyze', asked, { encoding: 'utf8' });
	// --offline came with systemd 250.
	if (status === null || /unrecognized option/.test(stderr))
		return console.log('skipped: no systemd-analyze');
	assert.match(stdout, /Overall exposure level/);
	assert.is(status, 0, stdout);
});

unit('shuts no device: before systemd 253 ProtectClock= does as soon as it stands alone', async () => {
	assert.not.match(
		await text('inspectord.service'),
		/^(ProtectClock|PrivateDevices|DeviceAllow|DevicePolicy)=/m,
	);
});

unit.run();
