import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure, type FailureCode } from '../../src/base/failure.js';
import { filePath, nameFrom, shownPath } from '../../src/base/file-name.js';
import { goodImages, listImages, readDataset } from '../../src/disk/dataset.js';

const test = suite('dataset');

test('images are listed in natural order, folders below included', async () => {
	await using folder = await folderOf(
		'part10.png',
		'part2.PNG',
		'part1.jpg',
		'b/3.tiff',
		'b/20.webp',
		'a.jpeg',
		'z.bmp',
	);
	assert.equal(await namesIn(folder.dir, listImages), [
		'a.jpeg',
		'b/3.tiff',
		'b/20.webp',
		'part1.jpg',
		'part2.PNG',
		'part10.png',
		'z.bmp',
	]);
});

test('hidden files, hidden folders and other files are passed over', async () => {
	await using folder = await folderOf(
		'1.png',
		'.2.png',
		'.cache/3.png',
		'._1.png',
		'notes.txt',
		'Thumbs.db',
		'png',
	);
	assert.equal(await namesIn(folder.dir, listImages), ['1.png']);
});

test('a linked folder is followed, a link to a folder above is not walked for ever', async () => {
	await using elsewhere = await folderOf('far.png');
	await using folder = await folderOf('a/near.png');
	await symlink(elsewhere.dir, join(folder.dir, 'link'));
	await symlink(folder.dir, join(folder.dir, 'a', 'loop'));
	await symlink(folder.dir, join(folder.dir, 'self'));
	assert.equal(await namesIn(folder.dir, listImages), ['a/near.png', 'link/far.png']);
});

test('a link to an image that is gone is listed, not dropped', async () => {
	await using folder = await folderOf('1.png');
	await symlink('/nowhere/2.png', join(folder.dir, '2.png'));
	assert.equal(await namesIn(folder.dir, listImages), ['1.png', '2.png']);
});

test('a folder without images is named, and what was looked for', async () => {
	await using folder = await folderOf('readme.md');
	const failure = await failureOf(listImages(folder.dir), 'images-missing');
	assert.match(failure.message, `"${folder.dir}"`);
	assert.match(failure.advice!, 'png, jpg, jpeg, bmp, tif, tiff or webp');
	await failureOf(goodImages(folder.dir), 'images-missing');
});

test('a folder that is not there, or is a file, is said', async () => {
	await using folder = await folderOf('a.png');
	for (const list of [listImages, goodImages, readDataset]) {
		const absent = await failureOf(list(join(folder.dir, 'absent')), 'file-unreadable');
		assert.match(absent.message, `"${join(folder.dir, 'absent')}": there is no such folder`);
		const file = await failureOf(list(join(folder.dir, 'a.png')), 'file-unreadable');
		assert.match(file.message, `"${join(folder.dir, 'a.png')}": it is not a folder`);
	}
});

test('a folder that may not be read is said', async () => {
	if (process.getuid?.() === 0) return console.log('skipped: root may read every folder');
	await using folder = await folderOf('inner/a.png');
	await chmod(join(folder.dir, 'inner'), 0);
	assert.match((await failureOf(listImages(folder.dir), 'file-unreadable')).message, 'permission denied');
	await chmod(join(folder.dir, 'inner'), 0o755);
});

test('good images are those of train/good, or all of a plain folder', async () => {
	await using dataset = await folderOf(
		'train/good/2.png',
		'train/good/10.png',
		'test/crack/1.png',
		'cover.png',
	);
	assert.equal(await namesIn(dataset.dir, goodImages), ['train/good/2.png', 'train/good/10.png']);
	await using plain = await folderOf('1.png', 'monday/2.png');
	assert.equal(await namesIn(plain.dir, goodImages), ['1.png', 'monday/2.png']);
	assert.equal(await namesIn(join(dataset.dir, 'train'), goodImages), ['good/2.png', 'good/10.png']);
});

