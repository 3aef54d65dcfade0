/** Reads a TIFF structure, which EXIF data is too: numbers in the order of bytes that its head names. */
export type IfdReader = {
	/** Classic offsets have 4 bytes, those of BigTIFF 8. */
	readonly big: boolean;
	/** Where the first directory lies. */
	readonly first: number;
	/** The fields of a directory by their tag, and where the next one lies (0: nowhere); undefined when it does not end within the data. */
	directory(at: number): { readonly fields: ReadonlyMap<number, Field>; readonly next: number } | undefined;
};

/** The numbers of a field (of a text its codes). */
export type Field = readonly number[];

/** Bytes of a number by its type (TIFF 6.0, section 2; BigTIFF), 0 for what we do not read as numbers. */
const WIDTHS = [0, 1, 1, 2, 4, 0, 1, 1, 2, 4, 0, 0, 0, 4, 0, 0, 8, 8, 8];
const MOST_NUMBERS = 1 << 22;

/** Undefined when it does not begin like one. */
export function ifdReader(bytes: Uint8Array): IfdReader | undefined {
	if (bytes.length < 8) return undefined;
	const little = bytes[0] === 0x49 && bytes[1] === 0x49;
	if (!little && !(bytes[0] === 0x4d && bytes[1] === 0x4d)) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const magic = view.getUint16(2, little);
	const big = magic === 43;
	if ((!big && magic !== 42) || (big && bytes.length < 16)) return undefined;
	const number = (at: number, width: number): number => {
		if (width === 1) return bytes[at]!;
		if (width === 2) return view.getUint16(at, little);
		return width === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
	};
	const wide = big ? 8 : 4;
	return {
		big,
		first: number(big ? 8 : 4, wide),
		directory: (at) => {
			const head = big ? 8 : 2;
			const row = big ? 20 : 12;
			if (at < 8 || at + head > bytes.length) return undefined;
			const count = number(at, head);
			const end = at + head + count * row;
			if (end + wide > bytes.length) return undefined;
			const fields = new Map<number, Field>();
			for (let entry = at + head; entry < end; entry += row) {
				const width = WIDTHS[number(entry + 2, 2)] ?? 0;
				const length = number(entry + 4, wide);
				const inside = width * length <= wide;
				const from = inside ? entry + 4 + wide : number(entry + 4 + wide, wide);
				if (width === 0 || length > MOST_NUMBERS) continue;
				if (from + width * length > bytes.length) return undefined;
				fields.set(
					number(entry, 2),
					Array.from({ length }, (_, i) => number(from + i * width, width)),
				);
			}
			return { fields, next: number(end, wide) };
		},
	};
}

const ORIENTATION = 0x0112;

/** How a picture is to be turned, 1 to 8 (EXIF 2.3): 1 where the data does not say. `Exif` may stand before it. */
export function exifOrientation(exif: Uint8Array | undefined): number {
	if (!exif) return 1;
	const reader = ifdReader(exif[0] === 0x45 ? exif.subarray(6) : exif);
	const [orientation = 1] = reader?.directory(reader.first)?.fields.get(ORIENTATION) ?? [];
	return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
