import type { Size } from '../image.js';
import { bmpHead, isBmp } from './bmp.js';
import { exifOrientation } from './ifd.js';
import { isJpeg, jpegDamage, jpegHead } from './jpeg.js';
import { isPng, pngDamage, pngHead } from './png.js';
import { isTiff, tiffHead } from './tiff.js';
import { isWebp, webpDamage, webpHead } from './webp.js';

/** Why a file is not read, and what to do. */
export type Unread = { readonly state: string; readonly advice: string };

/** A file that can be read, if nothing is damaged. */
export type PictureFile = {
	readonly format: 'JPEG' | 'PNG' | 'TIFF' | 'BMP' | 'WebP';
	/** As it is seen, after it was turned. */
	readonly size: Size;
	/** How a picture is to be turned after it was decoded, 1 (not at all) to 8 as in EXIF. */
	readonly orientation: number;
	/** A channel. */
	readonly bits: number;
	/** Decoders darken what is transparent. */
	readonly darkens: boolean;
	/** Its compression changes values. */
	readonly lossy: boolean;
	/** Looks through all of the file: what is wrong with it, undefined when it is whole. */
	damage(): string | undefined;
};

/** Decoders take memory for all pixels before they look at the data; the largest sensors have some 150 million. */
const MOST_PIXELS = 270e6;

const REPLACE = 'Replace or remove the file.';
const CONVERT = 'Save it as PNG, or as JPEG, BMP, WebP or TIFF in colours or greys of 8 or 16 bits.';
const SPLIT = 'Save the one to look at as a file of its own.';

/** What a file is by its own bytes; its name does not matter. */
export function pictureFile(bytes: Uint8Array): PictureFile | Unread {
	if (bytes.length === 0) return damaged('it is empty');
	const file = FORMATS.find(({ is }) => is(bytes))?.look(bytes) ?? damaged('it is not an image, or damaged');
	if ('state' in file || file.size.width * file.size.height <= MOST_PIXELS) return file;
	const { width, height } = file.size;
	return {
		state: `it says that it has ${width}x${height} pixels, and no more than ${MOST_PIXELS / 1e6} million are read`,
		advice: 'Save a smaller part of it, or remove the file.',
	};
}

type Format = { is(bytes: Uint8Array): boolean; look(bytes: Uint8Array): PictureFile | Unread };

const FORMATS: readonly Format[] = [
	{
		is: isJpeg,
		look: (bytes) => {
			const head = jpegHead(bytes);
			if (!head) return damaged(jpegDamage(bytes) ?? 'the JPEG is damaged');
			if (head.unread !== undefined) return unread(head.unread);
			// A bit at least for each block of 8 × 8 pixels.
			if (head.size.width * head.size.height > 64 * 8 * bytes.length) return damaged(larger('JPEG'));
			const orientation = exifOrientation(head.exif);
			return {
				format: 'JPEG',
				size: seen(head.size, orientation),
				orientation,
				bits: 8,
				darkens: false,
				lossy: true,
				damage: () => jpegDamage(bytes),
			};
		},
	},
	{
		is: isPng,
		look: (bytes) => {
			const head = pngHead(bytes);
			if (typeof head === 'string') return damaged(head);
			const { width, height } = head.size;
			if ((width * height * head.bits) / 8 > MOST_DEFLATED * bytes.length) return damaged(larger('PNG'));
			if (head.frames > 1) return unread(`an animated PNG of ${head.frames} pictures`, SPLIT);
			const orientation = exifOrientation(head.exif);
			return { ...whole('PNG', { ...head, orientation }), damage: () => pngDamage(bytes) };
		},
	},
	{
		is: isTiff,
		look: (bytes) => {
			const head = tiffHead(bytes);
			if (typeof head === 'string') return damaged(head);
			if (head.unread !== undefined) return unread(head.unread);
			if (head.pages > 1) return unread(`a TIFF of ${head.pages} pages`, SPLIT);
			// Turned by the decoder.
			const { darkens, damage } = head;
			return { ...whole('TIFF', head), orientation: 1, darkens, damage };
		},
	},
	{
		is: isBmp,
		look: (bytes) => {
			const head = bmpHead(bytes);
			if (typeof head === 'string') return damaged(head);
			return head.unread === undefined ? whole('BMP', { ...head, bits: 8 }) : unread(head.unread);
		},
	},
	{
		is: isWebp,
		look: (bytes) => {
			const head = webpHead(bytes);
			if (typeof head === 'string') return damaged(head);
			if (head.animated) return unread('an animated WebP', SPLIT);
			const orientation = exifOrientation(head.exif);
			const lossy = head.lossless === undefined;
			return { ...whole('WebP', { ...head, bits: 8, lossy, orientation }), damage: () => webpDamage(head) };
		},
	},
	...(
		[
			['a GIF', 'GIF8'],
			['a JPEG 2000', '\0\0\0\x0cjP'],
			['a JPEG 2000', '\xff\x4f\xff\x51'],
			['a JPEG XL', '\xff\x0a'],
			['a JPEG XL', '\0\0\0\x0cJXL '],
			['a film (MP4)', 'ftypisom', 4],
			['a film (MP4)', 'ftypmp4', 4],
			['a film (QuickTime)', 'ftypqt', 4],
			['a HEIC or AVIF', 'ftyp', 4],
			['an OpenEXR', '\x76\x2f\x31\x01'],
			['a Radiance HDR', '#?'],
			['a Photoshop file', '8BPS'],
			['a PDF', '%PDF'],
			['a web page or XML', '<'],
			['JSON', '{'],
			['a pointer of Git LFS, not the file that it stands for', 'version https://git-lfs'],
			['an archive', 'PK\x03\x04'],
			['a NumPy array', '\x93NUMPY'],
		] as const
	).map(
		([kind, magic, at = 0]): Format => ({
			is: (bytes) => [...magic].every((letter, i) => bytes[at + i] === letter.charCodeAt(0)),
			look: () => unread(kind),
		}),
	),
];

function whole(
	format: PictureFile['format'],
	{
		size,
		bits,
		orientation = 1,
		lossy = false,
	}: { size: Size; bits: number; orientation?: number; lossy?: boolean },
): PictureFile {
	return {
		format,
		size: seen(size, orientation),
		bits,
		orientation,
		lossy,
		darkens: false,
		damage: () => undefined,
	};
}

/** The last four orientations lay a picture on its side. */
function seen({ width, height }: Size, orientation: number): Size {
	return orientation < 5 ? { width, height } : { width: height, height: width };
}

/** So many bytes at most come out of one that is deflated (258 for two bits). */
const MOST_DEFLATED = 1032;

function larger(format: 'JPEG' | 'PNG'): string {
	return `the ${format} is damaged: its head makes no sense, it says that it has more pixels than its data can hold`;
}

function damaged(state: string): Unread {
	return { state, advice: REPLACE };
}

function unread(kind: string, advice = CONVERT): Unread {
	return { state: `it is ${kind}, which is not read`, advice };
}
