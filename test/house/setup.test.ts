import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const setup = suite('the set-up');

type Packages = {
	missingPackages(purposes: string[], exists: (path: string) => boolean): string[];
	installLine(names: string[]): string;
};

const file = fileURLToPath(new URL('../../../tools/packages.mjs', import.meta.url));

setup('knows what is missing, and the one line that installs it', async () => {
	const { missingPackages, installLine } = (await import(pathToFileURL(file).href)) as Packages;
	assert.equal(
		missingPackages(['build', 'test'], () => true),
		[],
	);
	assert.equal(
		missingPackages(['build'], (path) => !path.includes('opencv')),
		['libopencv-dev'],
	);
	assert.ok(missingPackages(['test'], () => false).includes('mosquitto'));
	assert.not.ok(missingPackages(['build'], () => false).includes('mosquitto'));
	assert.match(installLine(['a', 'b']), /^sudo apt-get .* install -y --no-install-recommends a b$/);
});

setup('names packages by files that they really bring', () => {
	if (spawnSync('dpkg', ['--version']).status !== 0) {
		console.log('skipped: no dpkg');
		return;
	}
	const found = spawnSync('dpkg', ['-S', '/usr/include/opencv4/opencv2/core.hpp'], { encoding: 'utf8' });
	assert.match(found.stdout, /^libopencv-core-dev|^libopencv-dev/);
});

setup.run();
