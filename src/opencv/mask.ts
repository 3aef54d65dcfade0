import type { Mat } from 'opencv4nodejs';
import { Failure } from '../base/failure.js';
import { shownPath } from '../base/file-name.js';
import { pictureFile } from '../vision/formats/picture-file.js';
import type { Image, Rect, Size } from '../vision/image.js';
import { marksOf, sameShape } from '../vision/mask.js';
import { bytesOf, cutOut, decode } from './decode.js';
import { cv } from './library.js';

/** Takes the middle of each cell, as other tools do; the binding has no name for it. */
const INTER_NEAREST_EXACT = 6;

/**
 * A mask as one channel of 0 and 255 (see `marksOf`), resized without new values: to the size of its `picture`, cut to the `region`, then to `size`.
 * @throws Failure image-unreadable: it is damaged, marks nothing certain, or has another shape than its picture
 */
export async function readMask(
	path: string,
	size?: Size,
	{ picture, region }: { readonly picture?: string; readonly region?: Rect | undefined } = {},
): Promise<Image> {
	const { mat, file } = await decode(bytesOf(path), cv.IMREAD_UNCHANGED, path);
	const { rows: height, cols: width, channels } = mat;
	const raw = mat.getData();
	const deep = mat.depth === cv.CV_16U;
	mat.release();
	const data = deep ? new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)) : raw;
	const marks = marksOf({ channels, data, width, height }, file.lossy);
	if (typeof marks === 'string') throw unusable(path, marks, MEND);
	const shown = picture === undefined ? undefined : sizeOf(picture);
	if (shown && !sameShape({ width, height }, shown)) {
		const state = `it is ${width}x${height} pixels, and "${shownPath(picture!)}" is ${shown.width}x${shown.height}`;
		throw unusable(path, state, 'Give the mask the shape of its picture; another scale is fine.');
	}
	const mask = new cv.Mat(Buffer.from(marks), height, width, cv.CV_8UC1);
	const sized = resized(cutOut(resized(mask, shown), region, path), size);
	const image: Image = {
		width: sized.cols,
		height: sized.rows,
		channels: 1,
		data: Uint8Array.from(sized.getData()),
	};
	sized.release();
	return image;
}

const MEND =
	'In a mask what is good is black (or transparent), and every other value is a defect. Mend it, or remove it: its picture then counts without one.';

/** As it is seen. It was read before, so that it is whole. */
function sizeOf(picture: string): Size | undefined {
	const file = pictureFile(bytesOf(picture));
	return 'size' in file ? file.size : undefined;
}

/** Releases the Mat that it resizes. */
function resized(mat: Mat, size: Size | undefined): Mat {
	if (!size || (mat.rows === size.height && mat.cols === size.width)) return mat;
	const other = mat.resize(size.height, size.width, 0, 0, INTER_NEAREST_EXACT);
	mat.release();
	return other;
}

function unusable(path: string, state: string, advice: string): Failure {
	return new Failure('image-unreadable', `Cannot use mask "${shownPath(path)}": ${state}`, advice);
}
