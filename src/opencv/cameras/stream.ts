import { availableParallelism } from 'node:os';
import { Failure } from '../../base/failure.js';
import { masked } from '../../base/secrets.js';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { codecOf, openCapture, unavailable } from './capture.js';
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
		if (thrown instanceof Failure && thrown.message.endsWith(UNTRUSTED)) return undefined;
		throw thrown;
	});
	// FFmpeg asks for no certificate.
	if (!response) return ffmpegStream(url, options);
	const type = (response.headers.get('content-type') ?? '').toLowerCase();
	if (type.startsWith('multipart/')) return mjpegCamera(response, camera.shown, options, end);
	end();
	if (type.startsWith('image/')) return snapshotCamera(url, options);
	if (/^(text\/html|application\/(xhtml|json|xml)|text\/xml)/.test(type)) {
		throw unavailable(
			camera.shown,
			`it answers with a page (${type.split(';')[0]}), not with pictures`,
			"Open it in a browser: it may want a login. The camera's manual names the address of its stream.",
		);
	}
	return ffmpegStream(url, options);
}

function ffmpegStream(url: string, options: CameraOptions): Camera {
	const shown = masked(url);
	const capture = openCapture(url, cv.CAP_FFMPEG, shown);
	// One more, because such streams come in jerks.
	const heldBack = SINGLE.test(codecOf(capture)) ? 0 : availableParallelism();
	return liveCamera(capture, shown, options, { backlogMs: BACKLOG_MS, heldBack });
}
