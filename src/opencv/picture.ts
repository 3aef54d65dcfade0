import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Mat } from 'opencv4nodejs';
import { Failure, reasonOf } from '../base/failure.js';
import { filePath, shownPath } from '../base/file-name.js';
import { type PictureFile, pictureFile, type Unread } from '../vision/formats/picture-file.js';
import type { Frame, Stamp } from '../vision/frame.js';
import type { Image, Rect, Size } from '../vision/image.js';
import { cv } from './library.js';

/** Takes the middle of each cell, as other tools do; the binding has no name for it. */
const INTER_NEAREST_EXACT = 6;

/**
 * A picture file, or the region of it: turned as its EXIF data says, of 16 bits a channel the upper 8.
 * @throws Failure image-unreadable naming the file: missing, empty, damaged, of a kind that is not read, or without the region
 */
export async function readPicture(path: string, name = path, region?: Rect): Promise<Frame> {
	return decodePicture(bytesOf(path), shownPath(name), region, path);
}

/** The same, of bytes that came from elsewhere; a failure names `shown`. @throws Failure image-unreadable */
export async function decodePicture(
	bytes: Buffer,
	name: string,
	region?: Rect,
	shown = name,
): Promise<Frame> {
	const { mat, file } = await decode(bytes, cv.IMREAD_COLOR, shown);
	if (file.darkens && !(await isOpaque(bytes))) {
		mat.release();
		throw unreadable(shown, TRANSPARENT);
	}
	if (file.bits === 16 && mat.norm(cv.NORM_INF) < LEAST_WHITE) {
		mat.release();
		throw unreadable(shown, DARK_16_BITS);
	}
	return frameOfMat(cutOut(mat, region, name), name);
}

/** Of the upper 8 of 16 bits: where none reaches it, 14 bits or fewer lie in 16, and what is seen as black is none. */
const LEAST_WHITE = 64;
const DARK_16_BITS: Unread = {
	state:
		'it has 16 bits a channel, and no value reaches a quarter of white (65535), as when 10, 12 or 14 bits are stored in 16',
	advice: 'Save it with 8 bits a channel, or with all 16 (12 bits: times 16).',
};

/** A mask as one channel of 0 and 255, resized to `size` without new values. @throws Failure image-unreadable */
export async function readMask(path: string, size?: Size, region?: Rect): Promise<Image> {
	const mat = cutOut((await decode(bytesOf(path), cv.IMREAD_GRAYSCALE, path)).mat, region, path);
	try {
		const sized = size === undefined ? mat : mat.resize(size.height, size.width, 0, 0, INTER_NEAREST_EXACT);
		const { rows, cols } = sized;
		const grey = sized.getData();
		const most = grey.reduce((a, b) => Math.max(a, b), 0);
		// Some tools write 255 for a defect, some 1.
		const data = Uint8Array.from(grey, (v) => (2 * v > most ? 255 : 0));
		if (sized !== mat) sized.release();
		return { width: cols, height: rows, channels: 1, data };
	} finally {
		mat.release();
	}
}

/** Pixels that we drew or got, as a frame. */
export function frameOf(image: Image, name?: string): Frame {
	return frameOfMat(matOf(image), name);
}

export function encodeJpeg(image: Image, quality: number): Uint8Array {
	return encode('.jpg', image, [cv.IMWRITE_JPEG_QUALITY, quality]);
}

export function encodePng(image: Image): Uint8Array {
	return encode('.png', image, []);
}

/** Takes over the Mat (8 bit BGR). */
export function frameOfMat(mat: Mat, name: string | undefined, taken: Stamp = stamp()): Frame {
	const [width, height] = [mat.cols, mat.rows];
	return {
		width,
		height,
		taken,
		name,
		modelInput: (region, size) => {
			const part = region && mat.getRegion(rectIn(region, width, height, name));
			const resized = antialiased(part ?? mat, size);
			part?.release();
			return rgbOf(resized).data;
		},
		crop: (box, longestSide) => {
			const part = mat.getRegion(rectIn(box, width, height, name));
			const scale = Math.min(1, longestSide / Math.max(box.width, box.height));
			const side = (n: number) => Math.max(1, Math.round(n * scale));
			const resized = part.resize(side(box.height), side(box.width), 0, 0, cv.INTER_AREA);
			part.release();
			return rgbOf(resized);
		},
		release: () => mat.release(),
	};
}

/** Now. */
export function stamp(): Stamp {
	return { wallMs: Date.now(), monotonicMs: performance.now() };
}

/**
 * Bilinear with antialiasing, as Pillow and torchvision prepare pictures for the networks that teach: an axis that shrinks by s is seen through
 * a triangle of half-width s.
 * @returns a new Mat
 */
