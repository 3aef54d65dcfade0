import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { GOOD, type LabelledPicture } from '../measure/labelled.js';

/** An MVTec-style data set: paths of the good images to train on (may be none) and the labelled test images. */
export type Dataset = {
	readonly train: readonly string[];
	readonly test: readonly LabelledPicture[];
};

const EXTENSIONS: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp']);
const LOOKED_FOR = 'png, jpg, jpeg, bmp, tif, tiff or webp files, in folders below it too';
const LAYOUT =
	'A data set has train/good, test/good, test/<defect> and ground_truth/<defect>/<name>_mask.png.';

/**
 * The paths of the images in a folder and the folders below it, in natural order (2 before 10); hidden ones are
 * passed over, links followed.
 * @throws Failure file-unreadable, images-missing
 */
export async function listImages(dir: string): Promise<string[]> {
	const found = await imagesBelow(dir);
	if (found.length === 0) {
		throw new Failure(
			'images-missing',
			`Cannot find images in "${dir}": the folder has none`,
			`Looked for ${LOOKED_FOR}.`,
		);
	}
	return found.map((name) => join(dir, name));
}

/**
 * Images to learn what is good from: those of `train/good` of an MVTec-style folder, or all of a plain folder. A folder
 * in which good and other images lie side by side is refused: a defect must not be taught as good.
 * @throws Failure file-unreadable, images-missing
 */
export async function goodImages(dir: string): Promise<string[]> {
	const folders = (await entriesOf(dir)).filter(({ isFolder }) => isFolder).map(({ name }) => name);
	if (folders.includes('train') || folders.includes('test') || folders.includes('ground_truth')) {
		const good = join(dir, 'train', 'good');
		if (await isFolder(good)) return listImages(good);
		throw new Failure(
			'images-missing',
			`Cannot find good images in "${dir}": the data set has no folder "train/good"`,
			`${LAYOUT} Otherwise name a folder that holds good images only.`,
		);
	}
	if (folders.includes('good') && folders.length > 1) {
		const others = folders.filter((name) => name !== 'good');
		throw new Failure(
			'images-missing',
			`Cannot tell the good images in "${dir}": beside "good" it holds "${others.join('", "')}"`,
			`Name the folder of good images itself: "${join(dir, 'good')}".`,
		);
	}
	return listImages(dir);
}

/**
 * Lists an MVTec-style data set; `test/<kind>` must hold images, `train/good` and masks may be absent.
 * @throws Failure file-unreadable, images-missing
 */
export async function readDataset(dir: string): Promise<Dataset> {
	const test = join(dir, 'test');
	if (!(await entriesOf(dir)).some(({ name, isFolder }) => name === 'test' && isFolder)) {
		throw new Failure(
			'images-missing',
			`Cannot find test images in "${dir}": it has no folder "test"`,
			LAYOUT,
		);
	}
	const kinds = (await entriesOf(test)).filter(({ isFolder }) => isFolder).map(({ name }) => name);
	const samples = await Promise.all(kinds.map((kind) => samplesOf(dir, kind)));
	if (samples.every((ofKind) => ofKind.length === 0)) {
		throw new Failure(
			'images-missing',
			`Cannot find test images in "${test}": its folders have none`,
			`Looked for test/<kind>/ with ${LOOKED_FOR}. ${LAYOUT}`,
		);
	}
	const good = join(dir, 'train', 'good');
	const train = (await isFolder(good)) ? await imagesBelow(good) : [];
	return { train: train.map((name) => join(good, name)), test: samples.flat() };
}

async function samplesOf(dir: string, kind: string): Promise<LabelledPicture[]> {
	const masks = join(dir, 'ground_truth', kind);
	const known = new Set(kind !== GOOD && (await isFolder(masks)) ? await imagesBelow(masks) : []);
	return (await imagesBelow(join(dir, 'test', kind))).map((name) => {
		const mask = `${name.slice(0, -extname(name).length)}_mask.png`;
		return {
			path: join(dir, 'test', kind, name),
			name: `${kind}/${name.split(sep).join('/')}`,
			kind,
			mask: known.has(mask) ? join(masks, mask) : null,
		};
	});
}

/** Paths relative to `dir`. `above` are the real folders being walked: a link back to one of them ends there. */
async function imagesBelow(dir: string, above: readonly string[] = []): Promise<string[]> {
	const here = await realpath(dir).catch(() => dir);
	if (above.includes(here)) return [];
	const found: string[] = [];
	for (const { name, isFolder } of await entriesOf(dir)) {
		if (isFolder) {
			for (const inner of await imagesBelow(join(dir, name), [...above, here])) found.push(join(name, inner));
		} else if (EXTENSIONS.has(extname(name).toLowerCase())) {
			found.push(name);
		}
	}
	return found;
}

/** Visible entries in natural order. A link that leads nowhere counts as a file, so that whoever reads it says so. */
async function entriesOf(dir: string): Promise<{ name: string; isFolder: boolean }[]> {
	let entries: { name: string; isDirectory(): boolean; isSymbolicLink(): boolean }[];
	try {
		entries = await readdir(dir, { withFileTypes: true });
	} catch (thrown) {
		throw new Failure(
			'file-unreadable',
			`Cannot read folder "${dir}": ${stateOf(thrown)}`,
			'Name a folder of images.',
			{
				cause: thrown,
			},
		);
	}
	const visible = entries.filter(({ name }) => !name.startsWith('.'));
	const listed = await Promise.all(
		visible.map(async (entry) => ({
			name: entry.name,
			isFolder: entry.isSymbolicLink() ? await isFolder(join(dir, entry.name)) : entry.isDirectory(),
		})),
	);
	return listed.sort((a, b) => naturalOrder(a.name, b.name));
}

async function isFolder(path: string): Promise<boolean> {
	return stat(path).then(
		(found) => found.isDirectory(),
		() => false,
	);
}

const collator = new Intl.Collator('en', { numeric: true });

function naturalOrder(a: string, b: string): number {
	return collator.compare(a, b) || (a < b ? -1 : 1);
}

function stateOf(thrown: unknown): string {
	switch ((thrown as NodeJS.ErrnoException).code) {
		case 'ENOENT':
			return 'there is no such folder';
		case 'ENOTDIR':
			return 'it is not a folder';
		case 'EACCES':
			return 'permission denied';
		default:
			return reasonOf(thrown);
	}
}
