import { closeSync, openSync, readSync } from 'node:fs';

/** What a shared library says of itself (ELF-64, little-endian; System V gABI and the symbol versions of LSB 5.0, 10.7). */
export type Elf = {
	/** Of `e_machine`: 62 is x86-64, 183 is AArch64. */
	readonly machine: number;
	/** Libraries that it is loaded with. */
	readonly needed: readonly string[];
	/** Where these are looked for beside the usual places; `$ORIGIN` is its own folder. */
	readonly runpath: readonly string[];
	/** Versions of symbols that it defines, and those that it needs, by library. */
	readonly defines: readonly string[];
	readonly needs: Readonly<Record<string, readonly string[]>>;
	/** Names of symbols that it defines. */
	readonly symbols: ReadonlySet<string>;
	/** What most of it was compiled with; undefined where it does not tell. */
	readonly compiler: string | undefined;
	/** Its constants, texts among them. */
	readonly constants: Buffer;
};

const KIND = { empty: 8, dynamic: 6, dynsym: 11, definitions: 0x6ffffffd, needs: 0x6ffffffe } as const;
const TAG = { needed: 1, rpath: 15, runpath: 29 } as const;

/** A section that is larger is none of those that are read. */
const MOST_BYTES = 256e6;

type Section = {
	readonly name: number;
	readonly kind: number;
	readonly offset: number;
	readonly size: number;
	readonly link: number;
};

/** Reads what matters of a file, however large. @throws Error in words when it is no library, or cut off */
export function readElf(path: string): Elf {
	const file = openSync(path, 'r');
	try {
		return elfFrom((offset, size) => {
			if (!(size <= MOST_BYTES)) throw new RangeError();
			const bytes = Buffer.alloc(size);
			if (readSync(file, bytes, 0, size, offset) !== size) throw new RangeError();
			return bytes;
		});
	} catch (thrown) {
		if (thrown instanceof RangeError) throw new Error('it is no shared library, or cut off');
		throw thrown;
	} finally {
		closeSync(file);
	}
}

/** @throws RangeError when it is no library, or cut off */
function elfFrom(read: (offset: number, size: number) => Buffer): Elf {
	const header = read(0, 64);
	const is64 = header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
	if (!is64) throw new RangeError();
	const [at, size, count] = [
		Number(header.readBigUInt64LE(40)),
		header.readUInt16LE(58),
		header.readUInt16LE(60),
	];
	if (size < 64) throw new RangeError();
	const table = read(at, size * count);
	const sections = Array.from({ length: count }, (_, i): Section => {
		const entry = table.subarray(size * i);
		return {
			name: entry.readUInt32LE(0),
			kind: entry.readUInt32LE(4),
			offset: Number(entry.readBigUInt64LE(24)),
			size: Number(entry.readBigUInt64LE(32)),
			link: entry.readUInt32LE(40),
		};
	});
	const bytesOf = (section: Section | undefined) =>
		section ? read(section.offset, section.size) : Buffer.alloc(0);
	const names = bytesOf(sections[header.readUInt16LE(62)]);
	const named = (name: string) => sections.find((section) => textAt(names, section.name) === name);
	/** A section of this kind, and the texts that it names. */
	const ofKind = (kind: number) => {
		const section = sections.find((one) => one.kind === kind);
		return { bytes: bytesOf(section), texts: bytesOf(section && sections[section.link]) };
	};
	const { needed, runpath } = dynamicOf(ofKind(KIND.dynamic));
	const comment = textAt(bytesOf(named('.comment')), 0);
	// What was written in full can be read back: the file is whole as far as its own table goes.
	for (const { offset, size: length, kind } of sections)
		if (kind !== KIND.empty && length > 0) read(offset + length - 1, 1);
	return {
		machine: header.readUInt16LE(18),
		needed,
		runpath,
		defines: definitionsOf(ofKind(KIND.definitions)),
		needs: needsOf(ofKind(KIND.needs)),
		symbols: symbolsOf(ofKind(KIND.dynsym)),
		compiler: comment === '' ? undefined : comment,
		constants: bytesOf(named('.rodata')),
	};
}

type Table = { readonly bytes: Buffer; readonly texts: Buffer };

function textAt(bytes: Buffer, at: number): string {
	if (at >= bytes.length) return '';
	const end = bytes.indexOf(0, at);
	return bytes.toString('latin1', at, end < 0 ? bytes.length : end);
}

function dynamicOf({ bytes, texts }: Table): Pick<Elf, 'needed' | 'runpath'> {
	const entries = Array.from({ length: Math.floor(bytes.length / 16) }, (_, i) => ({
		tag: Number(bytes.readBigInt64LE(16 * i)),
		text: textAt(texts, Number(bytes.readBigUInt64LE(16 * i + 8))),
	}));
	const textsOf = (...tags: number[]) =>
		entries.flatMap(({ tag, text }) => (tags.includes(tag) ? [text] : []));
	return {
		needed: textsOf(TAG.needed),
		runpath: textsOf(TAG.rpath, TAG.runpath).flatMap((text) => text.split(':')),
	};
}

/** Without the first, which is the library itself. */
function definitionsOf({ bytes, texts }: Table): string[] {
	return chain(bytes, 16).flatMap((at) => {
		const isBase = (bytes.readUInt16LE(at + 2) & 1) === 1;
		const aux = at + bytes.readUInt32LE(at + 12);
		return isBase ? [] : [textAt(texts, bytes.readUInt32LE(aux))];
	});
}

function needsOf({ bytes, texts }: Table): Record<string, readonly string[]> {
	return Object.fromEntries(
		chain(bytes, 12).map((at) => {
			const first = at + bytes.readUInt32LE(at + 8);
			const versions = chain(bytes, 12, first).map((aux) => textAt(texts, bytes.readUInt32LE(aux + 8)));
			return [textAt(texts, bytes.readUInt32LE(at + 4)), versions];
		}),
	);
}

/** Entries that each say at `next` how far away the one behind is, 0 for none. */
function chain(bytes: Buffer, next: number, first = 0): number[] {
	const places: number[] = [];
	for (let at = first, step = bytes.length; step > 0 && at < bytes.length; at += step) {
		places.push(at);
		step = bytes.readUInt32LE(at + next);
	}
	return places;
}

function symbolsOf({ bytes, texts }: Table): Set<string> {
	const names = Array.from({ length: Math.floor(bytes.length / 24) }, (_, i) => {
		const isDefined = bytes.readUInt16LE(24 * i + 6) !== 0;
		return isDefined ? textAt(texts, bytes.readUInt32LE(24 * i)) : '';
	});
	return new Set(names.filter((name) => name !== ''));
}