function antialiased(mat: Mat, { width, height }: Size): Mat {
	const [across, down] = [lensFor(mat.cols / width), lensFor(mat.rows / height)];
	const blurred = filtered(mat, across.kernel, down.kernel);
	const [rows, columns] = [down.averages ? height : mat.rows, across.averages ? width : mat.cols];
	const averages = rows !== mat.rows || columns !== mat.cols;
	const averaged = averages ? blurred.resize(rows, columns, 0, 0, cv.INTER_AREA) : blurred;
	const resized = averaged.resize(height, width, 0, 0, cv.INTER_LINEAR);
	for (const used of new Set([blurred, averaged])) if (used !== mat) used.release();
	return resized;
}

/** The Mat itself where there is nothing to filter. */
function filtered(mat: Mat, across: readonly number[], down: readonly number[]): Mat {
	if (across.length === 1 && down.length === 1) return mat;
	const rowOf = (kernel: readonly number[]) => new cv.Mat([[...kernel]], cv.CV_32F);
	const [kernelX, kernelY] = [rowOf(across), rowOf(down)];
	const blurred = mat.sepFilter2D(-1, kernelX, kernelY);
	kernelX.release();
	kernelY.release();
	return blurred;
}

/** Below this scale averaging comes closer to Pillow than sampling; as the width of the box, found on noise and random walks. */
const LEAST_SAMPLED = 1.85;

/**
 * A filter, and whether the axis is then averaged (INTER_AREA) or sampled bilinearly. Sampling what was seen through the triangle's own taps is
 * exact where the scale is whole. At small scales averaging alone is nearly the triangle, and a box with small ends adds what it lacks.
 */
function lensFor(scale: number): { readonly kernel: readonly number[]; readonly averages: boolean } {
	if (scale <= 1) return { kernel: [1], averages: false };
	const averages = scale < LEAST_SAMPLED;
	const end = 0.15 * (scale - 1);
	const reach = Math.ceil(scale) - 1;
	const taps = averages
		? [end, 1, end]
		: Array.from({ length: 2 * reach + 1 }, (_, i) => 1 - Math.abs(i - reach) / scale);
	const total = taps.reduce((a, b) => a + b);
	return { kernel: taps.map((tap) => tap / total), averages };
}

/** The region as a Mat of its own, the whole one released; without a region the Mat itself. */
function cutOut(mat: Mat, region: Rect | undefined, name: string): Mat {
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

/** Releases the Mat. */
function rgbOf(mat: Mat): Image {
	const rgb = mat.cvtColor(cv.COLOR_BGR2RGB);
	const image: Image = { width: rgb.cols, height: rgb.rows, channels: 3, data: rgb.getData() };
	rgb.release();
	mat.release();
	return image;
}

function rectIn({ x, y, width, height }: Rect, columns: number, rows: number, name = 'the frame') {
	if (x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= columns && y + height <= rows) {
		return new cv.Rect(x, y, width, height);
	}
	throw new Failure(
		'image-unreadable',
		`Cannot cut region ${width}x${height}+${x}+${y} from "${name}": it is ${columns}x${rows} pixels`,
		"Make the recipe's region lie within the picture.",
	);
}

function matOf({ width, height, channels, data }: Image): Mat {
	// The binding reads past the end of a buffer that is too short.
	if (data.length !== width * height * channels)
		throw new Error(`an image of ${width}x${height}x${channels} has ${data.length} bytes`);
	const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
	const mat = new cv.Mat(buffer, height, width, channels === 3 ? cv.CV_8UC3 : cv.CV_8UC1);
	const bgr = mat.cvtColor(channels === 3 ? cv.COLOR_RGB2BGR : cv.COLOR_GRAY2BGR);
	mat.release();
	return bgr;
}

function encode(extension: string, image: Image, flags: number[]): Uint8Array {
	const mat = matOf(image);
	try {
		return cv.imencode(extension, mat, flags);
	} finally {
		mat.release();
	}
}

const TRANSPARENT: Unread = {
	state: 'it is partly transparent, which is not read from a TIFF',
	advice: 'Save it without transparency, or as PNG.',
};

async function isOpaque(bytes: Buffer): Promise<boolean> {
	const mat = await cv.imdecodeAsync(bytes, cv.IMREAD_UNCHANGED);
	const channels = mat.splitChannels();
	const least = channels[3]?.minMaxLoc().minVal;
	for (const used of [mat, ...channels]) used.release();
	return least === 255;
}

function bytesOf(path: string): Buffer {
	try {
		// At once, so that the decoding already runs beside whatever blocks this thread next.
		return readFileSync(filePath(path));
	} catch (thrown) {
		throw unreadable(path, { state: reasonOf(thrown), advice: 'Replace or remove the file.' });
	}
}

/** Decoders fill what is missing or damaged and say nothing: so we look through the file ourselves, while another thread decodes it. */
async function decode(bytes: Buffer, flags: number, name: string): Promise<{ mat: Mat; file: PictureFile }> {
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

function unreadable(name: string, { state, advice }: Unread): Failure {
	return new Failure('image-unreadable', `Cannot read image "${shownPath(name)}": ${state}`, advice);
}
