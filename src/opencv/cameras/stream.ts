import { availableParallelism } from 'node:os';
import type { VideoCapture } from 'opencv4nodejs';
import { masked } from '../../base/secrets.js';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { openCapture } from './capture.js';
import { liveCamera } from './live.js';
import type { CameraOptions } from './options.js';

/** A network camera sends what it buffered before it sends what it sees. */
const BACKLOG_MS = 2000;

/** Codecs of single pictures, which FFmpeg decodes one by one; of others it holds back as many as there are processors, less one. */
const SINGLE = /^(MJPG|mjpg|jpeg|JPEG)$/;

/** A camera that streams over RTSP or HTTP. @throws Failure camera-unavailable */
export function streamCamera(url: string, options: CameraOptions): Camera {
	const shown = masked(url);
	const capture = openCapture(url, cv.CAP_FFMPEG, shown);
	// One more, because such streams come in jerks.
	const heldBack = SINGLE.test(codecOf(capture)) ? 0 : availableParallelism();
	return liveCamera(capture, shown, options, { backlogMs: BACKLOG_MS, heldBack });
}

/** Four letters. */
function codecOf(capture: VideoCapture): string {
	const code = capture.get(cv.CAP_PROP_FOURCC);
	return String.fromCharCode(...[0, 8, 16, 24].map((shift) => (code >> shift) & 255));
}
