import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle, writeBundle } from '../../src/disk/bundle.js';
import { writeCheckpoint } from '../../src/disk/checkpoint.js';
import { readTeacher } from '../../src/disk/teacher.js';
import { zeros } from '../../src/graph/tensor.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { type Bundle, chosenModel } from '../../src/model/bundle.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const bundles = suite('bundles');

bundles('are read as they were written and prove themselves', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	assert.is(bundle.manifest.name, 'tiny');
	assert.is(bundle.manifest.calibration.threshold, Math.max(...bundle.manifest.calibration.scores));
	assert.is(bundle.golden.length, 2);
	const scorer = await openScorer(bundle, openSession, { threads: 1 });
	const again = await scorer.score(bundle.golden[1]!.image);
	assert.ok(Math.abs(again.score - bundle.golden[1]!.expected.fp32!.score) < 1e-5);
	assert.is(again.score, Math.max(...again.map));
	await scorer.close();
});

type Damage = readonly [what: string, damage: (dir: string) => Promise<void>, message: RegExp];

const edit = async (dir: string, change: (text: string) => string) => {
	const path = join(dir, 'manifest.json');
	await writeFile(path, change(await readFile(path, 'utf8')));
};

const damages: readonly Damage[] = [
	['without its model', (dir) => rm(join(dir, 'model.onnx')), /it has no file "model.onnx"/],
	[
		'with a model that is cut off',
		(dir) => truncate(join(dir, 'model.onnx'), 1000),
		/"model.onnx" is damaged or cut off/,
	],
	[
		'with other golden vectors',
		(dir) => writeFile(join(dir, 'golden.json'), '[]'),
		/"golden.json" is damaged/,
	],
	['without a manifest', (dir) => rm(join(dir, 'manifest.json')), /it has no file "manifest.json"/],
	['with half a manifest', (dir) => truncate(join(dir, 'manifest.json'), 100), /"manifest.json" is not JSON/],
	[
		'of another format',
		(dir) => edit(dir, (t) => t.replace('"formatVersion": 4', '"formatVersion": 3')),
		/format version 3, this inspectord reads version 4/,
	],
	[
		'with a threshold of words',
		(dir) => edit(dir, (t) => t.replace(/"threshold": [^,]+/, '"threshold": "high"')),
		/calibration.threshold/,
	],
];

bundles('that are damaged are refused with the file and its state', async () => {
	await using folder = await temporaryFolder();
	const whole = await tinyBundle(join(folder.path, 'whole'));
	for (const [what, damage, message] of damages) {
		const dir = join(folder.path, what);
		await cp(whole, dir, { recursive: true });
		await damage(dir);
		const failure = await failureOf(readBundle(dir));
		assert.is(failure.code, 'bundle-invalid', what);
		assert.match(failure.message, message, what);
	}
});

bundles('whose golden vectors do not hold are not opened', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const golden = bundle.golden.map((vector, i) =>
		i === 1
			? { ...vector, expected: { fp32: { map: {}, score: vector.expected.fp32!.score + 1e-3 } } }
			: vector,
	);
	const failure = await failureOf(openScorer({ ...bundle, golden }, openSession, { threads: 1 }));
	assert.is(failure.code, 'bundle-golden');
	assert.match(failure.message, /golden vector 2 deviates by 1\.0e-3/);
});

bundles('run in a precision only when the gate let it through', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	assert.is(chosenModel(bundle).precision, 'fp32');
	assert.throws(() => chosenModel(bundle, 'int8'), /in int8: it holds no such model/);
	const finding = { measure: 'verdict flips', value: 0.1, limit: 0.02, ok: false } as const;
	const holding = (gates: Bundle['manifest']['precision']['gates']): Bundle => ({
		...bundle,
		models: { ...bundle.models, int8: bundle.models.fp32! },
		manifest: {
			...bundle.manifest,
			precision: { runs: 'int8', gates },
			files: {
				...bundle.manifest.files,
				models: { ...bundle.manifest.files.models, int8: bundle.manifest.files.models.fp32! },
			},
		},
	});
	assert.throws(() => chosenModel(holding({})), /it was never compared with fp32/);
	assert.throws(
		() => chosenModel(holding({ int8: [finding] })),
		/its verdict flips is 0.1, the limit is 0.02/,
	);
	assert.is(chosenModel(holding({ int8: [{ ...finding, ok: true }] })).precision, 'int8');
	// It holds no golden values of that precision: nothing is proven, so nothing is opened.
	const passed = holding({ int8: [{ ...finding, ok: true }] });
	assert.is((await failureOf(openScorer(passed, openSession, { threads: 1 }))).code, 'bundle-golden');
});

