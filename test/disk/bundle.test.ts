import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	cp,
	lstat,
	mkdir,
	readdir,
	readFile,
	readlink,
	rename,
	rm,
	symlink,
	truncate,
	utimes,
	writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	assertWhole,
	bundlesIn,
	bundlesOf,
	describeBundle,
	placeOf,
	readBundle,
	writeBundle,
} from '../../src/disk/bundle.js';
import { writeCheckpoint } from '../../src/disk/checkpoint.js';
import { readTeacher } from '../../src/disk/teacher.js';
import { zeros } from '../../src/graph/tensor.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { type Bundle, type BundleContents, chosenModel } from '../../src/model/bundle.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const bundles = suite('bundles');

const BUNDLE_MODULE = fileURLToPath(new URL('../../src/disk/bundle.js', import.meta.url));

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

bundles('hold good pictures that were not trained on, read when they are asked for', async () => {
	await using folder = await temporaryFolder();
	const dir = await tinyBundle(join(folder.path, 'b'));
	const bundle = await readBundle(dir);
	const pictures = await bundle.heldOut();
	assert.is(pictures.length, bundle.manifest.training.heldOut);
	assert.equal(pictures[1], bundle.golden[1]!.image, 'the second golden vector is one of them as it is');

	const again = await writeBundle(join(folder.path, 'again'), {
		...contentsLike(bundle, 'again'),
		heldOut: pictures,
	});
	assert.is(again.manifest.files.heldOut, bundle.manifest.files.heldOut);
	const without = await writeBundle(join(folder.path, 'older'), contentsLike(bundle, 'older'));
	assert.is(without.manifest.files.heldOut, undefined);
	assert.equal(await (await readBundle(without.dir)).heldOut(), []);

	await truncate(join(dir, 'held-out.bin'), 1000);
	assert.match((await failureOf(bundle.heldOut())).message, /"held-out.bin" is damaged or cut off/);
	await rm(join(dir, 'held-out.bin'));
	// A box's owner may not want pictures of parts on it.
	const bare = await readBundle(dir);
	await assertWhole(await describeBundle(dir));
	assert.equal(await bare.heldOut(), []);
});

