import { entryOf, type HuffmanTable, runOf } from './jpeg-huffman.js';

/** One colour of a JPEG in blocks of 8 × 8 pixels: `stride` blocks a row are stored, `across` × `down` of them show the picture. */
export type Component = {
	readonly id: number;
	readonly horizontal: number;
	readonly vertical: number;
	readonly quantizer: number;
	readonly across: number;
	readonly down: number;
	readonly stride: number;
	/** The coefficients that are not zero, a bit each, two words a block: later scans of progressive files are read by it. */
	readonly known: Uint32Array;
};

/** A component as a scan codes it; `step` is what a level of its mean is worth. */
export type Part = {
	readonly component: Component;
	readonly dc: HuffmanTable | undefined;
	readonly ac: HuffmanTable | undefined;
	readonly step: number;
	/** The mean of the block before. */
	predicted: number;
};

/** Coefficients `from` to `to` (in zigzag order) down to bit `low`, after those down to bit `high` (0: the first scan of them). */
export type Scan = {
	readonly parts: readonly Part[];
	readonly progressive: boolean;
	readonly from: number;
	readonly to: number;
	readonly high: number;
	readonly low: number;
	/** Units (MCUs, or of a component alone its blocks) in a row of the picture, and in all. */
	readonly unitsAcross: number;
	readonly units: number;
};

/** Where reading stands: `data` has no stuffed zeros and a few bytes beyond its end, `skip` blocks are known to bring nothing more. */
type Bits = { readonly data: DataView; readonly end: number; pos: number; skip: number };

/** Reads past a block. @returns false where its codes make no sense */
type BlockReader = (bits: Bits, part: Part, block: number, scan: Scan) => boolean;

/** What `data` must hold beyond its end, as zeros: more than the codes of a block. */
export const BEYOND = 512;

/** Of the mean of a block in steps of the transform: black and white are 1024, encoders that overshoot at edges add up to 250. A damaged one drifts beyond. */
const MOST_MEAN = 1300;

/**
 * Reads past `count` units from unit `first` on, as they lie between two restart markers, in the first `end` bytes of `data`.
 * @returns false where the codes make no sense, or are more or fewer than the data (ITU T.81, annexes F and G)
 */
export function readsThrough(
	scan: Scan,
	data: Uint8Array,
	end: number,
	first: number,
	count: number,
): boolean {
	const { parts, unitsAcross } = scan;
	const view = new DataView(data.buffer, data.byteOffset, data.length);
	const bits: Bits = { data: view, end: 8 * end, pos: 0, skip: 0 };
	const read = readerOf(scan);
	if (hasHole(scan, data.subarray(0, end))) return false;
	for (const part of parts) part.predicted = 0;
	const [alone] = parts.length === 1 ? parts : [];
	for (let unit = first; unit < first + count; unit += 1) {
		if (alone) {
			const block = Math.floor(unit / unitsAcross) * alone.component.stride + (unit % unitsAcross);
			if (!read(bits, alone, block, scan)) return false;
		} else {
			for (const part of parts) {
				const blocks = part.component.horizontal * part.component.vertical;
				for (let i = 0; i < blocks; i += 1)
					if (!read(bits, part, 0, scan) || bits.pos > bits.end) return false;
			}
		}
		if (bits.pos > bits.end) return false;
	}
	return bits.skip === 0 && bits.end - bits.pos < 8;
}

/** So many zeros are codes of flat blocks, if any: other codes would bring the same value again and again. */
const HOLE = Buffer.alloc(32);

function hasHole(scan: Scan, data: Uint8Array): boolean {
	if (!Buffer.from(data.buffer, data.byteOffset, data.length).includes(HOLE)) return false;
	const bringsValues = (table: HuffmanTable | undefined) =>
		table !== undefined && ((entryOf(table, 0) >>> 5) & 31) > 0;
	return scan.parts.some((part) => tablesIn(scan, part).some(bringsValues));
}

function tablesIn({ progressive, from, high }: Scan, { dc, ac }: Part): (HuffmanTable | undefined)[] {
	if (!progressive) return [dc, ac];
	if (from > 0) return [ac];
	return high === 0 ? [dc] : [];
}

function readerOf({ progressive, from, high }: Scan): BlockReader {
	if (!progressive) return sequential;
	if (from === 0) return high === 0 ? firstMean : laterMean;
	return high === 0 ? firstRest : laterRest;
}

