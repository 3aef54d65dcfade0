import type { Mat } from 'opencv4nodejs';
import { pictureFile } from '../../vision/formats/picture-file.js';
import type { Camera } from '../../vision/frame.js';
import { lagClock, stampIn } from '../../vision/lag.js';
import { cv } from '../library.js';
import { type FrameReader, lateAfter, silent } from './capture.js';
import { MOST_BYTES } from './http.js';
import { freshFrames } from './live.js';
import type { CameraOptions } from './options.js';

/** MJPEG has no rate of its own: this is refined by what comes. */
const USUAL_MS = 40;

/** Cameras and proxies send what they buffered before they send what they see. */
const BACKLOG_MS = 2000;

/**
 * Pictures in the parts of one endless answer (multipart/x-mixed-replace), each decoded for itself: FFmpeg would press those of
 * another size into the first one's. `end` closes the connection.
 */
export function mjpegCamera(
	response: Response,
	name: string,
	{ timeoutMs, latencyMs, mostLagMs, lag: lagOf = lagClock() }: CameraOptions,
	end: () => void,
): Camera {
	const pace = { intervalMs: USUAL_MS, backlogMs: BACKLOG_MS, heldBack: 0, latencyMs, mostLagMs, lagOf };
	return freshFrames(partReader(response, name, timeoutMs, end), name, pace);
}

function partReader(response: Response, name: string, timeoutMs: number, end: () => void): FrameReader {
	const parts = partsOf(response);
	return {
		next: async () => {
			let unread = 'no frame came';
			const timer = new AbortController();
			const late = lateAfter(timeoutMs, timer.signal);
			try {
				for (;;) {
					const part = await Promise.race([parts.next(), late]).catch(() => undefined);
					if (part === 'late') {
						end();
						throw silent(name, `${unread} within ${timeoutMs} ms`);
					}
					if (!part || part.done) return undefined;
					const { head, bytes } = part.value;
					const mat = await decoded(bytes);
					if (mat) return { mat, format: 'JPEG', stamp: stampIn(head) };
					unread = 'no whole picture came';
				}
			} finally {
				timer.abort();
			}
		},
		close: async () => end(),
	};
}

/** Undefined where it is damaged. */
async function decoded(bytes: Buffer): Promise<Mat | undefined> {
	if (bytes.lastIndexOf(Buffer.of(0xff, 0xd9)) < bytes.length - 1024 || 'state' in pictureFile(bytes))
		return undefined;
	const mat = await cv.imdecodeAsync(bytes, cv.IMREAD_COLOR).catch(() => undefined);
	if (!mat?.empty) return mat;
	mat.release();
	return undefined;
}

const HEAD_END = Buffer.from('\r\n\r\n');

type MjpegPart = { readonly head: string; readonly bytes: Buffer };

/** The parts: as long as each says, or to the next boundary (RFC 2046). */
async function* partsOf(response: Response): AsyncGenerator<MjpegPart, undefined> {
	const type = response.headers.get('content-type') ?? '';
	const [, quoted, bare] = /boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
	// Some cameras count the dashes before a boundary to its name.
	const boundary = Buffer.from(`--${(quoted ?? bare ?? '').replace(/^--/, '')}`);
	let bytes = Buffer.alloc(0);
	for await (const chunk of response.body ?? []) {
		bytes = bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([bytes, chunk]);
		for (;;) {
			const headEnd = bytes.indexOf(HEAD_END);
			if (headEnd < 0) break;
			const begin = headEnd + HEAD_END.length;
			const head = bytes.toString('latin1', 0, headEnd);
			const told = /^content-length\s*:\s*(\d+)/im.exec(head)?.[1];
			const end = told === undefined ? bytes.indexOf(boundary, begin) : begin + Number(told);
			if (end < 0 || end > bytes.length) break;
			yield { head, bytes: bytes.subarray(begin, end) };
			bytes = bytes.subarray(end);
		}
		if (bytes.length > MOST_BYTES) return;
	}
}