bundles('hold a sheet of the pictures that set the threshold, which may be taken away', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const png = await bundle.sheet();
	assert.equal([...png!.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
	const contents = contentsLike(bundle, 'again');
	assert.is(
		await (await readBundle((await writeBundle(join(folder.path, 'x'), contents)).dir)).sheet(),
		undefined,
	);
	const { dir } = await writeBundle(join(folder.path, 'again'), { ...contents, sheet: png! });
	const again = await readBundle(dir);
	assert.is(Buffer.compare((await again.sheet())!, png!), 0);
	await truncate(join(dir, 'threshold.png'), 100);
	assert.match((await failureOf(again.sheet())).message, /"threshold.png" is damaged or cut off/);
	await rm(join(dir, 'threshold.png'));
	assert.is(await again.sheet(), undefined);
});

bundles(
	'know again what they were taught from, unless they are older or its file was taken away',
	async () => {
		await using folder = await temporaryFolder();
		const dir = await tinyBundle(join(folder.path, 'b'));
		const bundle = await readBundle(dir);
		const { training, files } = bundle.manifest;
		const known = await bundle.likenesses();
		assert.is(known.length, training.images + training.heldOut);
		const again = await writeBundle(join(folder.path, 'again'), {
			...contentsLike(bundle, 'again'),
			likenesses: known,
		});
		assert.is(again.manifest.files.likeness, files.likeness);
		assert.equal(await (await readBundle(again.dir)).likenesses(), known);
		const older = await writeBundle(join(folder.path, 'older'), contentsLike(bundle, 'older'));
		assert.equal(await (await readBundle(older.dir)).likenesses(), []);
		await truncate(join(dir, 'likeness.bin'), 1000);
		assert.match((await failureOf(bundle.likenesses())).message, /"likeness.bin" is damaged or cut off/);
		await rm(join(dir, 'likeness.bin'));
		assert.equal(await bundle.likenesses(), []);
	},
);

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

bundles('are written beside what stands there, which stays to the last byte', async () => {
	await using folder = await temporaryFolder();
	const { path } = folder;
	const old = await readBundle(await tinyBundle(join(path, 'b')));
	const before = await readFile(join(path, 'b', 'manifest.json'), 'utf8');
	const contents = contentsLike(old, 'b');
	const { dir, isNamed } = await writeBundle(join(path, 'b'), contents);
	assert.is(isNamed, false);
	const written = await readBundle(dir);
	assert.is(written.manifest.name, 'b');
	assert.is(written.id, basename(dir));
	assert.match(written.id, /^b@[0-9a-f]{8}$/);
	assert.is((await readBundle(join(path, 'b'))).manifest.name, 'tiny');
	assert.is(await readFile(join(path, 'b', 'manifest.json'), 'utf8'), before);
	assert.equal((await readdir(path)).sort(), ['b', written.id], 'nothing unfinished is left');
	await mkdir(join(path, 'other'));
	await writeFile(join(path, 'other', 'letter.txt'), 'dear');
	const failure = await failureOf(writeBundle(join(path, 'other'), contents));
	assert.match(failure.message, /the folder holds something else/);
	assert.equal(await readdir(join(path, 'other')), ['letter.txt']);
	assert.is((await readdir(path)).filter((name) => name.startsWith('other')).length, 1);
});

bundles('have their plain name where nothing has it, and say what they hold also under it', async () => {
	await using folder = await temporaryFolder();
	const plain = join(folder.path, 'deep', 'lid');
	const contents = contentsLike(await readBundle(await tinyBundle(join(folder.path, 'tiny'))), 'lid');
	const first = await writeBundle(plain, contents);
	assert.is(first.isNamed, true);
	assert.is(await readlink(plain), basename(first.dir), 'relative: the folders may be moved together');
	const named = await readBundle(plain);
	assert.is(named.id, basename(first.dir));
	assert.ok(Object.values(named.models).every((model) => model.startsWith(first.dir)));
	const second = await writeBundle(plain, { ...contents, models: { fp32: new Uint8Array(11) } });
	assert.is(second.isNamed, false);
	assert.is.not(second.dir, first.dir);
	assert.is((await readBundle(plain)).id, named.id, 'a recipe that names it means what it meant');
	assert.equal((await bundlesOf(plain)).sort(), [first.dir, second.dir].sort());
	assert.equal(await bundlesOf(join(folder.path, 'absent', 'lid')), []);

	// The same again is the same bundle.
	const failure = await failureOf(writeBundle(plain, contents));
	assert.is(failure.code, 'file-unwritable');
	assert.match(failure.message, /lid@[0-9a-f]{8}": /);
	assert.is((await readBundle(first.dir)).id, named.id);
});

for (const [what, prepare, isNamed] of [
	['an empty folder holds nothing, and gives its name up', (place: string) => mkdir(place), true],
	['a link that leads nowhere stays', (place: string) => symlink('gone', place), false],
] as const) {
	bundles(`beside their place: ${what}`, async () => {
		await using folder = await temporaryFolder();
		const contents = contentsLike(await readBundle(await tinyBundle(join(folder.path, 'tiny'))), 'lid');
		const place = join(folder.path, 'lid');
		await prepare(place);
		const written = await writeBundle(place, contents);
		assert.is(written.isNamed, isNamed);
		assert.is(await readlink(place), isNamed ? basename(written.dir) : 'gone');
		assert.is((await readBundle(written.dir)).manifest.name, 'lid');
	});
}

bundles('are not written under a hash that somebody chose', async () => {
	await using folder = await temporaryFolder();
	const contents = contentsLike(await readBundle(await tinyBundle(join(folder.path, 'tiny'))), 'lid');
	const failure = await failureOf(writeBundle(join(folder.path, 'lid@1c947c1d'), contents));
	assert.is(failure.code, 'usage');
	assert.match(failure.advice!, /Give the plain name, "lid"/);
	assert.equal(await readdir(folder.path), ['tiny']);
});

bundles('that are pinned are what the pin says, or refused', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const contents = contentsLike(await readBundle(await tinyBundle(at('tiny'))), 'lid');
	const { dir } = await writeBundle(at('lid'), contents);
	const whole = createHash('sha256')
		.update(await readFile(join(dir, 'manifest.json')))
		.digest('hex');
	assert.is(basename(dir), `lid@${whole.slice(0, 8)}`);
	for (const digits of [8, 12, 64])
		assert.is((await readBundle(at(`lid@${whole.slice(0, digits)}`))).id, basename(dir), `${digits}`);
	const other = `${whole.slice(0, 8)}${whole[8] === '0' ? '1' : '0'}`;
	const absent = await failureOf(readBundle(at(`lid@${other}`)));
	assert.is(absent.code, 'bundle-invalid');
	assert.match(absent.message, /Cannot use bundle ".*": there is no such folder/);

	await cp(dir, at('lid@00000000'), { recursive: true });
	assert.match((await failureOf(readBundle(at('lid@00000000')))).message, /renamed/);
	assert.match(
		(await failureOf(readBundle(at('lid@00000000')))).message,
		/its folder was renamed, or "manifest.json" altered: what it holds is "@[0-9a-f]{8}"/,
	);
	// Under all its digits, or plain as bundles were before, it is found by any of its pins.
	for (const name of [`cap@${whole}`, 'hat']) {
		await cp(dir, at(name), { recursive: true });
		const [plain] = name.split('@');
		for (const digits of [8, 12, 64])
			assert.is((await readBundle(at(`${plain}@${whole.slice(0, digits)}`))).id, basename(dir), name);
	}
	// A name with an @ that is no hash pins nothing.
	await cp(dir, at('lid@v2'), { recursive: true });
	assert.is((await readBundle(at('lid@v2'))).id, basename(dir));

	// Altered in its place, it is refused by its pin and by its plain name; in a plain folder nothing says that it was altered.
	await edit(dir, (text) => text.replace(/"threshold": [^,]+/, '"threshold": 99'));
	for (const name of [basename(dir), 'lid']) {
		const failure = await failureOf(readBundle(at(name)));
		assert.is(failure.code, 'bundle-invalid');
		assert.match(failure.message, /altered/);
	}
	await rename(dir, at('plain'));
	assert.is((await readBundle(at('plain'))).manifest.calibration.threshold, 99);
	assert.is((await failureOf(readBundle(dir))).code, 'bundle-invalid');
});

bundles('of before know nothing of the pictures that they were taught with, and are read', async () => {
	await using folder = await temporaryFolder();
	const dir = await tinyBundle(join(folder.path, 'b'));
	assert.equal((await readBundle(dir)).manifest.input.picture, {
		smallest: { width: 128, height: 128 },
		largest: { width: 128, height: 128 },
		grey: false,
	});
	await edit(dir, (text) => {
		const document = JSON.parse(text);
		delete document.input.picture;
		return JSON.stringify(document);
	});
	assert.is((await readBundle(dir)).manifest.input.picture, null);
});

bundles('are whole or not there, whenever their writer is killed', async () => {
	await using folder = await temporaryFolder();
	const place = join(folder.path, 'lid');
	const { files: _, ...manifest } = (await readBundle(await tinyBundle(join(folder.path, 'tiny')))).manifest;
	const code = `
		import { writeBundle } from ${JSON.stringify(BUNDLE_MODULE)};
		const manifest = ${JSON.stringify({ ...manifest, name: 'lid' })};
		const golden = [{ image: new Uint8Array(64 * 64 * 3), expected: { fp32: { score: 1, map: { 0: 1 } } } }];
		console.log('begun');
		for (let i = 0; ; i += 1) {
			const createdAt = new Date(1e6 * process.pid + i).toISOString();
			await writeBundle(process.argv[1], { manifest: { ...manifest, createdAt }, models: { fp32: new Uint8Array(200_000) }, golden });
		}`;
	let named: string | undefined;
	for (let round = 0; round < 12 || named === undefined; round += 1) {
		const writer = spawn(process.execPath, ['--input-type=module', '-e', code, place], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		const ended = new Promise((resolve) => writer.once('close', resolve));
		await new Promise((resolve) => writer.stdout.once('data', resolve));
		await sleep(round * 3);
		writer.kill('SIGKILL');
		await ended;
		for (const dir of await bundlesOf(place)) await readBundle(dir);
		const link = await lstat(place).then(
			() => readlink(place),
			() => undefined,
		);
		if (named !== undefined) assert.is(link, named, 'the name never moves');
		named = link;
	}
	assert.ok(named !== undefined);
	// What the killed ones left goes with the next writer.
	await writeBundle(place, contentsLike(await readBundle(place), 'last'));
	assert.equal(
		(await readdir(folder.path)).filter((name) => name.includes('unfinished')),
		[],
	);
});

bundles('may be read by whoever may read what their writer makes', async () => {
	await using folder = await temporaryFolder();
	const contents = contentsLike(await readBundle(await tinyBundle(join(folder.path, 'tiny'))), 'lid');
	const { dir } = await writeBundle(join(folder.path, 'lid'), contents);
	await mkdir(join(folder.path, 'usual'));
	assert.is((await lstat(dir)).mode, (await lstat(join(folder.path, 'usual'))).mode);
});

bundles('written to one place at the same time are both there', async () => {
	await using folder = await temporaryFolder();
	const contents = contentsLike(await readBundle(await tinyBundle(join(folder.path, 'tiny'))), 'lid');
	const place = join(folder.path, 'lid');
	const written = await Promise.all(
		[1, 2, 3].map((size) => writeBundle(place, { ...contents, models: { fp32: new Uint8Array(size) } })),
	);
	for (const { dir } of written) await readBundle(dir);
	assert.is(written.filter(({ isNamed }) => isNamed).length, 1);
	assert.is((await readBundle(place)).id, basename(written.find(({ isNamed }) => isNamed)!.dir));
});

/** What would be written for a bundle like this one, of another name. */
function contentsLike({ manifest: { files: _, ...manifest }, golden }: Bundle, name: string): BundleContents {
	return { manifest: { ...manifest, name }, models: { fp32: new Uint8Array(10) }, golden };
}

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
		const { dir: written } = await writeBundle(join(disk, 'b'), contents);
		const before = await readFile(join(disk, 'b', 'manifest.json'), 'utf8');
		const names = ['b', basename(written)];
		const large = { ...contents, models: { fp32: new Uint8Array(9e6) } };
		const failure = await failureOf(writeBundle(join(disk, 'b'), large));
		assert.is(failure.code, 'file-unwritable');
		assert.match(failure.message, /Cannot write folder ".*disk.b": the disk is full/);
		assert.equal((await readdir(disk)).sort(), names);
		assert.is(await readFile(join(disk, 'b', 'manifest.json'), 'utf8'), before);
		const checkpoint = { lesson: 'l', losses: [1], state: new Weights([['w', zeros([2_000_000])]]) };
		assert.is((await failureOf(writeCheckpoint(join(disk, 'c'), checkpoint))).code, 'file-unwritable');
		assert.equal((await readdir(disk)).sort(), names);
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

bundles('of a folder are listed once each by the places where they lie, the newest first', async () => {
	await using folder = await temporaryFolder();
	const at = (...names: string[]) => join(folder.path, ...names);
	assert.equal(await bundlesIn(at('none')), []);
	for (const [i, name] of ['a@11111111', 'b@22222222', 'c'].entries()) {
		await mkdir(at(name));
		await writeFile(at(name, 'manifest.json'), '{}');
		await utimes(at(name, 'manifest.json'), 1000 + i, 1000 + i);
	}
	await symlink('b@22222222', at('b'));
	await symlink('nowhere', at('dangling'));
	await mkdir(at('pictures'));
	await writeFile(at('note.txt'), '');
	await mkdir(at('folder', 'manifest.json'), { recursive: true });
	assert.equal(
		(await bundlesIn(folder.path)).map((place) => basename(place)),
		['c', 'b@22222222', 'a@11111111'],
	);
	assert.is(basename(await placeOf(at('b'))), 'b@22222222');
});

bundles('tell what they are without being read whole, and what of them is missing', async () => {
	await using folder = await temporaryFolder();
	const dir = await tinyBundle(join(folder.path, 'b'));
	const whole = await readBundle(dir);
	const described = await describeBundle(dir);
	assert.equal([described.id, described.manifest], [whole.id, whole.manifest]);
	assert.ok(described.sha256.startsWith(described.id.split('@')[1]!));
	await assertWhole(described);
	await truncate(join(dir, 'model.onnx'), 0);
	assert.match((await failureOf(assertWhole(described))).message, /"model.onnx" is empty/);
	await rm(join(dir, 'golden.json'));
	await writeFile(join(dir, 'model.onnx'), 'x');
	assert.match((await failureOf(assertWhole(described))).message, /no file "golden.json"/);
	await describeBundle(dir);
});

bundles('whose manifest is a pipe, or without an end, are not waited for', async () => {
	await using folder = await temporaryFolder();
	const dir = join(folder.path, 'b');
	await mkdir(dir);
	assert.is(spawnSync('mkfifo', [join(dir, 'manifest.json')]).status, 0);
	assert.match((await failureOf(describeBundle(dir))).message, /is no file/);
	assert.equal(await bundlesIn(folder.path), []);
	await rm(join(dir, 'manifest.json'));
	await writeFile(join(dir, 'manifest.json'), '');
	await truncate(join(dir, 'manifest.json'), 9e6);
	assert.match((await failureOf(describeBundle(dir))).message, /has 9000000 bytes/);
});

bundles.run();
