import type { Mat } from 'opencv4nodejs';
import { shownPath } from '../base/file-name.js';
import type { Unread } from '../vision/formats/picture-file.js';
import type { Frame, Stamp } from '../vision/frame.js';
import type { Image, Rect, Size } from '../vision/image.js';
import { bytesOf, cutOut, decode, rectIn, unreadable } from './decode.js';
import { cv } from './library.js';

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

/** The same in another thread: a large picture takes a tenth of a second. */
export async function encodePngAside(image: Image): Promise<Uint8Array> {
	const mat = matOf(image);
	try {
		return await cv.imencodeAsync('.png', mat, []);
	} finally {
		mat.release();
	}
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

/** Releases the Mat. */
function rgbOf(mat: Mat): Image {
	const rgb = mat.cvtColor(cv.COLOR_BGR2RGB);
	const image: Image = { width: rgb.cols, height: rgb.rows, channels: 3, data: rgb.getData() };
	rgb.release();
	mat.release();
	return image;
}

export function matOf({ width, height, channels, data }: Image): Mat {
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
