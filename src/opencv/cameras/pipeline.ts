import { masked } from '../../base/secrets.js';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { openCapture } from './capture.js';
import { liveCamera } from './live.js';
import type { CameraOptions } from './options.js';

/** A GStreamer pipeline that ends in an appsink. @throws Failure camera-unavailable */
export function pipelineCamera(pipeline: string, options: CameraOptions): Camera {
	const shown = masked(pipeline);
	return liveCamera(openCapture(pipeline, cv.CAP_GSTREAMER, shown), shown, options, { tells: false });
}
