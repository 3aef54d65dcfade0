/** The first bits of a code find it at once; longer codes are rare. */
const QUICK_BITS = 9;

/**
 * A Huffman table that says at once how far a code leads. An entry is `bits | extra << 5 | symbol << 10`: the length of the code, of the
 * value that follows it, and what it means. 0: no code begins like this.
 */
export type HuffmanTable = {
	readonly quick: Uint32Array;
	/** By the length of the code: codes below the bound (left-aligned to 16 bits) are of that length. */
	readonly bounds: Int32Array;
	readonly offsets: Int32Array;
	readonly entries: Uint32Array;
	/** `runOf` each window that was met; 0 for the others. */
	readonly runs: Uint16Array;
};

/** A window of so many bits holds two or three codes of a usual picture with their values. */
const RUN_BITS = 12;

/** The tables of the last files: a camera writes the same ones into each, and what was looked up in them stands. */
const recent = new Map<string, HuffmanTable>();
const MOST_RECENT = 16;

/** @returns undefined when the lengths are no prefix code (ITU T.81, annex C) */
export function huffmanTable(lengths: Uint8Array, symbols: Uint8Array): HuffmanTable | undefined {
	const key = `${latin1(lengths)}${latin1(symbols)}`;
	const table = recent.get(key) ?? newTable(lengths, symbols);
	if (!table) return undefined;
	recent.delete(key);
	recent.set(key, table);
	for (const oldest of recent.keys()) {
		if (recent.size <= MOST_RECENT) break;
		recent.delete(oldest);
	}
	return table;
}

function latin1(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function newTable(lengths: Uint8Array, symbols: Uint8Array): HuffmanTable | undefined {
	const quick = new Uint32Array(1 << QUICK_BITS);
	const bounds = new Int32Array(17);
	const offsets = new Int32Array(17);
	const entries = new Uint32Array(symbols.length);
	let code = 0;
	let index = 0;
	for (let bits = 1; bits <= 16; bits += 1) {
		offsets[bits] = index - code;
		for (let i = 0; i < lengths[bits - 1]!; i += 1) {
			const symbol = symbols[index]!;
			entries[index] = bits | ((symbol & 15) << 5) | (symbol << 10);
			if (bits <= QUICK_BITS) {
				const first = code << (QUICK_BITS - bits);
				quick.fill(entries[index]!, first, first + (1 << (QUICK_BITS - bits)));
			}
			index += 1;
			code += 1;
		}
		if (code > 1 << bits) return undefined;
		bounds[bits] = code << (16 - bits);
		code <<= 1;
	}
	return { quick, bounds, offsets, entries, runs: new Uint16Array(1 << RUN_BITS) };
}

/** The entry of the code that the 16 bits of `window` begin with, 0 where there is none. */
export function entryOf({ quick, bounds, offsets, entries }: HuffmanTable, window: number): number {
	const found = quick[window >>> (16 - QUICK_BITS)]!;
	if (found !== 0) return found;
	for (let bits = QUICK_BITS + 1; bits <= 16; bits += 1) {
		if (window < bounds[bits]!) return entries[(window >>> (16 - bits)) + offsets[bits]!] ?? 0;
	}
	return 0;
}

/**
 * The codes of coefficients, with their values, that the 16 bits of `window` begin with: `bits | count << 5 | ends << 12`, how far they lead, how many
 * coefficients they bring (the end of a block counts as one), and whether the block ends there. Where the first makes no sense or is long, more coefficients than any block has.
 */
export function runOf(table: HuffmanTable, window: number): number {
	const begin = window >>> (16 - RUN_BITS);
	const known = table.runs[begin]!;
	if (known !== 0) return known;
	table.runs[begin] = lookAhead(table, begin);
	return table.runs[begin]!;
}

/** More than a block has. */
const NO_RUN = 127 << 5;
const BLOCK = 64;

function lookAhead(table: HuffmanTable, window: number): number {
	let [bits, count, ends] = [0, 0, 0];
	while (bits < RUN_BITS && ends === 0) {
		const entry = entryOf(table, (window << (16 - RUN_BITS + bits)) & 0xffff);
		const size = (entry >>> 5) & 31;
		const run = entry >>> 14;
		const isKnown = entry !== 0 && bits + (entry & 31) <= RUN_BITS;
		if (!isKnown || (size === 0 && run > 0 && run < 15) || count + run + 1 > BLOCK) break;
		bits += (entry & 31) + size;
		count += run + 1;
		if (size === 0 && run === 0) ends = 1;
	}
	return count === 0 ? NO_RUN : bits | (count << 5) | (ends << 12);
}

/** The tables of the standard (annex K.3), which streams of motion JPEG leave out: DC and AC for brightness, then for colour. */
export function standardTables(): readonly [
	dc: HuffmanTable,
	ac: HuffmanTable,
	dc: HuffmanTable,
	ac: HuffmanTable,
] {
	const table = (lengths: string, symbols: string) =>
		huffmanTable(Buffer.from(lengths, 'hex'), Buffer.from(symbols, 'hex'))!;
	const twelve = '000102030405060708090a0b';
	return [
		table('00010501010101010100000000000000', twelve),
		table(
			'0002010303020403050504040000017d',
			'01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
		),
		table('00030101010101010101010000000000', twelve),
		table(
			'00020102040403040705040400010277',
			'000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
		),
	];
}