function sequential(bits: Bits, part: Part, _block: number, scan: Scan): boolean {
	const { ac } = part;
	if (!ac || !firstMean(bits, part, 0, scan)) return false;
	const { data } = bits;
	let { pos } = bits;
	let k = 1;
	while (k < 64) {
		const window = windowAt(data, pos);
		const several = runOf(ac, window);
		const next = k + ((several >>> 5) & 127);
		if (next <= 64) {
			pos += several & 31;
			k = next;
			if (several >>> 12 === 1) break;
			continue;
		}
		const entry = entryOf(ac, window);
		if (entry === 0) return false;
		const size = (entry >>> 5) & 31;
		const run = entry >>> 14;
		pos += (entry & 31) + size;
		if (size > 0) k += run + 1;
		else if (run === 15) k += 16;
		else if (run === 0) break;
		else return false;
	}
	bits.pos = pos;
	return k <= 64;
}

function firstMean(bits: Bits, part: Part, _block: number, { low }: Scan): boolean {
	if (!part.dc) return false;
	const entry = entryOf(part.dc, windowAt(bits.data, bits.pos));
	const size = entry >>> 10;
	if (entry === 0 || size > 11) return false;
	bits.pos += entry & 31;
	if (size === 0) return true;
	const value = take(bits, size);
	part.predicted += value < 1 << (size - 1) ? value + 1 - (1 << size) : value;
	return Math.abs(part.predicted << low) * part.step <= MOST_MEAN + (part.step << low);
}

function laterMean(bits: Bits): boolean {
	bits.pos += 1;
	return true;
}

function firstRest(
	bits: Bits,
	{ component: { known }, ac }: Part,
	block: number,
	{ from, to }: Scan,
): boolean {
	if (bits.skip > 0) {
		bits.skip -= 1;
		return true;
	}
	if (!ac) return false;
	let k = from;
	while (k <= to) {
		const entry = entryOf(ac, windowAt(bits.data, bits.pos));
		if (entry === 0) return false;
		const size = (entry >>> 5) & 31;
		const run = entry >>> 14;
		bits.pos += (entry & 31) + size;
		if (size > 0) {
			k += run;
			if (k > to) return false;
			mark(known, block, k);
			k += 1;
		} else if (run === 15) k += 16;
		else {
			bits.skip = (1 << run) - 1 + take(bits, run);
			return true;
		}
	}
	return k === to + 1;
}

function laterRest(
	bits: Bits,
	{ component: { known }, ac }: Part,
	block: number,
	{ from, to }: Scan,
): boolean {
	if (!ac) return false;
	let k = from;
	while (bits.skip === 0 && k <= to) {
		const entry = entryOf(ac, windowAt(bits.data, bits.pos));
		const size = (entry >>> 5) & 31;
		let run = entry >>> 14;
		if (entry === 0 || size > 1) return false;
		bits.pos += (entry & 31) + size;
		if (size === 0 && run < 15) {
			bits.skip = (1 << run) + take(bits, run);
			break;
		}
		// A bit more for each coefficient that is known, until as many unknown ones are passed as the code says.
		for (; k <= to; k += 1) {
			if (isKnown(known, block, k)) bits.pos += 1;
			else if (run === 0) break;
			else run -= 1;
		}
		if (size === 1) {
			if (k > to) return false;
			mark(known, block, k);
		}
		k += 1;
	}
	if (bits.skip === 0) return true;
	for (; k <= to; k += 1) if (isKnown(known, block, k)) bits.pos += 1;
	bits.skip -= 1;
	return true;
}

function mark(known: Uint32Array, block: number, k: number): void {
	known[2 * block + (k >>> 5)]! |= 1 << (k & 31);
}

function isKnown(known: Uint32Array, block: number, k: number): boolean {
	return ((known[2 * block + (k >>> 5)]! >>> (k & 31)) & 1) === 1;
}

/** The next 16 bits. */
function windowAt(data: DataView, pos: number): number {
	return (data.getInt32(pos >>> 3) << (pos & 7)) >>> 16;
}

/** The next `count` bits (at most 16), which are passed. */
function take(bits: Bits, count: number): number {
	const value = windowAt(bits.data, bits.pos) >>> (16 - count);
	bits.pos += count;
	return value;
}
