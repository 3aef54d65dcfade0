import { availableParallelism } from 'node:os';
import type { VideoCapture } from 'opencv4nodejs';
import { Failure } from '../../base/failure.js';
import { masked } from '../../base/secrets.js';
import { isJpeg } from '../../vision/formats/jpeg.js';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { codecOf, lateAfter, openCapture, unavailable } from './capture.js';
import { httpCamera, UNTRUSTED } from './http.js';
import { liveCamera } from './live.js';
import { mjpegCamera } from './mjpeg.js';
import type { CameraOptions } from './options.js';
import { rtspFault, rtspUnreached } from './rtsp.js';
import { snapshotCamera } from './snapshot.js';

/** A network camera sends what it buffered before it sends what it sees. */
const BACKLOG_MS = 2000;

/** Codecs of single pictures, which FFmpeg decodes one by one; of others it holds back as many as there are processors, less one. */
const SINGLE = /^(MJPG|mjpg|jpeg|JPEG)$/;

/** A camera that is reached over RTSP or HTTP. @throws Failure camera-unavailable, with the reason that the camera gives */
export async function streamCamera(url: string, options: CameraOptions): Promise<Camera> {
	if (/^https?:/i.test(url)) return httpStream(url, options);
	// FFmpeg would block this thread for as long as nobody answers.
	const unreached = await rtspUnreached(url);
	if (unreached) throw unreached;
	try {
		return ffmpegStream(url, options);
	} catch (thrown) {
		throw (await rtspFault(url)) ?? thrown;
	}
}

/** What an address over HTTP is, its answer tells. */
async function httpStream(url: string, options: CameraOptions): Promise<Camera> {
	const camera = httpCamera(url);
	const connection = new AbortController();
	const end = () => connection.abort();
	const response = await camera.get(connection.signal, options.timeoutMs).catch((thrown) => {
		if (thrown instanceof Failure && thrown.message.endsWith(UNTRUSTED)) return thrown;
		throw thrown;
	});
	// FFmpeg asks for no certificate.
	if (response instanceof Failure) return ffmpegStream(url, options, response);
	const type = (response.headers.get('content-type') ?? '').toLowerCase();
	if (type.startsWith('multipart/')) return mjpegCamera(response, camera.shown, options, end);
	const begin = UNTOLD.test(type) ? await beginOf(response, options.timeoutMs) : undefined;
	end();
	if (begin && isBoundary(begin)) {
		const again = new AbortController();
		const parts = await camera.get(again.signal, options.timeoutMs);
		return mjpegCamera(parts, camera.shown, options, () => again.abort());
	}
	if (type.startsWith('image/') || (begin && isJpeg(begin) && !type.startsWith('text/')))
		return snapshotCamera(url, options);
	if (/^(text\/html|application\/(xhtml|json|xml)|text\/xml)/.test(type)) {
		throw unavailable(
			camera.shown,
			`it answers with a page (${type.split(';')[0]}), not with pictures`,
			"Open it in a browser: it may want a login. The camera's manual names the address of its stream.",
		);
	}
	const sent = type === '' ? 'something without a type' : type.split(';')[0];
	return ffmpegStream(
		url,
		options,
		unavailable(
			camera.shown,
			`it sends ${sent}, which could not be opened as a stream`,
			"The camera's manual names the address of its stream.",
		),
	);
}

/** Types of which a camera may mean anything. */
const UNTOLD = /^(application\/octet-stream|binary\/|text\/plain|$)/;

/** The first bytes that come; undefined where none do in time. */
async function beginOf({ body }: Response, timeoutMs: number): Promise<Uint8Array | undefined> {
	const timer = new AbortController();
	const late = lateAfter(timeoutMs, timer.signal);
	const first = await Promise.race([body?.getReader().read(), late]).catch(() => undefined);
	timer.abort();
	return first === 'late' ? undefined : first?.value;
}

function isBoundary(begin: Uint8Array): boolean {
	return /^\s*--\S/.test(Buffer.from(begin.subarray(0, 16)).toString('latin1'));
}

/** `failure`: what is wrong where it does not open. */
function ffmpegStream(url: string, options: CameraOptions, failure?: Failure): Camera {
	const shown = masked(url);
	const capture = captureOf(url, shown, failure);
	// One more, because such streams come in jerks.
	const heldBack = SINGLE.test(codecOf(capture)) ? 0 : availableParallelism();
	return liveCamera(capture, shown, options, { backlogMs: BACKLOG_MS, heldBack });
}

function captureOf(url: string, shown: string, failure: Failure | undefined): VideoCapture {
	try {
		return openCapture(url, cv.CAP_FFMPEG, shown);
	} catch (thrown) {
		throw failure ?? thrown;
	}
}
