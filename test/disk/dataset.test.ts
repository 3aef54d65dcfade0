import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure, type FailureCode } from '../../src/base/failure.js';
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
