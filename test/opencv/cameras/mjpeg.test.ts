import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mjpegCamera } from '../../../src/opencv/cameras/mjpeg.js';
import { encodeJpeg, encodePng } from '../../../src/opencv/picture.js';
import type { Image } from '../../../src/vision/image.js';
import { failureOf } from '../../failure-of.js';

const parts = suite('the parts of MJPEG over HTTP');

const grey = (tone: number): Image => ({
	width: 48,
	height: 32,
	channels: 3,
	data: new Uint8Array(48 * 32 * 3).fill(tone),
});
const jpegOf = (tone: number) => Buffer.from(encodeJpeg(grey(tone), 90));

/** A camera that sends what it is told, in pieces as a network cuts them. */
function cameraOf(type: string, timeoutMs = 20_000) {
	let send = (_: Buffer): void => {};
	const body = new ReadableStream<Uint8Array>({
		start: (controller) => {
			send = (bytes) => {
				for (let at = 0; at < bytes.length; at += 97) controller.enqueue(bytes.subarray(at, at + 97));
			};
		},
	});
	const response = new Response(body, { headers: { 'content-type': type } });
	const options = { timeoutMs, latencyMs: 0, mostLagMs: 0, loop: false, listImages: async () => [] };
	return {
		camera: mjpegCamera(response, 'a camera', options, () => {}),
		send: (bytes: Buffer) => send(bytes),
	};
}

type Kind = {
	readonly declared?: string;
	readonly boundary?: string;
	readonly newline?: string;
	/** The head's line of the length, of so many bytes. */
	readonly length?: (bytes: number) => string;
	readonly heads?: string;
	readonly tail?: string;
	readonly before?: Buffer;
	readonly preamble?: string;
};

const told = (bytes: number) => `Content-Length: ${bytes}`;

function partOf(
	jpeg: Buffer,
	{ boundary = '--frame', newline = '\r\n', length, heads, tail, before }: Kind,
): Buffer {
	const lines = [boundary, 'Content-Type: image/jpeg', ...(length ? [length(jpeg.length)] : [])];
	const head = [...lines, ...(heads ? [heads] : []), '', ''].join(newline);
	return Buffer.concat([before ?? Buffer.alloc(0), Buffer.from(head), jpeg, Buffer.from(tail ?? newline)]);
}

const half = jpegOf(10).subarray(0, 300);

const KINDS: Readonly<Record<string, Kind>> = {
	'with a length': { length: told },
	'without a length': {},
	'of which no boundary is declared': { declared: '' },
	'of which no boundary is declared, with a length': { declared: '', length: told },
	'whose boundary is declared in quotes': { declared: '; boundary="my frame"', boundary: '--my frame' },
	'whose boundary is declared with its dashes': { declared: ';boundary=--frame' },
	'whose boundary has four dashes': { declared: ';boundary=--frame', boundary: '----frame' },
	'whose boundary is sent without dashes': { boundary: 'frame' },
	'whose boundary is another than is declared': { boundary: '--other' },
	'whose boundary is one letter': { declared: ';boundary=x', boundary: '--x' },
	'whose length is in small letters': { length: (bytes) => `content-length:${bytes}` },
	'whose length is too small': { length: (bytes) => told(bytes - 100) },
	'whose length is too large': { length: (bytes) => told(bytes + 100) },
	'whose length is far too large': { length: (bytes) => told(bytes + 1e9) },
	'whose length is nothing': { length: () => told(0) },
	'whose lines end with LF alone': { newline: '\n', length: told },
	'whose lines end with LF alone, without a length': { newline: '\n' },
	'with other lines in their heads': { heads: 'X-A: b\r\nX-Content-Length: 5', length: told },
	'without a line before their boundary': { tail: '' },
	'with zeros behind them': { tail: `${'\0'.repeat(40)}\r\n` },
	'with empty lines behind them': { tail: '\r\n\r\n\r\n' },
	'with words before the first': { preamble: 'This is a stream.\r\n\r\n' },
	'beside parts of text': { before: Buffer.from('--frame\r\nContent-Type: text/plain\r\n\r\nhello\r\n') },
	'beside half a picture': {
		before: Buffer.concat([
			Buffer.from('--frame\r\nContent-Type: image/jpeg\r\n\r\n'),
			half,
			Buffer.from('\r\n'),
		]),
	},
	'beside half a picture whose length says so': {
		before: Buffer.concat([
			Buffer.from(`--frame\r\n${told(half.length)}\r\n\r\n`),
			half,
			Buffer.from('\r\n'),
		]),
	},
};

for (const [what, kind] of Object.entries(KINDS)) {
	parts(`${what} are each given when they are here, not when the next one is`, async () => {
		const { camera, send } = cameraOf(`multipart/x-mixed-replace${kind.declared ?? ';boundary=frame'}`);
		if (kind.preamble) send(Buffer.from(kind.preamble));
		for (const tone of [40, 90, 140, 190]) {
			const reading = camera.read({ after: Number.NEGATIVE_INFINITY, signal: AbortSignal.timeout(10_000) });
			await sleep(60);
			send(partOf(jpegOf(tone), kind));
			const frame = await reading;
			const seen = frame!.crop({ x: 9, y: 9, width: 1, height: 1 }, 1).data[0]!;
			frame!.release();
			assert.ok(Math.abs(seen - tone) <= 3, `${seen} in place of ${tone}`);
		}
		await camera.close();
	});
}

const png = Buffer.from(encodePng(grey(80)));

const NONE: readonly (readonly [what: string, type: string, body: Buffer, state: RegExp])[] = [
	['text', 'text/plain', Buffer.from('hello'), /its parts are text\/plain, and no JPEG came within 400 ms/],
	['PNG', 'image/png', png, /its parts are image\/png, and no JPEG came/],
	['half a JPEG', 'image/jpeg', half, /no whole picture came/],
	['nothing', 'image/jpeg', Buffer.alloc(0), /no whole picture came/],
];

for (const [what, type, body, state] of NONE) {
	parts(`that hold ${what} are told to be so`, async () => {
		const { camera, send } = cameraOf('multipart/x-mixed-replace;boundary=frame', 400);
		const timer = setInterval(
			() =>
				send(
					Buffer.concat([Buffer.from(`--frame\r\nContent-Type: ${type}\r\n\r\n`), body, Buffer.from('\r\n')]),
				),
			30,
		);
		const failure = await failureOf(camera.read({ after: 0, signal: AbortSignal.timeout(10_000) }));
		clearInterval(timer);
		assert.is(failure.code, 'camera-silent');
		assert.match(failure.message, state);
		await camera.close();
	});
}

parts.run();
