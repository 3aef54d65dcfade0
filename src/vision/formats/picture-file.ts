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

const REPLACE = 'Replace or remove the file.';
const CONVERT = 'Save it as PNG, or as JPEG, BMP, WebP or TIFF in colours or greys of 8 or 16 bits.';
const SPLIT = 'Save the one to look at as a file of its own.';

/** What a file is by its own bytes; its name does not matter. */
export function pictureFile(bytes: Uint8Array): PictureFile | Unread {
	if (bytes.length === 0) return damaged('it is empty');
	return FORMATS.find(({ is }) => is(bytes))?.look(bytes) ?? damaged('it is not an image, or damaged');
}

type Format = { is(bytes: Uint8Array): boolean; look(bytes: Uint8Array): PictureFile | Unread };

const FORMATS: readonly Format[] = [
	{
		is: isJpeg,
		look: (bytes) => {
			const head = jpegHead(bytes);
			if (!head) return damaged(jpegDamage(bytes) ?? 'the JPEG is damaged');
			if (head.unread !== undefined) return unread(head.unread);
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
			['a HEIC or AVIF', 'ftyp', 4],
			['an OpenEXR', '\x76\x2f\x31\x01'],
			['a Radiance HDR', '#?'],
			['a Photoshop file', '8BPS'],
			['a PDF', '%PDF'],
			['a web page or XML', '<'],
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

function damaged(state: string): Unread {
	return { state, advice: REPLACE };
}

function unread(kind: string, advice = CONVERT): Unread {
	return { state: `it is ${kind}, which is not read`, advice };
}