test('a folder in which defects lie beside good images is not taken for good', async () => {
	await using dataset = await folderOf(
		'test/good/1.png',
		'test/crack/1.png',
		'ground_truth/crack/1_mask.png',
	);
	const missing = await failureOf(goodImages(dataset.dir), 'images-missing');
	assert.match(missing.message, 'no folder "train/good"');
	const mixed = await failureOf(goodImages(join(dataset.dir, 'test')), 'images-missing');
	assert.match(mixed.message, 'beside "good" it holds "crack"');
	assert.match(mixed.advice!, join(dataset.dir, 'test', 'good'));
});

test('folders of good and other parts are told by any of the names that people give them', async () => {
	for (const [good, bad] of [
		['OK', 'NG'],
		['Good', 'Bad'],
		['pass', 'fail'],
		['i.O.', 'n.i.O.'],
		['iO_Teile', 'nIO_Teile'],
		['normal', 'anomal'],
		['ok parts', 'not ok'],
		['GoodParts2024', 'RejectedParts'],
		['no_defect', 'defect'],
		['gut', 'Ausschuß'],
		['良品', '不良品'],
		['ok', 'line 2'],
	] as const) {
		await using folder = await folderOf(`${good}/1.png`, `${bad}/1.png`);
		const mixed = await failureOf(goodImages(folder.dir), 'images-missing');
		assert.match(mixed.message, `beside "${good}" it holds "${bad}"`);
		assert.match(mixed.advice!, `"${join(folder.dir, good)}"`);
		assert.equal(await namesIn(join(folder.dir, good), goodImages), ['1.png']);
		assert.equal(await namesIn(folder.dir, listImages).then((names) => names.length), 2);
	}
});

test('nothing that is named for a defect, or for nothing certain, is taught as good', async () => {
	for (const [files, found] of [
		[['monday/1.png', 'scratch/1.png'], 'holds "scratch" beside "monday"'],
		[['monday/1.png', 'monday/ng/2.png'], 'holds "ng" beside 1 images'],
		[['monday/ok/1.png', 'monday/nok/2.png'], 'beside "ok" "'],
		[['good/1.png', '2.png'], 'beside "good" it holds 1 images'],
		[['1.png', 'masks/1.png'], 'has no folder "train/good"'],
		[['a/1.png', 'a/masks/1.png'], 'holds "masks"'],
		[['positive/1.png', 'negative/1.png'], 'it holds "negative"'],
		[['0/1.png', '1/1.png'], 'it holds "0" beside "1"'],
		[['part_1.png', 'part_2_NG.png'], 'part_2_NG.png" is named like a defective part'],
		[['1.png', '1_mask.png'], '1_mask.png" is named like the mask of a defect'],
		[['train/good/1.png', 'train/good/bad/2.png'], 'holds "bad"'],
	] as const) {
		await using folder = await folderOf(...files);
		const failure = await failureOf(goodImages(folder.dir), 'images-missing');
		assert.match(failure.message, found);
		assert.match(failure.advice!, 'good');
	}
	await using folder = await folderOf('NG/1.png');
	await failureOf(goodImages(join(folder.dir, 'NG')), 'images-missing');
	await using days = await folderOf('2024/1.png', '2025/1.png', 'no 12 okay.png', 'camera 1/lid_3.png');
	const lines: string[] = [];
	assert.is((await goodImages(days.dir, (line) => lines.push(line))).length, 4);
	assert.equal(lines, ['all images in "2024", "2025", "camera 1" are taken for good']);
});

test('what systems leave in folders is left out, and said', async () => {
	await using folder = await folderOf(
		'1.png',
		'@eaDir/1.png/SYNOFILE_THUMB_M.jpg',
		'$RECYCLE.BIN/2.png',
		'__MACOSX/._1.png',
		'lost+found/4.png',
		'System Volume Information/5.png',
		'a/.ipynb_checkpoints/1-checkpoint.png',
		'a/6.png',
		'a/._6.png',
		'a/Thumbs.db',
		'desktop.ini',
	);
	for (const list of [listImages, goodImages]) {
		const lines: string[] = [];
		assert.equal(await namesIn(folder.dir, (dir) => list(dir, (line) => lines.push(line))), [
			'1.png',
			'a/6.png',
		]);
		assert.is(lines.length, 1);
		assert.match(lines[0]!, 'left out');
		assert.match(lines[0]!, '"@eaDir"');
		assert.match(lines[0]!, 'and 4 more');
	}
	await using clean = await folderOf('1.png', '.hidden');
	await listImages(clean.dir, assert.unreachable);
});

