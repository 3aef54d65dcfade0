import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { draftEngine, writeSetback } from '../../src/disk/engines.js';
import { accelerator } from '../../src/machine/accelerator.js';
import { type EngineKey, engineId } from '../../src/model/engine.js';
import { program, startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const command = suite('the command for engines');

const key: EngineKey = {
	model: 'ab'.repeat(32),
	precision: 'fp16',
	tensorrt: '10.3.0',
	driver: '540.4.0',
	sm: '8.7',
	l4t: '36.4.3',
};

async function installed(folder: string, of = key) {
	await using draft = await draftEngine(folder, of);
	await draft.writeWrapper(Uint8Array.of(7));
	await writeFile(draft.engine, 'an engine');
	return await draft.install({
		key: of,
		bundle: 'lid@1c947c1d',
		source: '0'.repeat(64),
		builtAt: '2026-11-30T05:00:00.000Z',
		seconds: 61.5,
		pictures: 12,
		gate: [{ measure: 'score difference', value: 0.01, limit: 0.25, ok: true }],
	});
}

for (const args of [
	['engine'],
	['engine', 'make'],
	['engine', 'build'],
	['engine', 'build', 'a', 'b'],
	['engine', 'list', 'a'],
	['engine', 'remove'],
	['engine', 'build', 'a', '--precision', 'fp8'],
	['engine', 'build', 'a', '--limit', '0'],
]) {
	command(`ends with 2 and says what is wrong: ${args.join(' ')}`, async () => {
		const { code, out, err } = await program(...args);
		assert.is(code, 2, err);
		assert.is(out, '');
		assert.match(err, /^inspectord: /);
	});
}

command('says what is missing where there is no TensorRT, and leaves nothing', async () => {
	// What is tested here is a machine without it; one that has it builds.
	if ((await accelerator()).tensorrt !== null) return console.log('skipped: there is a TensorRT here');
	await using folder = await temporaryFolder();
	const bundle = await tinyBundle(join(folder.path, 'b'));
	await using running = startWith(
		{ CACHE_DIRECTORY: folder.path },
		'engine',
		'build',
		bundle,
		'--precision',
		'fp16',
	);
	const { code, err } = await running.ended;
	assert.is(code, 1);
	assert.match(err, /no TensorRT library/);
	const listed = await program('engine', 'list', '--engines', join(folder.path, 'engines'));
	assert.match(listed.out, /^There is no engine in /);
});

command('lists, verifies and removes, in words and as JSON', async () => {
	await using folder = await temporaryFolder();
	const place = ['--engines', folder.path];
	const { id } = await installed(folder.path);
	const failed = { ...key, precision: 'int8' } as const;
	await writeSetback(folder.path, {
		key: failed,
		at: '2026-11-30T05:10:00.000Z',
		code: 'engine-failed',
		message: 'out of memory',
		tail: '[E] x',
	});
	const { code, out } = await program('engine', 'list', ...place);
	assert.is(code, 0);
	assert.match(
		out,
		new RegExp(
			`${id}  lid@1c947c1d in fp16, for TensorRT 10.3.0, SM 8.7, driver 540.4.0, L4T 36.4.3; built 2026-11-30T05:00 in 62 s`,
		),
	);
	assert.match(out, new RegExp(`${engineId(failed)}  the build of 2026-11-30T05:10 failed: out of memory`));
	const told = JSON.parse((await program('engine', 'list', '--json', ...place)).out);
	assert.is(told.folder, folder.path);
	assert.is(told.engines.find((one: { id: string }) => one.id === id).key.driver, '540.4.0');
	const whole = await program('engine', 'verify', ...place);
	assert.is(whole.code, 0);
	assert.match(whole.out, /^ok .*whole, of another machine: TensorRT 10.3.0 instead of none/);
	await truncate(join(folder.path, id, 'model.engine'), 2);
	const damaged = await program('engine', 'verify', id, '--json', ...place);
	assert.is(damaged.code, 1);
	assert.is(JSON.parse(damaged.out).engines[0].ok, false);
	assert.match(damaged.err, /1 of 1 engines/);
	const removed = await program('engine', 'remove', id, engineId(failed), ...place);
	assert.match(removed.out, new RegExp(`Removed engine ${id}`));
	const again = await program('engine', 'remove', id, ...place);
	assert.is(again.code, 1);
	assert.match(again.err, /There is no engine/);
});

command.run();
