import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import type { RecipeConfig } from '../../src/config/schema.js';
import { type ProbeWorld, tryBundle, tryCamera } from '../../src/daemon/probe.js';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { childrenOf } from '../children-of.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { recipeWith } from '../inspect/inspection.js';
import { startWith } from '../program.js';
import { cameraWith } from '../start-message.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const probes = suite('trying what a station needs');

/** Another voice in the process that tries: it acts as soon as it is asked. */
const acting = (code: string) => ({
	...process.env,
	NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
		`if (process.argv[2] === 'probe') process.on('message', () => { ${code} })`,
	)}`,
});

const worldWith = (more: Partial<ProbeWorld> = {}): ProbeWorld => ({
	env: process.env,
	note: () => {},
	signal: new AbortController().signal,
	...more,
});

const cameraOf = (source: string) => cameraWith({ source, timeoutMs: 3000 });

probes('says what a bundle is and proves, and what is wrong with one', async () => {
	await using folder = await temporaryFolder();
	const model = await tinyBundle(join(folder.path, 'bundle'));
	const found = await tryBundle({ recipe: recipeWith({ model }), engineFolder: '/nowhere' }, worldWith());
	assert.match(
		found,
		/^bundle ".*" \(pocket\) proves its golden vectors in fp32 on cpu \([^)]*threads?[^)]*\); threshold \d/,
	);
	await writeFile(join(model, 'model.onnx'), 'x');
	const failure = await failureOf(
		tryBundle({ recipe: recipeWith({ model }), engineFolder: '/nowhere' }, worldWith()),
	);
	assert.is(failure.code, 'bundle-invalid');
	assert.equal(await childrenOf(process.pid), []);
});

probes(
	'says what is missing of a provider that alone may compute, and what computes in place of one',
	async () => {
		await using folder = await temporaryFolder();
		const model = await tinyBundle(join(folder.path, 'bundle'));
		const found = (provider: RecipeConfig['provider'], env: NodeJS.ProcessEnv = {}) => {
			const asked = { recipe: recipeWith({ model, provider }), engineFolder: '/nowhere' };
			return tryBundle(asked, worldWith({ env: { ...process.env, ...env } }));
		};
		const failure = await failureOf(found({ require: 'tensorrt' }));
		assert.is(failure.code, 'provider-unavailable');
		assert.match(
			failure.message,
			/^Cannot use provider "tensorrt": .*(libonnxruntime_providers_tensorrt.so|built without it)/,
		);
		assert.match(failure.advice!, 'INSPECTORD_ORT');
		assert.match(
			await found({ prefer: 'tensorrt' }),
			/ in fp32 on cpu \([^)]*threads?[^)]*\); threshold [\d.]+, by which of 100 good parts at most \d+ are rejected [^;]+; degraded: Cannot use provider "tensorrt": /,
		);
		assert.is((await failureOf(found('cpu', { INSPECTORD_ORT: folder.path }))).code, 'library-unusable');
		assert.match(
			await found('auto'),
			/ on cpu \([^)]*threads?[^)]*\); threshold [\d.]+, by which [^;]+ confidence$/,
		);
	},
);

probes('says what a camera gives, what it passes over, and what is wrong with one', async () => {
	await using folder = await temporaryFolder();
	const pictures = join(folder.path, 'pictures');
	await mkdir(pictures);
	await writeFile(join(pictures, '0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await writeFile(join(pictures, '1.txt'), 'x');
	const notes: string[] = [];
	const note = (line: string) => void notes.push(line);
	assert.is(await tryCamera(cameraOf('sim:'), [], worldWith()), 'camera "sim:" gives 512x512');
	assert.match(await tryCamera(cameraOf(pictures), [], worldWith({ note })), /gives 96x96$/);
	assert.match(await tryCamera(cameraOf(`watch: ${pictures}`), [], worldWith()), /can be watched$/);
	const absent = await failureOf(tryCamera(cameraOf(join(folder.path, 'absent')), [], worldWith()));
	assert.is(absent.code, 'camera-unavailable');
	assert.ok(absent.advice);
	assert.equal(await childrenOf(process.pid), []);
});

probes('leaves a camera alone that a station has open, however it is spelt', async () => {
	await using folder = await temporaryFolder();
	const link = join(folder.path, 'by-id');
	await symlink('/dev/null', link);
	for (const [source, other] of [
		['0', '/dev/video0'],
		['/dev/video0', '0'],
		[link, '/dev/null'],
		['http://h/s', 'http://h/s'],
	] as const) {
		const found = await tryCamera(cameraOf(source), [cameraOf('sim:'), cameraOf(other)], worldWith());
		assert.is(found, `camera "${source}" is in use by a station already`);
	}
});

probes('kills a camera that hangs, and names it', async () => {
	const world = worldWith({ env: acting('for (;;);') });
	const failure = await failureOf(tryCamera(cameraOf('sim:'), [], world, 2000));
	assert.is(failure.code, 'camera-silent');
	assert.is(failure.message, 'Cannot read camera "sim:": it hung for 2 s');
	assert.equal(await childrenOf(process.pid), []);
});

probes('says how it died when what it tried crashed', async () => {
	const world = worldWith({ env: acting("process.kill(process.pid, 'SIGSEGV')") });
	const failure = await failureOf(tryBundle({ recipe: recipeWith(), engineFolder: '/nowhere' }, world));
	assert.is(failure.code, 'child-died');
	assert.match(failure.message, /^Cannot try bundle "m": its process died \(killed by SIGSEGV\)$/);
});

probes('takes a fault of ours there for one here', async () => {
	const world = worldWith({ env: acting("console.error('TypeError: x is no y'); process.exit(70)") });
	const thrown = await tryBundle({ recipe: recipeWith(), engineFolder: '/nowhere' }, world).catch(
		(reason: unknown) => reason,
	);
	assert.not.instance(thrown, Failure);
	assert.match(
		(thrown as Error).message,
		/a fault in the process that tried bundle "m"\nTypeError: x is no y/,
	);
});

probes('ends at once when it is interrupted, also while something hangs', async () => {
	const abort = new AbortController();
	const work = failureOf(
		tryCamera(cameraOf('sim:'), [], worldWith({ env: acting('for (;;);'), signal: abort.signal })),
	);
	await eventually('it is asked', async () => (await childrenOf(process.pid)).length === 1);
	abort.abort(new Failure('interrupted', 'Interrupted'));
	assert.is((await work).code, 'interrupted');
	await eventually('it is gone', async () => (await childrenOf(process.pid)).length === 0);
	assert.is(
		(await failureOf(tryCamera(cameraOf('sim:'), [], worldWith({ signal: abort.signal })))).code,
		'interrupted',
	);
});

probes('is all that check does: it loads no native library itself', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'c.yaml');
	await writeFile(
		file,
		'box: t\nmqtt: { url: "mqtt://127.0.0.1:1" }\nstations:\n  s: { camera: { source: "sim:" }, recipe: r }\nrecipes:\n  r: { model: b }\n',
	);
	await using check = startWith(acting('for (;;);'), 'check', '--config', file);
	const { pid } = check.child;
	await eventually('it tries', async () => (await childrenOf(pid!)).length === 2);
	assert.not.match(await readFile(`/proc/${pid}/maps`, 'utf8'), /opencv|onnxruntime/i);
	const trying = await childrenOf(pid!);
	check.child.kill('SIGTERM');
	assert.is((await check.ended).code, 130);
	await eventually('nothing is left behind', async () => {
		const alive = await Promise.all(
			trying.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
		);
		return alive.every((line) => !line.includes('probe'));
	});
});

probes.run();
