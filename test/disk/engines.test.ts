import { fork } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	clearSetback,
	draftEngine,
	ENGINE_FILE,
	enginesFolder,
	findEngine,
	listEngines,
	readEngine,
	readSetback,
	removeEngine,
	timingCacheFile,
	writeSetback,
} from '../../src/disk/engines.js';
import { type EngineKey, engineId } from '../../src/model/engine.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const engines = suite('engines on disk');

const key: EngineKey = {
	model: 'ab'.repeat(32),
	precision: 'fp16',
	tensorrt: '10.3.0',
	driver: '540.4.0',
	sm: '8.7',
	l4t: '36.4.3',
};
const id = engineId(key);

const told = {
	bundle: 'lid@1c947c1d',
	source: '0'.repeat(64),
	builtAt: '2026-11-30T05:00:00.000Z',
	seconds: 61.5,
	pictures: 12,
	gate: [{ measure: 'score difference', value: 0.01, limit: 0.25, ok: true }] as const,
};

async function installed(folder: string, of = key, content = 'an engine') {
	await using draft = await draftEngine(folder, of);
	await draft.scratch('source.onnx', Uint8Array.of(1));
	await draft.writeWrapper(Uint8Array.of(7, 7, 7));
	await writeFile(draft.engine, content);
	return await draft.install({ key: of, ...told, gate: [...told.gate] });
}

for (const [env, expected] of [
	[
		{ CACHE_DIRECTORY: '/var/cache/inspectord', XDG_CACHE_HOME: '/x', HOME: '/h' },
		'/var/cache/inspectord/engines',
	],
	[{ CACHE_DIRECTORY: '/var/cache/a:/var/cache/b' }, '/var/cache/a/engines'],
	[{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/inspectord/engines'],
	[{ XDG_CACHE_HOME: 'x', HOME: '/h' }, '/h/.cache/inspectord/engines'],
	[{ CACHE_DIRECTORY: '', XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/inspectord/engines'],
] as const) {
	engines(`are kept in ${expected} where the environment says ${JSON.stringify(env)}`, () => {
		assert.is(enginesFolder(env), expected);
	});
}

engines('are found by their key, whole and as they were installed', async () => {
	await using folder = await temporaryFolder();
	assert.is(await findEngine(folder.path, key), undefined);
	assert.is(await findEngine(join(folder.path, 'absent'), key), undefined);
	const put = await installed(folder.path);
	const found = await findEngine(folder.path, key);
	assert.equal(found, put);
	assert.is(await readFile(found!.engine, 'utf8'), 'an engine');
	assert.equal((await readdir(join(folder.path, id))).sort(), ['engine.json', ENGINE_FILE, 'model.onnx']);
	assert.equal(await readdir(folder.path), [id]);
});

for (const [part, value] of [
	['model', 'cd'.repeat(32)],
	['precision', 'int8'],
	['tensorrt', '10.3.1'],
	['driver', '540.5.0'],
	['sm', '8.6'],
	['l4t', '36.4.4'],
	['l4t', null],
] as const) {
	engines(`are not found by a key whose ${part} is ${value}`, async () => {
		await using folder = await temporaryFolder();
		await installed(folder.path);
		assert.is(await findEngine(folder.path, { ...key, [part]: value }), undefined);
	});
}

engines('that were copied under the name of another key are never given', async () => {
	await using folder = await temporaryFolder();
	await installed(folder.path);
	const other = { ...key, driver: '541.0.0' };
	await rename(join(folder.path, id), join(folder.path, engineId(other)));
	const failure = await failureOf(findEngine(folder.path, other));
	assert.is(failure.code, 'engine-invalid');
	assert.match(failure.message, /renamed/);
	assert.match(failure.advice!, /engine build/);
});

const changed = async (folder: string, change: (record: Record<string, unknown>) => unknown) => {
	const path = join(folder, id, 'engine.json');
	await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))));
};

for (const [what, spoil, message] of [
	[
		'whose engine is cut off',
		(f: string) => truncate(join(f, id, ENGINE_FILE), 3),
		/"model.engine" is damaged or cut off/,
	],
	[
		'whose engine is empty',
		(f: string) => truncate(join(f, id, ENGINE_FILE), 0),
		/"model.engine" cannot be used: it is empty/,
	],
	['whose engine is missing', (f: string) => rm(join(f, id, ENGINE_FILE)), /no file "model.engine"/],
	[
		'whose engine is a link',
		async (f: string) => {
			await rename(join(f, id, ENGINE_FILE), join(f, 'elsewhere'));
			await symlink(join(f, 'elsewhere'), join(f, id, ENGINE_FILE));
		},
		/it is no file/,
	],
	[
		'whose wrapper was altered',
		(f: string) => writeFile(join(f, id, 'model.onnx'), 'x'),
		/"model.onnx" is damaged/,
	],
	['without a record', (f: string) => rm(join(f, id, 'engine.json')), /no file "engine.json"/],
	[
		'whose record is no JSON',
		(f: string) => writeFile(join(f, id, 'engine.json'), '{'),
		/"engine.json" cannot be used/,
	],
	[
		'whose record is null',
		(f: string) => writeFile(join(f, id, 'engine.json'), 'null'),
		/"engine.json" is wrong/,
	],
	[
		'of another format',
		(f: string) => changed(f, (record) => ({ ...record, formatVersion: 2 })),
		/format version 2, this inspectord reads version 1/,
	],
	[
		'whose record names another driver',
		(f: string) => changed(f, (record) => ({ ...record, key: { ...key, driver: '1' } })),
		/altered/,
	],
	[
		'that were never compared',
		(f: string) => changed(f, (record) => ({ ...record, gate: [] })),
		/never compared/,
	],
	[
		'that were not let through',
		(f: string) =>
			changed(f, (record) => ({
				...record,
				gate: [{ measure: 'auroc drop', value: null, limit: 0.002, ok: false }],
			})),
		/auroc drop is null, the limit is 0.002/,
	],
	[
		'that are a file',
		async (f: string) => {
			await rm(join(f, id), { recursive: true });
			await writeFile(join(f, id), 'x');
		},
		/cannot be used/,
	],
] as const) {
	engines(`${what} are never given`, async () => {
		await using folder = await temporaryFolder();
		await installed(folder.path);
		await spoil(folder.path);
		const failure = await failureOf(findEngine(folder.path, key));
		assert.is(failure.code, 'engine-invalid');
		assert.match(failure.message, message);
		assert.match(failure.advice!, /engine build/);
		const [listed] = await listEngines(folder.path);
		assert.is(listed!.failure?.message, failure.message);
		await installed(folder.path);
		assert.ok(await findEngine(folder.path, key), 'a new one takes its place');
	});
}

