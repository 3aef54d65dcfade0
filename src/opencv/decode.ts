import { readFileSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Mat } from 'opencv4nodejs';
import { Failure, reasonOf } from '../base/failure.js';
import { filePath, shownPath } from '../base/file-name.js';
import { fileState } from '../base/file-state.js';
import { type PictureFile, pictureFile, type Unread } from '../vision/formats/picture-file.js';
import type { Rect } from '../vision/image.js';
import { cv } from './library.js';

/** A folder was read, and the file is named by it. */
const ABSENT = { ENOENT: 'there is no such file, or it is a link that leads nowhere' };

/** @throws Failure image-unreadable */
export function bytesOf(path: string): Buffer {
	try {
		// A pipe would block this thread, a device may have no end.
		const found = statSync(filePath(path));
		if (!found.isFile()) {
			const state = found.isDirectory() ? 'it is a folder' : 'it is a pipe, a socket or a device';
			throw unreadable(path, { state, advice: 'Replace or remove it.' });
		}
		// At once, so that the decoding already runs beside whatever blocks this thread next.
		return readFileSync(filePath(path));
	} catch (thrown) {
		if (thrown instanceof Failure) throw thrown;
		throw unreadable(path, { state: fileState(thrown, ABSENT), advice: 'Replace or remove the file.' });
	}
}

/**
 * Decoders fill what is missing or damaged and say nothing: so we look through the file ourselves, while another thread decodes it.
 * @returns the pixels, turned as the file says, and what it is
 * @throws Failure image-unreadable
 */
export async function decode(
	bytes: Buffer,
	flags: number,
	name: string,
): Promise<{ mat: Mat; file: PictureFile }> {
	const file = pictureFile(bytes);
	if ('state' in file) throw unreadable(name, file);
	const oriented = file.format === 'TIFF' ? flags : flags | cv.IMREAD_IGNORE_ORIENTATION;
	const decoding = cv.imdecodeAsync(bytes, oriented).then(
		(mat) => ({ mat }),
		(thrown: unknown) => ({ thrown }),
	);
	// What waits for an earlier picture goes first.
	await nextTurn();
	const damage = file.damage();
	const outcome = await decoding;
	if ('mat' in outcome && damage === undefined && !outcome.mat.empty) {
		return { mat: turned(outcome.mat, file.orientation), file };
	}
	if ('mat' in outcome) outcome.mat.release();
	const state = damage ?? ('thrown' in outcome ? reasonOf(outcome.thrown) : `the ${file.format} is damaged`);
	throw unreadable(name, { state, advice: 'Replace or remove the file.' });
}

/** How to turn a picture by its EXIF orientation; the others are upright. */
const TURNS: Readonly<Record<number, (mat: Mat) => Mat>> = {
	2: (mat) => mat.flip(1),
	3: (mat) => mat.flip(-1),
	4: (mat) => mat.flip(0),
	5: (mat) => mat.transpose(),
	6: (mat) => mat.rotate(cv.ROTATE_90_CLOCKWISE),
	7: (mat) => turned(mat.transpose(), 3),
	8: (mat) => mat.rotate(cv.ROTATE_90_COUNTERCLOCKWISE),
};

/** Releases the Mat that it turns. */
function turned(mat: Mat, orientation: number): Mat {
	const turn = TURNS[orientation];
	if (!turn) return mat;
	const upright = turn(mat);
	mat.release();
	return upright;
}

export function unreadable(name: string, { state, advice }: Unread): Failure {
	return new Failure('image-unreadable', `Cannot read image "${shownPath(name)}": ${state}`, advice);
}

/** The region as a Mat of its own, the whole one released; without a region the Mat itself. */
export function cutOut(mat: Mat, region: Rect | undefined, name: string): Mat {
	if (!region) return mat;
	try {
		const view = mat.getRegion(rectIn(region, mat.cols, mat.rows, name));
		const part = view.copy();
		view.release();
		return part;
	} finally {
		mat.release();
	}
}

/** @throws Failure image-unreadable where the region does not lie in the picture */
export function rectIn({ x, y, width, height }: Rect, columns: number, rows: number, name = 'the frame') {
	if (x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= columns && y + height <= rows) {
		return new cv.Rect(x, y, width, height);
	}
	throw new Failure(
		'image-unreadable',
		`Cannot cut region ${width}x${height}+${x}+${y} from "${name}": it is ${columns}x${rows} pixels`,
		"Make the recipe's region lie within the picture.",
	);
}
