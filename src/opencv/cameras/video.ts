import type { Camera, Frame } from '../../vision/frame.js';
import { cv } from '../library.js';
import { frameOfMat } from '../picture.js';
import { frameReader, openCapture } from './capture.js';
import type { CameraOptions } from './options.js';

/** The frames of a video file, each when it is asked for. @throws Failure camera-unavailable */
export function videoCamera(path: string, { loop, timeoutMs }: CameraOptions): Camera {
	const open = () => frameReader(openCapture(path, cv.CAP_FFMPEG, path), path, timeoutMs);
	let reader = open();
	let index = 0;
	const next = async (): Promise<Frame | undefined> => {
		const mat = await reader.next();
		if (!mat) return undefined;
		index += 1;
		return frameOfMat(mat, `${path}#${index}`);
	};
	return {
		live: false,
		dropped: 0,
		read: async ({ signal }) => {
			signal.throwIfAborted();
			const frame = await next();
			if (frame || !loop || index === 0) return frame;
			reader.close();
			reader = open();
			index = 0;
			return next();
		},
		close: async () => reader.close(),
	};
}