engines('that were not installed leave nothing, whatever was written', async () => {
	await using folder = await temporaryFolder();
	{
		await using draft = await draftEngine(folder.path, key);
		await draft.writeWrapper(Uint8Array.of(1));
		assert.is((await failureOf(draft.install({ key, ...told, gate: [...told.gate] }))).code, 'engine-failed');
		await writeFile(draft.engine, 'half');
		assert.is(await findEngine(folder.path, key), undefined);
	}
	assert.equal(await readdir(folder.path), []);
});

engines('of a build that was killed are swept away by the next one, whichever it is', async () => {
	await using folder = await temporaryFolder();
	const child = fork(fileURLToPath(new URL('./drafting-process.js', import.meta.url)), [folder.path], {
		execArgv: [],
	});
	await new Promise((resolve) => child.once('message', resolve));
	const gone = new Promise((resolve) => child.once('exit', resolve));
	const other = { ...key, precision: 'int8' as const };
	await installed(folder.path, other);
	assert.is((await readdir(folder.path)).length, 2, 'that of a process that runs stays');
	child.kill('SIGKILL');
	await gone;
	assert.is(await findEngine(folder.path, key), undefined);
	await installed(folder.path, other);
	assert.equal(await readdir(folder.path), [engineId(other)]);
});

engines('that gave way when the machine stopped come back with the next build', async () => {
	await using folder = await temporaryFolder();
	await installed(folder.path);
	// As a swap leaves it between its two renames; no process has this number.
	await rename(join(folder.path, id), join(folder.path, `${id}.replaced-4194305`));
	assert.is(await findEngine(folder.path, key), undefined);
	await installed(folder.path, { ...key, precision: 'fp32' });
	assert.ok(await findEngine(folder.path, key));
});

engines('are built again in the place of one that stands', async () => {
	await using folder = await temporaryFolder();
	await installed(folder.path);
	await installed(folder.path, key, 'a better one');
	const found = await findEngine(folder.path, key);
	assert.is(await readFile(found!.engine, 'utf8'), 'a better one');
	assert.equal(await readdir(folder.path), [id]);
});

engines('are listed with what failed, and what is not ours is left alone', async () => {
	await using folder = await temporaryFolder();
	assert.equal(await listEngines(join(folder.path, 'absent')), []);
	await writeFile(join(folder.path, 'notes.txt'), 'mine');
	await mkdir(join(folder.path, 'mine'));
	await writeFile(timingCacheFile(folder.path, key), 'timing');
	await installed(folder.path);
	const setback = {
		key: { ...key, precision: 'int8' as const },
		at: '2026-11-30T05:00:00.000Z',
		code: 'engine-failed',
		message: 'out of memory',
		tail: 'last words',
	};
	await writeSetback(folder.path, setback);
	const listed = await listEngines(folder.path);
	assert.equal(
		listed.map((one) => [one.id, one.engine !== undefined, one.setback]),
		[
			[id, true, undefined],
			[engineId(setback.key), false, setback],
		].sort(),
	);
	assert.is(await removeEngine(folder.path, id), true);
	assert.is(await removeEngine(folder.path, id), false);
	assert.is(await removeEngine(folder.path, engineId(setback.key)), true);
	for (const name of ['mine', 'notes.txt', '..', '.', `../${folder.path.split('/').at(-1)}`])
		assert.is(await removeEngine(folder.path, name), false, name);
	assert.equal((await readdir(folder.path)).sort(), ['mine', 'notes.txt', 'timing-10.3.0-8.7.cache']);
});

engines('remember why a build failed until that is cleared, for that key alone', async () => {
	await using folder = await temporaryFolder();
	const place = join(folder.path, 'new');
	const setback = { key, at: '2026-11-30T05:00:00.000Z', code: 'engine-failed', message: 'm', tail: 't' };
	assert.is(await readSetback(place, key), undefined);
	await writeSetback(place, setback);
	assert.equal(await readSetback(place, key), setback);
	assert.is(await readSetback(place, { ...key, driver: '541' }), undefined);
	await writeFile(join(place, `${id}.setback.json`), '{"key":');
	assert.is(await readSetback(place, key), undefined, 'what cannot be read stops nobody');
	await writeSetback(place, setback);
	await clearSetback(place, key);
	assert.is(await readSetback(place, key), undefined);
	assert.equal(await readdir(place), []);
});

engines('are no way to another folder', async () => {
	await using folder = await temporaryFolder();
	await installed(folder.path);
	for (const name of ['..', '/etc', `../${id}`, '', `${id}/../${id}`]) {
		assert.is((await failureOf(readEngine(join(folder.path, 'x'), name))).code, 'engine-missing');
	}
	const failure = await failureOf(draftEngine('/dev/null/engines', key));
	assert.is(failure.code, 'file-unwritable');
});

engines.run();
