import type { Size } from '../image.js';

export function isBmp(bytes: Uint8Array): boolean {
	return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

const HEADS = [12, 40, 52, 56, 64, 108, 124];
const [PLAIN, BIT_FIELDS] = [0, 3];
/** What other compressions are called. */
const OTHER = ['', 'run-length coding', 'run-length coding', '', 'JPEG inside', 'PNG inside'];

export type BmpHead = { readonly size: Size; readonly unread: string | undefined };

/** What its head says, or what is wrong with it. The size of the file that it tells is often wrong, so that we measure. */
export function bmpHead(bytes: Uint8Array): BmpHead | string {
	if (bytes.length < 26) return 'the BMP is cut off';
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const head = view.getUint32(14, true);
	if (!HEADS.includes(head)) return 'it is not an image, or damaged: it begins like a BMP';
	if (bytes.length < 14 + head) return 'the BMP is cut off';
	const old = head === 12;
	const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
	const height = Math.abs(old ? view.getInt16(20, true) : view.getInt32(22, true));
	const bits = view.getUint16(old ? 24 : 28, true);
	const compression = old ? PLAIN : view.getUint32(30, true);
	if (width <= 0 || height === 0) return 'the BMP is damaged: it has no size';
	const size = { width, height };
	if (compression !== PLAIN && compression !== BIT_FIELDS) {
		return { size, unread: `a BMP with ${OTHER[compression] || 'unknown compression'}` };
	}
	const stride = 4 * Math.ceil((width * bits) / 32);
	if (view.getUint32(10, true) + stride * height > bytes.length) return 'the BMP is cut off';
	return { size, unread: undefined };
}
