import { stat } from 'node:fs/promises';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { openCapture, unavailable } from './capture.js';
import { liveCamera } from './live.js';
import type { CameraOptions } from './options.js';

/** A camera of Video4Linux by its number or path. @throws Failure camera-unavailable */
export async function deviceCamera(device: string, options: CameraOptions): Promise<Camera> {
	const path = /^\d+$/.test(device) ? `/dev/video${device}` : device;
	await stat(path).catch(() => {
		throw unavailable(path, 'there is no such device', 'Plug the camera in, or see `ls /dev/video*`.');
	});
	const capture = openCapture(path, cv.CAP_V4L2, path);
	capture.set(cv.CAP_PROP_BUFFERSIZE, 1);
	return liveCamera(capture, path, options);
}
