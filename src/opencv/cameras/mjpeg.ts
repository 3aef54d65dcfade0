import type { Mat } from 'opencv4nodejs';
import { isJpeg, jpegEnd } from '../../vision/formats/jpeg.js';
import { pictureFile } from '../../vision/formats/picture-file.js';
import type { Camera } from '../../vision/frame.js';
import { lagClock, stampIn } from '../../vision/lag.js';
import { cv } from '../library.js';
import { type Came, type FrameReader, lateAfter, silent } from './capture.js';
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
	const newest = newestOf(partsOf(response));
	return {
		next: async () => {
			newest.unread = NOTHING;
			const timer = new AbortController();
			const late = lateAfter(timeoutMs, timer.signal);
			try {
				for (;;) {
					const picture = await Promise.race([newest.next(), late]);
					if (picture === 'late') {
						end();
						throw silent(name, `${newest.unread} within ${timeoutMs} ms`);
					}
					if (!picture) return undefined;
					const { part, ...came } = picture;
					const mat = await decoded(part.bytes);
					if (mat) return { mat, format: 'JPEG', stamp: stampIn(part.head), came };
					newest.unread = DAMAGED;
				}
			} finally {
				timer.abort();
			}
		},
		close: async () => end(),
	};
}

const NOTHING = 'no frame came';
const DAMAGED = 'no whole picture came';

/**
 * Takes parts as they come, also while one is decoded, and keeps the newest picture alone: a decoder slower than its camera would
 * have them grow old in the buffers between. `unread`: what came in place of a picture.
 */
function newestOf(parts: AsyncGenerator<MjpegPart, undefined>) {
	let held: (Came & { readonly part: MjpegPart }) | undefined;
	let isOver = false;
	let wake = () => {};
	const newest = {
		unread: NOTHING,
		/** One at a time; undefined when no more come. */
		next: async () => {
			if (!held && !isOver)
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			const picture = held;
			held = undefined;
			return picture;
		},
	};
	const take = async () => {
		let begunMs = performance.now();
		for await (const part of parts) {
			const doneMs = performance.now();
			if (part.whole) {
				held = { part, begunMs, doneMs, passed: held ? held.passed + 1 : 0 };
				begunMs = doneMs;
				wake();
				continue;
			}
			const type = /^content-type\s*:\s*([^\s;]+)/im.exec(part.head)?.[1] ?? 'image/jpeg';
			newest.unread = /^image\/p?jpe?g$/i.test(type) ? DAMAGED : `its parts are ${type}, and no JPEG came`;
		}
	};
	take()
		.catch(() => {})
		.finally(() => {
			isOver = true;
			wake();
		});
	return newest;
}

/** Undefined where it is damaged. */
async function decoded(bytes: Buffer): Promise<Mat | undefined> {
	if ('state' in pictureFile(bytes)) return undefined;
	const mat = await cv.imdecodeAsync(bytes, cv.IMREAD_COLOR).catch(() => undefined);
	if (!mat?.empty) return mat;
	mat.release();
	return undefined;
}

/** `whole`: a JPEG with its end. */
type MjpegPart = { readonly head: string; readonly bytes: Buffer; readonly whole: boolean };

/**
 * The parts (RFC 2046). A JPEG is over at its own end, whatever length it is said to have: who waits for the boundary gets it with the
 * next one, and takes it for younger than it is. The first boundary that comes is believed more than the one that is declared.
 */
async function* partsOf(response: Response): AsyncGenerator<MjpegPart, undefined> {
	const type = response.headers.get('content-type') ?? '';
	const [, quoted, bare] = /boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
	const declared = quoted ?? bare ?? '';
	let boundary: Buffer | undefined;
	let bytes = Buffer.alloc(0);
	let head: string | undefined;
	let looked = 0;
	for await (const chunk of response.body ?? []) {
		bytes = bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([bytes, chunk]);
		for (;;) {
			if (head === undefined) {
				const begin = boundary === undefined ? 0 : boundaryIn(bytes, boundary, 0);
				const found = begin === undefined ? undefined : headIn(bytes, begin);
				if (!found) break;
				boundary ??= boundaryOf(found.head, declared);
				bytes = bytes.subarray(found.end);
				// Whatever stands before the first boundary is no part.
				if (boundary === undefined) continue;
				head = found.head;
				looked = 0;
			}
			const end = boundary && endIn(bytes, boundary, looked);
			if (!end) {
				looked = bytes.length;
				break;
			}
			yield { head, bytes: bytes.subarray(0, end.at), whole: end.whole };
			bytes = bytes.subarray(end.at);
			head = undefined;
		}
		if (bytes.length > MOST_BYTES) return;
	}
}

/** The lines from `begin` on up to an empty one, whether lines end with CR LF or with LF alone; undefined until it is there. */
function headIn(bytes: Buffer, begin: number): { readonly head: string; readonly end: number } | undefined {
	let from = begin;
	while (bytes[from] === 13 || bytes[from] === 10) from += 1;
	const ends = ['\n\n', '\n\r\n'].map((empty) => ({ at: bytes.indexOf(empty, from), empty }));
	const [first] = ends.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
	return first && { head: bytes.toString('latin1', from, first.at), end: first.at + first.empty.length };
}

/** The boundary as it is sent: some cameras count its dashes to its name, some leave them out, some declare another or none. */
function boundaryOf(head: string, declared: string): Buffer | undefined {
	const lines = head.split('\n').map((line) => line.trim());
	const name = declared.replace(/^--/, '');
	const bare = (line: string) => line.replace(/^-+/, '') === name.replace(/^-+/, '');
	const line = (name === '' ? undefined : lines.find(bare)) ?? lines.find((one) => /^--./.test(one));
	return line === undefined ? undefined : Buffer.from(line, 'latin1');
}

/** A boundary ends its line, or has two dashes behind it: bytes of a picture may look like a short one. */
function boundaryIn(bytes: Buffer, boundary: Buffer, from: number): number | undefined {
	for (let at = bytes.indexOf(boundary, from); at >= 0; at = bytes.indexOf(boundary, at + 1)) {
		const behind = bytes.toString('latin1', at + boundary.length, at + boundary.length + 2);
		if (/^(?:--|[ \t]*[\r\n])/.test(behind)) return at;
	}
	return undefined;
}

/** Where a part ends of which `looked` bytes have been looked through; undefined until its end is there. */
function endIn(
	bytes: Buffer,
	boundary: Buffer,
	looked: number,
): { readonly at: number; readonly whole: boolean } | undefined {
	const next = boundaryIn(bytes, boundary, Math.max(0, looked - boundary.length - 2));
	const mayEnd = isJpeg(bytes) && bytes.includes(END, Math.max(0, looked - 1));
	const end = mayEnd ? jpegEnd(bytes) : undefined;
	if (end !== undefined && (next === undefined || end <= next)) return { at: end, whole: true };
	return next === undefined ? undefined : { at: next, whole: false };
}

/** The end marker of a JPEG; the one of a small picture within it looks the same. */
const END = Buffer.of(0xff, 0xd9);
