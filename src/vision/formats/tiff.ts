import { inflateSync } from 'node:zlib';
import type { Size } from '../image.js';
import { type Field, type IfdReader, ifdReader } from './ifd.js';
import { isJpeg, jpegDamage } from './jpeg.js';

const TAG = {
	subfile: 254,
	width: 256,
	height: 257,
	bits: 258,
	compression: 259,
	photometric: 262,
	stripOffsets: 273,
	orientation: 274,
	samples: 277,
	rowsPerStrip: 278,
	stripCounts: 279,
	planar: 284,
	tileWidth: 322,
	tileHeight: 323,
	tileOffsets: 324,
	tileCounts: 325,
	extraSamples: 338,
	sampleFormat: 339,
	jpegTables: 347,
} as const;

const [MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6];

/** Colours that decoders bring out rightly, and the bits a channel. */
const LAYOUTS: readonly {
	readonly photometric: number;
	readonly colours: number;
	readonly bits: readonly number[];
}[] = [
	{ photometric: MIN_IS_WHITE, colours: 1, bits: [1, 2, 4, 8] },
	{ photometric: MIN_IS_BLACK, colours: 1, bits: [1, 2, 4, 8, 16] },
	{ photometric: RGB, colours: 3, bits: [8, 16] },
	{ photometric: RGB, colours: 4, bits: [8] },
	{ photometric: PALETTE, colours: 1, bits: [1, 2, 4, 8] },
	{ photometric: CMYK, colours: 4, bits: [8] },
	{ photometric: YCBCR, colours: 3, bits: [8] },
];

/** How many bytes a block unpacks to, or undefined where it makes no sense; of those that are read. */
const UNPACKED: Readonly<
	Record<number, (block: Uint8Array, most: number, row: number) => number | undefined>
> = {
	1: (block) => block.length,
	5: lzwLength,
	8: deflatedLength,
	32946: deflatedLength,
	32773: packbitsLength,
};
const [PLAIN, JPEG] = [1, 7];

/** What other compressions are called (they hold nothing that tells damage, or are seldom). */
const OTHER: Readonly<Record<number, string | undefined>> = {
	2: 'fax',
	3: 'fax',
	4: 'fax',
	6: 'old JPEG',
	34887: 'LERC',
	34925: 'LZMA',
	50000: 'Zstandard',
	50001: 'WebP',
};

export function isTiff(bytes: Uint8Array): boolean {
	return ifdReader(bytes) !== undefined;
}

export type TiffHead = {
	readonly size: Size;
	readonly orientation: number;
	readonly bits: number;
	readonly pages: number;
	/** Transparent, with colours that decoders multiply by it. */
	readonly darkens: boolean;
	/** What it is, if it is of a kind that we do not read. */
	readonly unread: string | undefined;
	/** What is wrong with its data, undefined when it is whole: decoders go on past blocks that make no sense. */
	damage(): string | undefined;
};

const CUT_OFF = 'the TIFF is cut off or damaged: its directory points outside the file';

/** What its first directory says, or what is wrong with it. */
export function tiffHead(bytes: Uint8Array): TiffHead | string {
	const reader = ifdReader(bytes);
	const page = reader?.directory(reader.first);
	if (!reader || !page) return CUT_OFF;
	const { fields } = page;
	const [width = 0] = fields.get(TAG.width) ?? [];
	const [height = 0] = fields.get(TAG.height) ?? [];
	if (width === 0 || height === 0) return 'the TIFF is damaged: it has no size';
	const { pages, whole } = pagesOf(reader, page.next);
	if (!whole) return CUT_OFF;
	const layout = layoutOf(fields, { width, height });
	return {
		size: { width, height },
		orientation: fields.get(TAG.orientation)?.[0] ?? 1,
		bits: layout.bits,
		pages,
		darkens: fields.get(TAG.extraSamples)?.[0] === 2,
		unread: kindOf(layout),
		damage: () => damageOf(bytes, fields, layout),
	};
}

/** Directories that show something of their own: smaller copies and masks of the first are passed over. */
function pagesOf(reader: IfdReader, second: number): { readonly pages: number; readonly whole: boolean } {
	let pages = 1;
	const seen = new Set<number>();
	for (let at = second; at !== 0; ) {
		const page = seen.has(at) ? undefined : reader.directory(at);
		if (!page) return { pages, whole: false };
		seen.add(at);
		if (((page.fields.get(TAG.subfile)?.[0] ?? 0) & 5) === 0) pages += 1;
		at = page.next;
	}
	return { pages, whole: true };
}

type Layout = {
	readonly size: Size;
	readonly bits: number;
	readonly samples: number;
	readonly format: number;
	readonly compression: number;
	readonly photometric: number;
	readonly planar: boolean;
	readonly alpha: boolean;
	readonly mixed: boolean;
};

function layoutOf(fields: ReadonlyMap<number, Field>, size: Size): Layout {
	const bits = fields.get(TAG.bits) ?? [1];
	const formats = fields.get(TAG.sampleFormat) ?? [1];
	const [samples = 1] = fields.get(TAG.samples) ?? [];
	return {
		size,
		bits: Math.max(...bits),
		samples,
		format: formats[0] ?? 1,
		compression: fields.get(TAG.compression)?.[0] ?? 1,
		photometric: fields.get(TAG.photometric)?.[0] ?? MIN_IS_BLACK,
		planar: samples > 1 && fields.get(TAG.planar)?.[0] === 2,
		alpha: (fields.get(TAG.extraSamples)?.length ?? 0) > 0,
		mixed: bits.some((n) => n !== bits[0]) || formats.some((n) => n !== formats[0]),
	};
}