bundles('replace an older bundle, but nothing else', async () => {
	await using folder = await temporaryFolder();
	const { path } = folder;
	const bundle = await readBundle(await tinyBundle(join(path, 'b')));
	const { files: _, ...manifest } = bundle.manifest;
	const contents = {
		manifest: { ...manifest, name: 'second' },
		models: { fp32: new Uint8Array(10) },
		golden: bundle.golden,
	};
	await writeBundle(join(path, 'b'), contents);
	assert.is((await readBundle(join(path, 'b'))).manifest.name, 'second');
	assert.equal(await readdir(path), ['b'], 'nothing unfinished is left');
	await mkdir(join(path, 'other'));
	await writeFile(join(path, 'other', 'letter.txt'), 'dear');
	const failure = await failureOf(writeBundle(join(path, 'other'), contents));
	assert.match(failure.message, /the folder holds something else/);
	assert.equal(await readdir(join(path, 'other')), ['letter.txt']);
});

bundles('that cannot be written leave nothing behind', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	await writeFile(join(folder.path, 'file'), '');
	const { files: _, ...manifest } = bundle.manifest;
	const failure = await failureOf(
		writeBundle(join(folder.path, 'file', 'b'), {
			manifest,
			models: { fp32: new Uint8Array(1) },
			golden: [],
		}),
	);
	assert.is(failure.code, 'file-unwritable');
	assert.equal((await readdir(folder.path)).sort(), ['b', 'file']);
});

bundles('leave what stood there as it was when the disk fills up', async () => {
	await using folder = await temporaryFolder();
	const disk = join(folder.path, 'disk');
	await mkdir(disk);
	const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]).status === 0;
	if (!mounted) return console.log('skipped: a small disk cannot be mounted here');
	try {
		const dir = await tinyBundle(join(folder.path, 'b'));
		const { files: _, ...manifest } = (await readBundle(dir)).manifest;
		const contents = { manifest, models: { fp32: new Uint8Array(1e6) }, golden: [] };
		await writeBundle(join(disk, 'b'), contents);
		const before = await readFile(join(disk, 'b', 'manifest.json'), 'utf8');
		const large = { ...contents, models: { fp32: new Uint8Array(9e6) } };
		const failure = await failureOf(writeBundle(join(disk, 'b'), large));
		assert.is(failure.code, 'file-unwritable');
		assert.match(failure.message, /Cannot write folder ".*disk.b": ENOSPC/);
		assert.equal(await readdir(disk), ['b']);
		assert.is(await readFile(join(disk, 'b', 'manifest.json'), 'utf8'), before);
		const checkpoint = { lesson: 'l', losses: [1], state: new Weights([['w', zeros([2_000_000])]]) };
		assert.is((await failureOf(writeCheckpoint(join(disk, 'c'), checkpoint))).code, 'file-unwritable');
		assert.equal(await readdir(disk), ['b']);
	} finally {
		spawnSync('umount', [disk]);
	}
});

bundles('stand on a teacher that is read whole or refused', async () => {
	await using folder = await temporaryFolder();
	const cases: readonly (readonly [name: string, content: Uint8Array | string, message: RegExp])[] = [
		['empty', '', /shorter than a safetensors header/],
		['text', 'this is no weights file at all', /not a safetensors file/],
		[
			'cut',
			Buffer.concat([
				Buffer.from('68000000 00000000'.replaceAll(' ', ''), 'hex').fill(0, 1),
				Buffer.from('{}'),
			]),
			/cut off/,
		],
	];
	for (const [name, content, message] of cases) {
		const path = join(folder.path, name);
		await writeFile(path, content);
		const failure = await failureOf(readTeacher(path));
		assert.is(failure.code, 'teacher-invalid');
		assert.match(failure.message, message);
	}
	assert.is((await failureOf(readTeacher(join(folder.path, 'absent')))).code, 'teacher-invalid');
});

bundles.run();
