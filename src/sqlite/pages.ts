import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Value } from './row.js';

/** What our databases have, for a file whose first page does not tell any more. */
const PAGE_BYTES = 4096;

const TABLE_LEAF = 0x0d;

/** Of the write-ahead log. */
const WAL_HEADER = 32;
const FRAME_HEADER = 24;

/** A row that claims to be longer is none. */
const LONGEST_ROW = 64e6;

/**
 * Every row of every table that the pages of a database file still hold, also those that its trees do not lead to any more
 * (sqlite.org/fileformat2.html). From the end of the file to its beginning: what is new lies rather there. The first value is the row's id.
 */
export function* rowsInFile(path: string): Generator<Value[]> {
	yield* rowsAt(path, (size) => {
		const count = Math.ceil(size / PAGE_BYTES);
		return Array.from({ length: count }, (_, i) => (count - 1 - i) * PAGE_BYTES);
	});
}

/** The same for the pages in a write-ahead log, whatever its checksums say. */
export function* rowsInLog(path: string): Generator<Value[]> {
	const frame = FRAME_HEADER + PAGE_BYTES;
	yield* rowsAt(path, (size) => {
		const count = Math.max(0, Math.floor((size - WAL_HEADER) / frame));
		return Array.from({ length: count }, (_, i) => WAL_HEADER + (count - 1 - i) * frame + FRAME_HEADER);
	});
}

function* rowsAt(path: string, offsetsOf: (size: number) => readonly number[]): Generator<Value[]> {
	const file = openSync(path, 'r');
	try {
		const page = Buffer.alloc(PAGE_BYTES);
		const readPage = (offset: number, into: Buffer) => {
			into.fill(0);
			readSync(file, into, 0, PAGE_BYTES, offset);
		};
		const overflow = Buffer.alloc(PAGE_BYTES);
		const overflowAt = (number: number): Buffer => {
			readPage((number - 1) * PAGE_BYTES, overflow);
			return overflow;
		};
		for (const offset of offsetsOf(fstatSync(file).size)) {
			readPage(offset, page);
			yield* rowsInPage(page, offset === 0 ? 100 : 0, overflowAt);
		}
	} finally {
		closeSync(file);
	}
}

function* rowsInPage(page: Buffer, header: number, overflowAt: (page: number) => Buffer): Generator<Value[]> {
	if (page[header] !== TABLE_LEAF) return;
	const count = Math.min(page.readUInt16BE(header + 3), PAGE_BYTES / 4);
	for (let i = 0; i < count && header + 10 + 2 * i <= PAGE_BYTES; i += 1) {
		try {
			yield rowIn(page, page.readUInt16BE(header + 8 + 2 * i), overflowAt);
		} catch (thrown) {
			// A cell that leads out of its page is none.
			if (!(thrown instanceof RangeError)) throw thrown;
		}
	}
}

/** @throws RangeError for what is no row */
function rowIn(page: Buffer, at: number, overflowAt: (page: number) => Buffer): Value[] {
	const length = varint(page, at);
	const id = varint(page, length.end);
	const payload = payloadOf(page, id.end, length.value, overflowAt);
	const header = varint(payload, 0);
	const types: number[] = [];
	for (let next = header.end; next < header.value; ) {
		const type = varint(payload, next);
		types.push(type.value);
		next = type.end;
	}
	let next = header.value;
	const values = types.map((type) => {
		const { value, end } = valueAt(payload, next, type);
		next = end;
		return value;
	});
	return [id.value, ...values.slice(1)];
}

function payloadOf(page: Buffer, at: number, length: number, overflowAt: (page: number) => Buffer): Buffer {
	if (length > LONGEST_ROW) throw new RangeError();
	const most = PAGE_BYTES - 35;
	if (length <= most) return slice(page, at, length);
	const least = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
	const wanted = least + ((length - least) % (PAGE_BYTES - 4));
	const local = wanted <= most ? wanted : least;
	const pieces = [Buffer.from(slice(page, at, local))];
	let rest = length - local;
	for (let next = page.readUInt32BE(at + local); rest > 0; ) {
		if (next === 0) throw new RangeError();
		const overflow = overflowAt(next);
		const piece = Buffer.from(slice(overflow, 4, Math.min(rest, PAGE_BYTES - 4)));
		pieces.push(piece);
		rest -= piece.length;
		next = overflow.readUInt32BE(0);
	}
	return Buffer.concat(pieces);
}

function valueAt(bytes: Buffer, at: number, type: number): { readonly value: Value; readonly end: number } {
	const integers = [0, 1, 2, 3, 4, 6, 8];
	if (type === 0) return { value: null, end: at };
	if (type <= 6) {
		const size = integers[type]!;
		const value = size === 8 ? Number(bytes.readBigInt64BE(at)) : bytes.readIntBE(at, size);
		return { value, end: at + size };
	}
	if (type === 7) return { value: bytes.readDoubleBE(at), end: at + 8 };
	if (type === 8 || type === 9) return { value: type - 8, end: at };
	if (type < 12) throw new RangeError();
	const size = Math.floor((type - 12) / 2);
	const content = slice(bytes, at, size);
	return { value: type % 2 === 1 ? content.toString('utf8') : new Uint8Array(content), end: at + size };
}

function slice(bytes: Buffer, at: number, length: number): Buffer {
	if (at + length > bytes.length) throw new RangeError();
	return bytes.subarray(at, at + length);
}

/** One to nine bytes, seven bits each. */
function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
	let value = 0;
	for (let i = 0; i < 9; i += 1) {
		const byte = bytes.readUInt8(at + i);
		if (i === 8) return { value: value * 256 + byte, end: at + 9 };
		value = value * 128 + (byte & 0x7f);
		if (byte < 0x80) return { value, end: at + i + 1 };
	}
	throw new RangeError();
}
