import { basename, join, sep } from 'node:path';
import { Failure } from '../base/failure.js';
import { shownPath } from '../base/file-name.js';
import { GOOD, type LabelledPicture } from '../measure/labelled.js';
import { type Meaning, meaningOf, wholeMeaning } from './folder-names.js';
import { keyOf, MASK_NAMES, masksAmong, pairMasks } from './masks.js';
import {
	foldersIn,
	LOOKED_FOR,
	leftOutOf,
	type PictureFolder,
	picturesBelow,
	picturesIn,
	readPictureFolder,
	stemOf,
} from './picture-folder.js';

/** An MVTec-style data set: paths of the good images to train on (may be none) and the labelled test images. */
export type Dataset = {
	readonly train: readonly string[];
	readonly test: readonly LabelledPicture[];
};

/** Hears what was left out, and how a folder was understood where that is worth a word. */
type Told = (line: string) => void;

const ONLY_GOOD = 'Name a folder that holds good images only.';
const LAYOUT =
	'A data set has train/good, test/good, test/<defect> and ground_truth/<defect>/<name>_mask.png.';

/**
 * The paths of the images in a folder and the folders below it, in natural order (2 before 10); hidden ones and what
 * systems leave behind are passed over, links followed.
 * @throws Failure file-unreadable, images-missing
 */
export async function listImages(dir: string, told?: Told): Promise<string[]> {
	const folder = await readPictureFolder(dir);
	tell(folder, told);
	return picturesOf(folder);
}

/**
 * Images to learn what is good from: those of `train/good` of an MVTec-style folder, or all of a plain folder. A folder
 * in which good and other images lie side by side, or whose names speak of defects, is refused: a defect must not be taught as good.
 * @throws Failure file-unreadable, images-missing
 */
export async function goodImages(dir: string, told?: Told): Promise<string[]> {
	const folder = await readPictureFolder(dir);
	tell(folder, told);
	if (foldersIn(folder).some(({ name }) => ['train', 'test', 'masks'].includes(wholeMeaning(name)))) {
		const good = goodOfTraining(folder);
		for (const inner of good) assertAllGood(dir, inner);
		if (good.length > 0) return good.flatMap(picturesOf);
		throw new Failure(
			'images-missing',
			`Cannot find good images in "${shownPath(dir)}": the data set has no folder "train/good"`,
			`${LAYOUT} Otherwise name a folder that holds good images only.`,
		);
	}
	if (wholeMeaning(basename(dir)) === 'defective') {
		throw unclear(dir, 'its name says that they are not', ONLY_GOOD);
	}
	assertAllGood(dir, folder);
	const folders = foldersIn(folder).filter((inner) => picturesBelow(inner).length > 0);
	if (folders.length > 1) told?.(`all images in ${named(folders)} are taken for good`);
	return picturesOf(folder);
}

/** At most five of them. */
function named(folders: readonly PictureFolder[]): string {
	const names = folders.slice(0, 5).map(({ name }) => `"${shownPath(name)}"`);
	return `${names.join(', ')}${folders.length > 5 ? ` and ${folders.length - 5} more` : ''}`;
}

/** @throws Failure images-missing where the names in a folder to learn from speak of anything but good parts */
function assertAllGood(dir: string, folder: PictureFolder): void {
	const doubt = doubtOf(folder, folder.dir === dir ? 'it' : `"${shownPath(folder.dir)}"`);
	if (doubt) throw unclear(dir, doubt.state, doubt.advice);
	for (const inner of foldersIn(folder)) assertAllGood(dir, inner);
}

