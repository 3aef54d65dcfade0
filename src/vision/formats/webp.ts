import type { Size } from '../image.js';

export function isWebp(bytes: Uint8Array): boolean {
	return textAt(bytes, 0) === 'RIFF' && textAt(bytes, 8) === 'WEBP';
}

export type WebpHead = {
	readonly size: Size;
	/** The data of a lossless one. */
	readonly lossless: Uint8Array | undefined;
	readonly animated: boolean;
	readonly exif: Uint8Array | undefined;
};

const CUT_OFF = 'the WebP is cut off';
const DAMAGED = 'the WebP is damaged: its chunks make no sense';

/** What its chunks say, or what is wrong with them. */
export function webpHead(bytes: Uint8Array): WebpHead | string {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	if (bytes.length < 20) return CUT_OFF;
	const end = 8 + view.getUint32(4, true);
	if (end > bytes.length) return CUT_OFF;
	let [size, animated]: [Size | undefined, boolean] = [undefined, false];
	let [exif, lossless]: (Uint8Array | undefined)[] = [];
	for (let at = 12; at + 8 <= end; ) {
		const name = textAt(bytes, at);
		const length = view.getUint32(at + 4, true);
		const body = at + 8;
		if (body + length > end) return DAMAGED;
		if (name === 'VP8X' && length >= 10) animated = (bytes[body]! & 2) !== 0;
		else if (name === 'VP8 ' && length >= 10) {
			size = {
				width: view.getUint16(body + 6, true) & 0x3fff,
				height: view.getUint16(body + 8, true) & 0x3fff,
			};
		} else if (name === 'VP8L' && length >= 5) {
			lossless = bytes.subarray(body, body + length);
			const sides = view.getUint32(body + 1, true);
			size = { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1 };
		} else if (name === 'EXIF') exif = bytes.subarray(body, body + length);
		else if (name === 'ANMF') animated = true;
		at = body + length + (length & 1);
	}
	if (!size && !animated) return DAMAGED;
	return { size: size ?? { width: 0, height: 0 }, lossless, animated, exif };
}

/** Lossless pictures have no such runs of zeros (those of flat ones are shorter); lossy ones may. */
const HOLE = Buffer.alloc(64);

/** Its decoder goes on past what makes no sense, and it has no check sum: a hole of zeros in a lossless one is all that shows. */
export function webpDamage({ lossless }: WebpHead): string | undefined {
	if (!lossless) return undefined;
	const hole = Buffer.from(lossless.buffer, lossless.byteOffset, lossless.length).includes(HOLE);
	return hole ? 'the WebP is damaged: it has a hole of zeros' : undefined;
}

function textAt(bytes: Uint8Array, at: number): string {
	return String.fromCharCode(...bytes.subarray(at, at + 4));
}
