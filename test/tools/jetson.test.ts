import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../tiny-bundle.js';

const scripts = suite('the scripts for a Jetson');

const folder = fileURLToPath(new URL('../../../tools/jetson', import.meta.url));

const version = async () => {
	const { dependencies } = JSON.parse(await readFile(join(folder, '../../package.json'), 'utf8'));
	return dependencies['onnxruntime-node'] as string;
};

/** A box that says it is an ARM of a release, with `tools` before what is here. */
async function box(
	release: string,
	compatible = 'nvidia,tegra234\0',
	tools: Readonly<Record<string, string>> = {},
) {
	const home = await temporaryFolder();
	const bin = join(home.path, 'bin');
	await mkdir(bin);
	for (const [name, text] of Object.entries({ uname: 'echo aarch64', ...tools })) {
		await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
		await chmod(join(bin, name), 0o755);
	}
	await writeFile(join(home.path, 'nv_tegra_release'), release);
	await writeFile(join(home.path, 'compatible'), compatible);
	const env = {
		PATH: `${bin}:${process.env.PATH}`,
		HOME: home.path,
		NV_TEGRA_RELEASE: join(home.path, 'nv_tegra_release'),
		DEVICE_TREE: home.path,
	};
	return {
		...home,
		run: (script: string, ...args: string[]) => run(script, args, env),
		[Symbol.asyncDispose]: home[Symbol.asyncDispose],
	};
}

function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
	const { status, stdout, stderr } = spawnSync('bash', [join(folder, script), ...args], {
		encoding: 'utf8',
		env,
	});
	return { status, said: stdout + stderr };
}

scripts('are understood by bash', async () => {
	const names = (await readdir(folder)).filter((name) => name.endsWith('.sh'));
	assert.ok(names.length >= 3);
	for (const name of names) {
		const { status, stderr } = spawnSync('bash', ['-n', join(folder, name)], { encoding: 'utf8' });
		assert.is(status, 0, stderr);
	}
});

scripts('say that they were not run, and help', async () => {
	for (const name of ['ort-build.sh', 'ort-wheel.sh']) {
		assert.match(await readFile(join(folder, name), 'utf8'), /^# .*NOT RUN/m);
		const { status, said } = run(name, ['--help']);
		assert.is(status, 0);
		assert.match(said, /--out DIR/);
	}
});

const R = (text: string) =>
	`# R${text}, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n`;
const JP6 = R('36 (release), REVISION: 4.3');

const refusals: readonly (readonly [what: string, release: string, args: readonly string[], said: RegExp])[] =
	[
		[
			'JetPack 5',
			R('35 (release), REVISION: 4.1'),
			[],
			/35\.4\.1 is JetPack 5.*TensorRT 8\.5\n.*JetPack 6\.2/,
		],
		['JetPack 4', R('32 (release), REVISION: 7.1'), [], /32\.7\.1 is JetPack 5 or older/],
		['JetPack 6.0', R('36 (release), REVISION: 3.0'), [], /36\.3\.0 is JetPack 6\.0/],
		['a release that tells nothing', 'nonsense\n', [], /tells no release/],
		['an option that is none', JP6, ['--outt', '/x'], /there is no option --outt/],
		['an option without a value', JP6, ['--out'], /--out needs a value/],
		['jobs that are no number', JP6, ['--jobs', 'many'], /--jobs many is no number/],
		['an architecture that is none', JP6, ['--architecture', 'orin'], /--architecture orin is no number/],
	];

for (const [what, release, args, said] of refusals) {
	scripts(`refuse ${what} in words, before anything is made`, async () => {
		await using jetson = await box(release);
		const result = jetson.run('ort-build.sh', ...args);
		assert.is(result.status, 1, result.said);
		assert.match(result.said, said);
		assert.equal((await readdir(jetson.path)).sort(), ['bin', 'compatible', 'nv_tegra_release']);
	});
}

scripts('refuse another machine, and one without Jetson Linux', () => {
	if (process.arch === 'arm64') {
		console.log('skipped: this is an ARM');
		return;
	}
	assert.match(run('ort-build.sh', []).said, /and no Jetson\nRun it on the Jetson itself/);
});

scripts('refuse a chip that they do not know, unless it is said', async () => {
	await using jetson = await box(JP6, 'nvidia,tegra999\0');
	assert.match(jetson.run('ort-build.sh').said, /neither Orin nor Thor/);
	assert.not.match(jetson.run('ort-build.sh', '--architecture', '999').said, /neither Orin nor Thor/);
});

scripts('name the tool that is missing or too old, on a JetPack that they take', async () => {
	const ready = { nvcc: ':', cmake: 'echo cmake version 3.22.1', 'g++': 'echo 11.4.0', git: ':' };
	await using old = await box(JP6, undefined, ready);
	assert.match(
		old.run('ort-build.sh').said,
		/cmake 3\.22\.1 is too old, 3\.28 or later.*\npython3 -m pip install/,
	);
	await using older = await box(R('38 (release), REVISION: 2.0'), 'nvidia,tegra264\0', {
		...ready,
		'g++': 'echo 9.4.0',
	});
	assert.match(older.run('ort-build.sh').said, /g\+\+ 9\.4\.0 is too old, 11\.1 or later/);
});

scripts('take a wheel of exactly the version that is needed, for this processor', async () => {
	await using jetson = await box(R('35 (release), REVISION: 4.1'));
	const wheel = async (name: string) => {
		const path = join(jetson.path, name);
		await writeFile(path, '');
		return path;
	};
	const needed = await version();
	const other = await wheel('onnxruntime_gpu-1.23.0-cp310-cp310-linux_aarch64.whl');
	assert.match(
		jetson.run('ort-wheel.sh', other).said,
		new RegExp(`is not onnxruntime_gpu ${needed} for aarch64`),
	);
	const later = await wheel(`onnxruntime_gpu-${needed}1-cp310-cp310-linux_aarch64.whl`);
	assert.match(jetson.run('ort-wheel.sh', later).said, /is not onnxruntime_gpu/);
	const pc = await wheel(`onnxruntime_gpu-${needed}-cp310-cp310-linux_x86_64.whl`);
	assert.match(jetson.run('ort-wheel.sh', pc).said, /for aarch64/);
	const right = await wheel(`onnxruntime_gpu-${needed}-cp310-cp310-linux_aarch64.whl`);
	assert.match(jetson.run('ort-wheel.sh', right).said, /JetPack 5 or older/);
	assert.match(jetson.run('ort-wheel.sh', join(jetson.path, 'none.whl')).said, /there is no wheel/);
	assert.match(jetson.run('ort-wheel.sh').said, /not said which wheel/);
	assert.match(jetson.run('ort-wheel.sh', right, other).said, /one wheel/);
});

scripts.run();