function doubtOf(
	folder: PictureFolder,
	it: string,
): { readonly state: string; readonly advice: string } | undefined {
	const folders = foldersIn(folder).filter((inner) => picturesBelow(inner).length > 0);
	const loose = picturesIn(folder);
	const besides = (one: PictureFolder) => [
		...folders.filter((inner) => inner !== one).map(({ name }) => `"${shownPath(name)}"`),
		...(loose.length > 0 ? [`${loose.length} images`] : []),
	];
	const good = folders.find(({ name }) => meaningOf(name) === 'good');
	if (good && besides(good).length > 0) {
		const state = `beside "${shownPath(good.name)}" ${it} holds ${besides(good).join(', ')}`;
		return { state, advice: `Name the folder of good images itself: "${shownPath(good.dir)}".` };
	}
	const bad =
		folders.find(({ name }) => !isHarmless(name)) ?? (isPairOfClasses(folders) ? folders[0] : undefined);
	if (bad) {
		const beside = besides(bad).length > 0 ? ` beside ${besides(bad).join(', ')}` : '';
		return { state: `${it} holds "${shownPath(bad.name)}"${beside}`, advice: ONLY_GOOD };
	}
	const [mask] = masksAmong(loose);
	const named = mask ?? loose.find((name) => meaningOf(stemOf(name)) === 'defective');
	if (named === undefined) return undefined;
	const state = `"${shownPath(join(folder.dir, named))}" is named like ${mask ? 'the mask of a defect' : 'a defective part'}`;
	return { state, advice: `${ONLY_GOOD} Or rename the file.` };
}

function isHarmless(name: string): boolean {
	const meaning = meaningOf(name);
	return meaning === 'good' || meaning === 'nothing';
}

/** Folders that are numbered like the two classes of a set. */
function isPairOfClasses(folders: readonly PictureFolder[]): boolean {
	return folders.map(({ name }) => name).join() === '0,1';
}

/**
 * Lists an MVTec-style data set; `test/<kind>` must hold images, `train/good` and masks may be absent.
 * @throws Failure file-unreadable, images-missing
 */
export async function readDataset(dir: string, told?: Told): Promise<Dataset> {
	const root = await readPictureFolder(dir);
	tell(root, told);
	const test = foldersIn(root).find(({ name }) => wholeMeaning(name) === 'test');
	if (!test) {
		throw new Failure(
			'images-missing',
			`Cannot find test images in "${shownPath(dir)}": it has no folder "test"`,
			LAYOUT,
		);
	}
	const maskRoots = [...foldersIn(root), ...foldersIn(test)].filter(
		({ name }) => wholeMeaning(name) === 'masks',
	);
	const kinds = foldersIn(test).filter((kind) => !maskRoots.includes(kind) && picturesBelow(kind).length > 0);
	if (kinds.length === 0) {
		throw new Failure(
			'images-missing',
			`Cannot find test images in "${shownPath(test.dir)}": its folders have none`,
			`Looked for test/<kind>/ with ${LOOKED_FOR}. ${LAYOUT}`,
		);
	}
	assertKinds(test, kinds);
	const samples = kinds.flatMap((kind) => samplesOf(kind, maskRoots));
	if (samples.every(({ kind }) => kind !== GOOD)) {
		told?.(
			`no folder in "${shownPath(test.dir)}" is named for good parts: all ${samples.length} images count as defective`,
		);
	}
	assertMasksFound(maskRoots, samples);
	return { train: goodOfTraining(root).flatMap((good) => pathsIn(good)), test: samples };
}

/** @throws Failure images-missing where the name of a kind does not say whether its parts are good */
function assertKinds(test: PictureFolder, kinds: readonly PictureFolder[]): void {
	const doubtful =
		kinds.find((kind) => wholeMeaning(kind.name) === 'unclear') ??
		(isPairOfClasses(kinds) ? kinds[0] : undefined) ??
		kinds.find((kind) =>
			foldersIn(kind).some(({ name }) => contradicts(meaningOf(kind.name), meaningOf(name))),
		);
	if (doubtful) {
		throw new Failure(
			'images-missing',
			`Cannot tell which images in "${shownPath(test.dir)}" are good: it holds "${kinds.map(({ name }) => shownPath(name)).join('", "')}"`,
			`Name the folder of good parts "good", the others for their defects ("${shownPath(doubtful.name)}" does not say). ${LAYOUT}`,
		);
	}
}

/** Good parts below a folder of defects, or defects below a folder of good ones. */
function contradicts(kind: Meaning, inner: Meaning): boolean {
	return (inner === 'good' && kind !== 'good') || (inner === 'defective' && kind === 'good');
}

