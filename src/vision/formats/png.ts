import type { Size } from '../image.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export function isPng(bytes: Uint8Array): boolean {
	return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

export type PngHead = {
	readonly size: Size;
	readonly bits: number;
	readonly frames: number;
	readonly exif: Uint8Array | undefined;
};

/** What its chunks say, or what is wrong with them: what follows its end chunk is no part of it. */
export function pngHead(bytes: Uint8Array): PngHead | string {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let head: { size: Size; bits: number } | undefined;
	let [frames, hasData] = [1, false];
	let exif: Uint8Array | undefined;
	let last = '';
	for (const { name, body, end } of chunksOf(bytes)) {
		last = name;
		if (!/^[A-Za-z]{4}$/.test(name)) return damaged('there is no chunk where one belongs');
		if (name === 'IHDR' && end - body >= 13) {
			head = {
				size: { width: view.getUint32(body), height: view.getUint32(body + 4) },
				bits: bytes[body + 8]!,
			};
		} else if (name === 'acTL' && end - body >= 8) frames = view.getUint32(body);
		else if (name === 'eXIf') exif = bytes.subarray(body, end);
		else if (name === 'IDAT') hasData = true;
	}
	if (last !== 'IEND') return 'the PNG is cut off';
	return head && hasData ? { ...head, frames, exif } : damaged('a part of it is missing');
}

/** Newer decoders read on past wrong check sums. */
export function pngDamage(bytes: Uint8Array): string | undefined {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	for (const { name, body, end } of chunksOf(bytes)) {
		if (checksum(bytes, body - 4, end) !== view.getUint32(end))
			return damaged(`the check sum of its chunk "${name}" is wrong`);
	}
	return undefined;
}

/** Up to its end, or as far as whole ones go. */
function* chunksOf(
	bytes: Uint8Array,
): Generator<{ readonly name: string; readonly body: number; readonly end: number }> {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let name = '';
	for (let at = 8; at + 12 <= bytes.length && name !== 'IEND'; ) {
		name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
		const body = at + 8;
		const end = body + view.getUint32(at);
		if (end + 4 > bytes.length) return;
		yield { name, body, end };
		at = end + 4;
	}
}

/** CRC-32 of the chunk's name and content (PNG, annex D), four bytes at a time. */
function checksum(bytes: Uint8Array, from: number, to: number): number {
	let crc = 0xffffffff;
	let i = from;
	for (; i + 4 <= to; i += 4) {
		crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
		crc =
			CRC_OF[0x300 | (crc & 255)]! ^
			CRC_OF[0x200 | ((crc >>> 8) & 255)]! ^
			CRC_OF[0x100 | ((crc >>> 16) & 255)]! ^
			CRC_OF[crc >>> 24]!;
	}
	for (; i < to; i += 1) crc = CRC_OF[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
	return ~crc >>> 0;
}

/** Of each byte, and of each with one, two and three zeros behind it. */
const CRC_OF = crcTable();

function crcTable(): Uint32Array {
	const table = new Uint32Array(4 * 256);
	for (let i = 0; i < table.length; i += 1) {
		let crc = i < 256 ? i : table[i - 256]!;
		for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
		table[i] = crc;
	}
	return table;
}

function damaged(how: string): string {
	return `the PNG is damaged: ${how}`;
}
