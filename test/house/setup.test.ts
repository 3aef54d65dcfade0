import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../tiny-bundle.js';
import { smallClone, tools } from './small-clone.js';

const setup = suite('the set-up');

type Packages = {
	missingPackages(purposes: string[], exists: (path: string) => boolean): string[];
	installLine(names: string[]): string;
};

const file = join(tools, 'packages.mjs');

type Ended = { readonly code: number | null; readonly said: string; readonly called: readonly string[] };

function setUp(
	clone: string,
	settings: { readonly preload?: string; readonly hangs?: boolean; readonly version?: string } = {},
) {
	const folder = join(clone, '..');
	const calls = join(folder, `calls-${Math.random()}`);
	const { preload, hangs, version = '' } = settings;
	const child: ChildProcess = spawn(
		process.execPath,
		[
			...(preload ? ['--require', preload] : []),
			...['--input-type=module', '--eval'],
			"const { setUp } = await import('./tools/setup.mjs'); await setUp({ tests: false });",
		],
		{
			cwd: clone,
			env: {
				...process.env,
				PATH: `${folder}${delimiter}${process.env.PATH}`,
				CALLS: calls,
				HANGS: hangs ? 'yes' : '',
				BINDING_VERSION: version,
			},
		},
	);
	let said = '';
	for (const stream of [child.stdout, child.stderr])
		stream?.on('data', (chunk) => {
			said += chunk;
		});
	const called = () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);
	const ended = new Promise<Ended>((resolve) =>
		child.once('close', (code) => resolve({ code, said, called: called() })),
	);
	return { child, ended, said: () => said, called };
}

async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

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

setup('installs and compiles once, says how far it is, and does nothing where all stands', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	const first = await setUp(clone).ended;
	assert.is(first.code, 0, first.said);
	assert.equal(first.called, ['ci', 'rebuild']);
	assert.match(first.said, /compiling the OpenCV binding … [0-2] of 2 files, \d+ s/);
	assert.match(first.said, /compiling the OpenCV binding: 2 of 2 files, \d+ s/);
	assert.equal(await setUp(clone).ended, { code: 0, said: '', called: [] });
});

setup('compiles nothing where the folder was only moved or copied', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	assert.is((await setUp(clone).ended).code, 0);
	const moved = join(folder.path, 'moved');
	await rename(clone, moved);
	assert.equal(await setUp(moved).ended, { code: 0, said: '', called: [] });
	const copied = join(folder.path, 'copied');
	await cp(moved, copied, { recursive: true });
	assert.equal(await setUp(copied).ended, { code: 0, said: '', called: [] });
});

setup('compiles the binding again for a Node of another ABI, and installs nothing else', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	assert.is((await setUp(clone).ended).code, 0);
	const preload = join(folder.path, 'other-node.cjs');
	await writeFile(
		preload,
		"Object.defineProperty(process, 'versions', { value: { ...process.versions, modules: '1' } });",
	);
	assert.equal((await setUp(clone, { preload }).ended).called, ['rebuild']);
	assert.equal((await setUp(clone, { preload }).ended).called, []);
	assert.equal((await setUp(clone).ended).called, ['rebuild']);
});

setup(
	'installs other packages without compiling the binding again, unless it is another one itself',
	async () => {
		await using folder = await temporaryFolder();
		const clone = await smallClone(folder.path);
		assert.is((await setUp(clone).ended).code, 0);
		await writeFile(join(clone, 'package-lock.json'), '{ "a": 1 }');
		assert.equal((await setUp(clone).ended).called, ['ci']);
		assert.equal(await setUp(clone).ended, { code: 0, said: '', called: [] });
		await writeFile(join(clone, 'package-lock.json'), '{ "a": 2 }');
		assert.equal((await setUp(clone, { version: '2' }).ended).called, ['ci', 'rebuild']);
		assert.equal(await setUp(clone).ended, { code: 0, said: '', called: [] });
	},
);

setup('goes on after it was interrupted or killed', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	for (const { signal, called } of [
		{ signal: 'SIGTERM', called: ['ci', 'rebuild'] },
		{ signal: 'SIGKILL', called: ['rebuild'] },
	] as const) {
		const begun = setUp(clone, { hangs: true });
		await until(() => begun.called().includes('rebuild'));
		begun.child.kill(signal);
		const ended = await begun.ended;
		assert.equal(ended.called, called);
		if (signal === 'SIGTERM') assert.match(ended.said, /the next start goes on from here/);
	}
	const last = await setUp(clone).ended;
	assert.is(last.code, 0, last.said);
	assert.equal(last.called, ['rebuild']);
});

setup('waits for another one in the same folder', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	const first = setUp(clone);
	await until(() => first.said().includes('installing npm packages'));
	const second = await setUp(clone).ended;
	assert.equal(await first.ended.then(({ code, called }) => ({ code, called })), {
		code: 0,
		called: ['ci', 'rebuild'],
	});
	assert.equal(second, {
		code: 0,
		said: 'Another set-up is running in this folder; waiting for it.\n',
		called: [],
	});
});

setup('refuses a Node that is too old, and says which will do', async () => {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	const preload = join(folder.path, 'old-node.cjs');
	await writeFile(
		preload,
		"Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.8.1' } });",
	);
	const { code, said } = await setUp(clone, { preload }).ended;
	assert.is(code, 1);
	const { engines } = JSON.parse(await readFile(join(tools, '..', 'package.json'), 'utf8'));
	assert.is(engines.node, '>=20.9');
	assert.is(said, 'Node 20.8.1 is too old: inspectord runs on Node 20.9 and newer, best on 22 or 24.\n');
});

setup.run();