function samplesOf(folder: PictureFolder, maskRoots: readonly PictureFolder[]): LabelledPicture[] {
	const isGood = meaningOf(folder.name) === 'good';
	const [own, pictures] = apart(folder);
	const masks = isGood
		? []
		: [
				...own,
				...maskRoots.flatMap((root) =>
					foldersIn(root)
						.filter(({ name }) => keyOf(name) === keyOf(folder.name))
						.flatMap((kind) => located(kind)),
				),
			];
	const { of, strays } = pairMasks(
		pictures,
		masks.map(({ name }) => name),
	);
	if (masks.length > 0 && of.size === 0) throw unpaired(folder, masks, strays[0]!);
	return pictures.map((name) => {
		const found = [...new Set(of.get(name) ?? [])];
		const paths = masks.filter((mask) => found.includes(mask.name)).map(({ path }) => path);
		if (paths.length > 1) throw ambiguous(join(folder.dir, name), paths);
		return {
			path: join(folder.dir, name),
			name: `${shownPath(folder.name)}/${shownPath(name.split(sep).join('/'))}`,
			kind: isGood ? GOOD : shownPath(folder.name),
			mask: paths[0] ?? null,
		};
	});
}

type Located = { readonly name: string; readonly path: string };

/** The masks that lie among the pictures of a kind, by their folder or their names, and the pictures without them. */
function apart(folder: PictureFolder): readonly [masks: readonly Located[], pictures: readonly string[]] {
	const inFolders = foldersIn(folder).filter(({ name }) => wholeMeaning(name) === 'masks');
	const others = picturesBelow({
		...folder,
		entries: folder.entries.filter((entry) => !inFolders.some((inner) => inner === entry)),
	});
	const beside = new Set(masksAmong(others));
	const masks = [...beside].map((name) => ({ name, path: join(folder.dir, name) }));
	return [
		[...inFolders.flatMap((inner) => located(inner)), ...masks],
		others.filter((name) => !beside.has(name)),
	];
}

function located(folder: PictureFolder): Located[] {
	return picturesBelow(folder).map((name) => ({ name, path: join(folder.dir, name) }));
}

/** @throws Failure images-missing where masks of defects lie there and none belongs to a picture */
function assertMasksFound(maskRoots: readonly PictureFolder[], samples: readonly LabelledPicture[]): void {
	if (samples.some(({ mask }) => mask !== null) || samples.every(({ kind }) => kind === GOOD)) return;
	for (const root of maskRoots) {
		const entries = root.entries.filter(({ name }) => meaningOf(name) !== 'good');
		const masks = picturesBelow({ ...root, entries });
		if (masks.length === 0) continue;
		throw new Failure(
			'images-missing',
			`Cannot tell whose masks lie in "${shownPath(root.dir)}": ${masks.length} files, like "${shownPath(masks[0]!)}", and none for a picture in test`,
			`They lie in ${shownPath(root.name)}/<defect>, named like the folder in test, as ${MASK_NAMES}.`,
		);
	}
}

function unpaired(folder: PictureFolder, masks: readonly Located[], example: string): Failure {
	return new Failure(
		'images-missing',
		`Cannot tell whose masks lie there for "${shownPath(folder.dir)}": ${masks.length} files, like "${shownPath(example)}", and none is named like a picture`,
		`Looked for ${MASK_NAMES}.`,
	);
}

function ambiguous(picture: string, paths: readonly string[]): Failure {
	return new Failure(
		'images-missing',
		`Cannot choose the mask of "${shownPath(picture)}": there are "${paths.map(shownPath).join('" and "')}"`,
		'Leave one, with all defects in it.',
	);
}

/** The folders of good pictures to train on. */
function goodOfTraining(root: PictureFolder): PictureFolder[] {
	const train = foldersIn(root).filter(({ name }) => wholeMeaning(name) === 'train');
	return train.flatMap((folder) => foldersIn(folder).filter(({ name }) => meaningOf(name) === 'good'));
}

/** @throws Failure images-missing */
function picturesOf(folder: PictureFolder): string[] {
	const found = pathsIn(folder);
	if (found.length > 0) return found;
	throw new Failure(
		'images-missing',
		`Cannot find images in "${shownPath(folder.dir)}": the folder has none`,
		`Looked for ${LOOKED_FOR}.`,
	);
}

function pathsIn(folder: PictureFolder): string[] {
	return picturesBelow(folder).map((name) => join(folder.dir, name));
}

function tell(folder: PictureFolder, told: Told | undefined): void {
	const line = leftOutOf(folder);
	if (line !== undefined) told?.(line);
}

function unclear(dir: string, state: string, advice: string): Failure {
	return new Failure(
		'images-missing',
		`Cannot tell the good images in "${shownPath(dir)}": ${state}`,
		advice,
	);
}
