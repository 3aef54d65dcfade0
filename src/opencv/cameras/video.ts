import { Failure } from '../../base/failure.js';
import { type Camera, type Frame, FrameFailure } from '../../vision/frame.js';
import { cv } from '../library.js';
import { frameOfMat } from '../picture.js';
import { frameReader, openCapture } from './capture.js';
import type { CameraOptions } from './options.js';

/** Containers that tell only how long they last are off by a frame, and by more the longer they are. */
const UNSURE_SHARE = 0.005;

/**
 * The frames of a video file, each when it is asked for. One that ends before its container says so is damaged, and that is a
 * failure of the frame that should have come.
 * @throws Failure camera-unavailable
 */
export function videoCamera(path: string, { loop, timeoutMs }: CameraOptions): Camera {
	const open = () => {
		const capture = openCapture(path, cv.CAP_FFMPEG, path);
		const told = capture.get(cv.CAP_PROP_FRAME_COUNT);
		return { told, frames: frameReader(capture, path, timeoutMs) };
	};
	let { told, frames } = open();
	let index = 0;
	let ended = false;
	const next = async (): Promise<Frame | undefined> => {
		const grabbed = ended ? undefined : await frames.next();
		if (grabbed) {
			index += 1;
			return frameOfMat(grabbed.mat, `${path}#${index}`);
		}
		if (!ended && index < Math.max(1, told - 1 - UNSURE_SHARE * told)) {
			ended = true;
			throw endedEarly(path, index, told);
		}
		ended = true;
		return undefined;
	};
	return {
		live: false,
		dropped: 0,
		read: async () => {
			const frame = await next();
			if (frame || !loop || index === 0) return frame;
			await frames.close();
			({ told, frames } = open());
			index = 0;
			ended = false;
			return next();
		},
		close: () => frames.close(),
	};
}

function endedEarly(path: string, index: number, told: number): FrameFailure {
	const state = told >= 1 ? `it ended after ${index} of ${Math.round(told)} frames` : 'it holds no frame';
	return new FrameFailure(
		`${path}#${index + 1}`,
		new Failure(
			'image-unreadable',
			`Cannot read video "${path}": ${state}`,
			'The file is damaged or was cut off: copy or record it anew.',
		),
	);
}
