import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { countOf } from '../base/words.js';
import { listImages, readDataset } from '../disk/dataset.js';
import type { LabelledPicture } from '../measure/labelled.js';
import type { Bundle } from '../model/bundle.js';
import { encodePng, frameOf } from '../opencv/picture.js';
import type { Image, Rect, Size } from '../vision/image.js';

/** What a bench shows the stations: a folder of pictures, also where it is not said which. */
export type BenchPictures = {
	readonly folder: string;
	readonly paths: readonly string[];
	/** Undefined where nobody has labelled any. */
	readonly labelled: readonly LabelledPicture[] | undefined;
	/** Where they come from, in words. */
	readonly origin: string;
};

/**
 * The pictures of a folder, else those of a labelled data set, else good ones that the bundle itself holds, brought to the size that was
 * taught. What is made lies in `scratch`.
 * @throws Failure file-unreadable, images-missing
 */
export async function benchPictures(
	bundle: Bundle,
	named: { readonly images: string | undefined; readonly labelled: string | undefined },
	scratch: string,
	note: (line: string) => void,
): Promise<BenchPictures> {
	const labelled = named.labelled === undefined ? undefined : (await readDataset(named.labelled, note)).test;
	if (named.images !== undefined) {
		const paths = await listImages(named.images, note);
		const origin = `${countOf(paths.length, 'picture')} of "${named.images}"`;
		return { folder: resolve(named.images), paths, labelled, origin };
	}
	const folder = join(scratch, 'pictures');
	await mkdir(folder);
	const at = (i: number, extension: string) => join(folder, `${String(i).padStart(5, '0')}${extension}`);
	if (labelled) {
		for (const [i, { path }] of labelled.entries()) await symlink(resolve(path), at(i, extname(path)));
		const origin = `${countOf(labelled.length, 'test picture')} of "${named.labelled}"`;
		return { folder, paths: labelled.map(({ path }) => path), labelled, origin };
	}
	const heldOut = await bundle.heldOut();
	const inputs = heldOut.length > 0 ? heldOut : bundle.golden.map(({ image }) => image);
	const paths: string[] = [];
	for (const [i, input] of inputs.entries()) {
		paths.push(at(i, '.png'));
		await writeFile(at(i, '.png'), encodePng(asTaken(input, bundle)));
	}
	const { width, height } = pictureSize(bundle);
	const kind = heldOut.length > 0 ? 'held-out picture' : 'golden picture';
	const origin = `the bundle's own ${countOf(paths.length, kind)}, brought to ${width} × ${height} as PNG`;
	return { folder, paths, labelled, origin };
}

/** As large as those that were taught; of one that does not know, as the network sees it. */
function pictureSize({ manifest: { input } }: Bundle): Size {
	if (input.picture) return input.picture.largest;
	const { x, y, width, height } = input.region ?? { x: 0, y: 0, ...input.tiling };
	return { width: x + width, height: y + height };
}

/** What the network saw `[height, width, 3]` where the camera would have seen it: the rest of the frame is black. */
function asTaken(image: Uint8Array, bundle: Bundle): Image {
	const { tiling, region } = bundle.manifest.input;
	const size = pictureSize(bundle);
	const area: Rect = region ?? { x: 0, y: 0, ...size };
	const frame = frameOf({ width: tiling.width, height: tiling.height, channels: 3, data: image });
	const part = frame.modelInput(undefined, area);
	frame.release();
	const data = new Uint8Array(size.width * size.height * 3);
	for (let row = 0; row < area.height; row += 1)
		data.set(
			part.subarray(row * area.width * 3, (row + 1) * area.width * 3),
			((area.y + row) * size.width + area.x) * 3,
		);
	return { ...size, channels: 3, data };
}