test('names that are not UTF-8 lead to their files', async () => {
	await using folder = await folderOf('a.png');
	const name = Buffer.from('pr\xfcf\xffling.png', 'latin1');
	await mkdir(Buffer.concat([Buffer.from(`${folder.dir}/`), Buffer.of(0xe9)]));
	const path = Buffer.concat([Buffer.from(`${folder.dir}/`), Buffer.of(0xe9, 0x2f), name]);
	await writeFile(path, 'content');
	const found = (await listImages(folder.dir)).find((one) => !one.endsWith('a.png'))!;
	assert.is(shownPath(relative(folder.dir, found)), '\\xe9/pr\\xfcf\\xffling.png');
	assert.is(await readFile(filePath(found), 'utf8'), 'content');
	assert.is(nameFrom(Buffer.from('Prüfling 中.png')), 'Prüfling 中.png');
});

test('an empty train/good is named', async () => {
	await using dataset = await folderOf('train/good/notes.txt', 'test/crack/1.png');
	assert.match((await failureOf(goodImages(dataset.dir), 'images-missing')).message, join('train', 'good'));
});

test('a data set gives its test images with their kinds and masks', async () => {
	await using folder = await folderOf(
		'train/good/000.png',
		'test/good/000.png',
		'test/crack/2.jpg',
		'test/crack/10.jpg',
		'test/cut/a/1.png',
		'ground_truth/crack/10_mask.png',
		'ground_truth/cut/a/1_mask.png',
		'ground_truth/good/000_mask.png',
	);
	const { train, test: samples } = await readDataset(folder.dir);
	assert.equal(train, [join(folder.dir, 'train/good/000.png')]);
	assert.equal(
		samples.map(({ path, name, kind, mask }) => [
			relative(folder.dir, path),
			name,
			kind,
			mask === null ? null : relative(folder.dir, mask),
		]),
		[
			['test/crack/2.jpg', 'crack/2.jpg', 'crack', null],
			['test/crack/10.jpg', 'crack/10.jpg', 'crack', 'ground_truth/crack/10_mask.png'],
			['test/cut/a/1.png', 'cut/a/1.png', 'cut', 'ground_truth/cut/a/1_mask.png'],
			['test/good/000.png', 'good/000.png', 'good', null],
		],
	);
});

test('good parts and training pictures of a data set are told by any of their names', async () => {
	for (const name of ['ok', 'Good', 'PASS', 'normal', 'i.O.']) {
		await using folder = await folderOf(
			`Train/${name}/1.png`,
			`Test/${name}/1.png`,
			'Test/KO/2.png',
			'Ground_Truth/ko/2.bmp',
		);
		const { train, test: samples } = await readDataset(folder.dir);
		assert.equal(
			train.map((path) => relative(folder.dir, path)),
			[`Train/${name}/1.png`],
		);
		assert.equal(samples.map(({ kind, mask }) => [kind, mask && relative(folder.dir, mask)]).sort(), [
			['KO', 'Ground_Truth/ko/2.bmp'],
			['good', null],
		]);
		assert.equal(await namesIn(folder.dir, goodImages), [`Train/${name}/1.png`]);
	}
});

test('kinds that do not say whether they are good are refused, and a set of defects alone is told', async () => {
	for (const files of [
		['test/0/1.png', 'test/1/1.png'],
		['test/positive/1.png', 'test/scratch/1.png'],
		['test/good/1.png', 'test/good/ng/1.png'],
		['test/line 1/ok/1.png', 'test/line 1/ng/1.png'],
	]) {
		await using folder = await folderOf(...files);
		const failure = await failureOf(readDataset(folder.dir), 'images-missing');
		assert.match(failure.message, 'Cannot tell which images');
	}
	await using defects = await folderOf('test/scratch/1.png', 'test/hole/1.png');
	const lines: string[] = [];
	await readDataset(defects.dir, (line) => lines.push(line));
	assert.match(lines.join(), 'all 2 images count as defective');
});

