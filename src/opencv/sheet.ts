import type { Mat } from 'opencv4nodejs';
import type { Sheet } from '../vision/sheet.js';
import { cv } from './library.js';
import { matOf } from './picture.js';

/** Capitals of OpenCV's Hershey letters at scale 1, in pixels. */
const CAPITALS = 21;

const INK = 40;

/** A sheet with its words drawn, as PNG; of letters that OpenCV's font lacks a question mark is drawn. */
export function encodeSheet({ image, letterings }: Sheet): Uint8Array {
	const mat: Mat = matOf(image);
	try {
		const ink = new cv.Vec3(INK, INK, INK);
		for (const { text, x, y, height } of letterings) {
			const plain = text
				.replaceAll('–', '-')
				.replaceAll('…', '~')
				.replace(/[^\x20-\x7e]/gu, '?');
			mat.putText(plain, new cv.Point2(x, y), cv.FONT_HERSHEY_SIMPLEX, height / CAPITALS, ink, 1, cv.LINE_AA);
		}
		return cv.imencode('.png', mat, []);
	} finally {
		mat.release();
	}
}