/** What we do not read, in words. */
function kindOf({
	bits,
	samples,
	format,
	compression,
	photometric,
	alpha,
	mixed,
}: Layout): string | undefined {
	if (mixed) return 'a TIFF whose channels differ in kind';
	if (format === 3) return `a TIFF of ${bits}-bit floating-point numbers`;
	if (format === 2) return `a TIFF of ${bits}-bit numbers with a sign`;
	if (format !== 1 && format !== 4) return 'a TIFF of complex numbers';
	if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8 && bits !== 16)
		return `a TIFF of ${bits}-bit numbers`;
	if (compression !== JPEG && !UNPACKED[compression]) {
		return `a TIFF with ${OTHER[compression] ?? `unknown (${compression})`} compression`;
	}
	if (
		!LAYOUTS.some(
			(known) =>
				known.photometric === photometric &&
				known.colours === samples - (alpha ? 1 : 0) &&
				known.bits.includes(bits),
		)
	)
		return `a TIFF of ${samples} channels of ${bits} bits and colours of kind ${photometric}`;
	if (photometric === YCBCR && compression !== JPEG)
		return 'a TIFF of brightness and colour apart without JPEG';
	if (alpha && bits !== 8) return 'a TIFF with transparency';
	return undefined;
}

function damageOf(bytes: Uint8Array, fields: ReadonlyMap<number, Field>, layout: Layout): string | undefined {
	const { size, bits, compression } = layout;
	const planes = layout.planar ? layout.samples : 1;
	const tileWidth = fields.get(TAG.tileWidth)?.[0];
	const tiled = tileWidth !== undefined;
	const blockWidth = tileWidth ?? size.width;
	const [rows = size.height] = fields.get(tiled ? TAG.tileHeight : TAG.rowsPerStrip) ?? [];
	if (blockWidth === 0 || rows === 0) return damaged('its blocks have no size');
	const across = Math.ceil(size.width / blockWidth);
	const down = Math.ceil(size.height / rows);
	const offsets = fields.get(tiled ? TAG.tileOffsets : TAG.stripOffsets) ?? [];
	const counts = fields.get(tiled ? TAG.tileCounts : TAG.stripCounts) ?? [];
	if (offsets.length < planes * across * down || counts.length < planes * across * down)
		return damaged('a part of its data is missing');
	const bytesARow = Math.ceil((blockWidth * bits * (layout.samples / planes)) / 8);
	const tables = Uint8Array.from(fields.get(TAG.jpegTables) ?? []);
	for (let i = 0; i < planes * across * down; i += 1) {
		const [offset, count] = [offsets[i]!, counts[i]!];
		if (offset === 0 || count === 0) return damaged('a part of its data is missing');
		if (offset + count > bytes.length) return 'the TIFF is cut off: its data ends after the file';
		const block = bytes.subarray(offset, offset + count);
		if (compression === JPEG) {
			if (!isJpeg(block) || jpegDamage(joined(tables, block))) return damaged('its data makes no sense');
			continue;
		}
		const most = bytesARow * (tiled ? rows : Math.min(rows, size.height));
		const least = bytesARow * (tiled ? rows : Math.min(rows, size.height - (i % down) * rows));
		const length = UNPACKED[compression]?.(block, most, bytesARow);
		if (length === undefined || length < least || (length > most && compression !== PLAIN))
			return damaged('its data makes no sense, or a part is missing');
	}
	return undefined;
}

function damaged(how: string): string {
	return `the TIFF is damaged: ${how}`;
}

/** An abbreviated JPEG with the tables that stand once for all blocks. */
function joined(tables: Uint8Array, block: Uint8Array): Uint8Array {
	return isJpeg(tables) ? Buffer.concat([tables.subarray(0, -2), block.subarray(2)]) : block;
}

function deflatedLength(block: Uint8Array, most: number): number | undefined {
	try {
		return inflateSync(block, { maxOutputLength: most }).length;
	} catch {
		return undefined;
	}
}

/** TIFF 6.0, section 9: every row is packed by itself. */
function packbitsLength(block: Uint8Array, _most: number, row: number): number | undefined {
	let length = 0;
	for (let at = 0; at < block.length; ) {
		const n = block[at]!;
		if (n < 128) at += n + 2;
		else at += n === 128 ? 1 : 2;
		const run = n === 128 ? 0 : n < 128 ? n + 1 : 257 - n;
		if (at > block.length || (length % row) + run > row) return undefined;
		length += run;
	}
	return length;
}

const [CLEAR, END] = [256, 257];

/** TIFF 6.0, section 13: codes of 9 to 12 bits, which grow one early. */
function lzwLength(block: Uint8Array, most: number): number | undefined {
	const lengths = new Uint32Array(4097).fill(1, 0, 256);
	let [next, width, before, length] = [258, 9, 0, 0];
	let [held, bits] = [0, 0];
	for (let at = 0; ; ) {
		while (bits < width) {
			if (at === block.length) return length;
			held = ((held << 8) | block[at]!) & 0xffffff;
			bits += 8;
			at += 1;
		}
		bits -= width;
		const code = (held >>> bits) & ((1 << width) - 1);
		if (code === END) return length;
		if (code === CLEAR) {
			[next, width, before] = [258, 9, 0];
			continue;
		}
		if (code > next || (code === next && before === 0) || next > 4096) return undefined;
		if (before > 0) {
			lengths[next] = before + 1;
			next += 1;
			if (next >= (1 << width) - 1 && width < 12) width += 1;
		} else if (code > 255) return undefined;
		before = lengths[code]!;
		length += before;
		if (length > most) return undefined;
	}
}