test('masks are found by the names that people give them', async () => {
	for (const mask of [
		'ground_truth/cut/7_mask.png',
		'ground_truth/cut/7_mask.PNG',
		'ground_truth/cut/7_mask.bmp',
		'ground_truth/cut/7_label.bmp',
		'ground_truth/cut/7.png',
		'ground_truth/cut/7.JPG.png',
		'ground_truth/cut/7_GT.tif',
		'ground_truth/cut/mask_7.png',
		'ground_truth/cut/7-ground_truth.png',
		'GroundTruth/Cut/7.png',
		'masks/cut/7.png',
		'test/ground_truth/cut/7_mask.png',
		'test/cut/masks/7.png',
		'test/cut/7_mask.png',
	]) {
		await using folder = await folderOf('test/good/1.png', 'test/cut/7.JPG', mask);
		const samples = (await readDataset(folder.dir)).test;
		assert.equal(
			samples.map((sample) => [sample.name, sample.mask && relative(folder.dir, sample.mask)]),
			[
				['cut/7.JPG', mask],
				['good/1.png', null],
			],
			mask,
		);
	}
});

test('masks that belong to no picture, or two to one, are refused with the names that were looked for', async () => {
	await using strays = await folderOf(
		'test/cut/1.png',
		'test/cut/2.png',
		'ground_truth/cut/a1.png',
		'ground_truth/cut/a2.png',
	);
	const failure = await failureOf(readDataset(strays.dir), 'images-missing');
	assert.match(failure.message, /2 files, like "a1.png", and none is named like a picture/);
	assert.match(failure.advice!, '<name>_mask, <name>_label');
	await using elsewhere = await folderOf('test/cut/1.png', 'ground_truth/defects/1_mask.png');
	assert.match(
		(await failureOf(readDataset(elsewhere.dir), 'images-missing')).message,
		/1 files, like "defects/,
	);
	await using partly = await folderOf('test/cut/1.png', 'masks/good/1.png', 'masks/other/1.png');
	assert.match((await failureOf(readDataset(partly.dir), 'images-missing')).message, /1 files, like "other/);
	await using two = await folderOf(
		'test/cut/1.png',
		'ground_truth/cut/1_mask.png',
		'ground_truth/cut/1_label.png',
	);
	assert.match((await failureOf(readDataset(two.dir), 'images-missing')).message, 'Cannot choose the mask');
	await using some = await folderOf(
		'test/cut/1.png',
		'ground_truth/cut/1_mask.png',
		'ground_truth/cut/9_mask.png',
	);
	assert.is((await readDataset(some.dir)).test.length, 1);
});

test('a data set needs a test folder with images, not training images', async () => {
	await using without = await folderOf('train/good/1.png');
	const failure = await failureOf(readDataset(without.dir), 'images-missing');
	assert.match(failure.message, 'it has no folder "test"');
	assert.match(failure.advice!, 'test/<defect>');
	await using empty = await folderOf('test/good/notes.txt', 'test/loose.png');
	assert.match((await failureOf(readDataset(empty.dir), 'images-missing')).message, join(empty.dir, 'test'));
	await using untaught = await folderOf('test/good/1.png');
	assert.equal((await readDataset(untaught.dir)).train, []);
});

/** A temporary folder with empty files, gone when let go of. */
async function folderOf(...files: readonly string[]) {
	const dir = await mkdtemp(join(tmpdir(), 'inspectord-dataset-'));
	for (const file of files) {
		await mkdir(dirname(join(dir, file)), { recursive: true });
		await writeFile(join(dir, file), '');
	}
	return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

async function namesIn(dir: string, list: (dir: string) => Promise<readonly string[]>): Promise<string[]> {
	return (await list(dir)).map((path) => relative(dir, path));
}

async function failureOf(promise: Promise<unknown>, code: FailureCode): Promise<Failure> {
	const thrown = await promise.then(
		() => assert.unreachable('it did not fail'),
		(reason: unknown) => reason,
	);
	assert.instance(thrown, Failure);
	assert.is((thrown as Failure).code, code);
	return thrown as Failure;
}

test.run();
