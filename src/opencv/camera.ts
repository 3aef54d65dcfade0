import { stat } from 'node:fs/promises';
import { fileState } from '../base/file-state.js';
import { orAborted } from '../base/retry.js';
import { type Camera, readBy } from '../vision/frame.js';
import type { CameraSource } from '../vision/source.js';
import { unavailable } from './cameras/capture.js';
import { deviceCamera } from './cameras/device.js';
import { folderCamera } from './cameras/folder.js';
import type { CameraOptions } from './cameras/options.js';
import { pipelineCamera } from './cameras/pipeline.js';
import { simulatedCamera } from './cameras/simulated.js';
import { snapshotCamera } from './cameras/snapshot.js';
import { streamCamera } from './cameras/stream.js';
import { videoCamera } from './cameras/video.js';
import { watchedCamera } from './cameras/watched.js';

type Kinds = {
	readonly [K in CameraSource['kind']]: (
		source: Extract<CameraSource, { kind: K }>,
		options: CameraOptions,
	) => Promise<Camera>;
};

/** A source that names a path may mean a folder or a file. */
const EITHER = { ENOENT: 'there is no such file or folder' };

const kinds: Kinds = {
	sim: async ({ sim }) => simulatedCamera(sim),
	device: ({ device }, options) => deviceCamera(device, options),
	stream: ({ url }, options) => streamCamera(url, options),
	snapshot: ({ url }, options) => snapshotCamera(url, options),
	gstreamer: async ({ pipeline }, options) => pipelineCamera(pipeline, options),
	watch: ({ path, existing }, options) => watchedCamera(path, existing, options),
	file: async ({ path }, options) => {
		const found = await stat(path).catch((thrown) => {
			throw unavailable(path, fileState(thrown, EITHER), 'Check the path.');
		});
		if (found.isDirectory()) return folderCamera(path, options);
		if (found.isFile()) return videoCamera(path, options);
		// Links of others than udev.
		if (found.isCharacterDevice()) return deviceCamera(path, options);
		throw unavailable(path, 'it is neither a folder nor a file', 'Name a folder of images or a video file.');
	},
};

/** @throws Failure camera-unavailable, images-missing */
export async function openCamera(source: CameraSource, options: CameraOptions): Promise<Camera> {
	return interruptible(await (kinds[source.kind] as Kinds['file'])(source as never, options));
}

/** Lets go of a reader at once when it is interrupted: what it waited for is released when it comes, however late. */
function interruptible(camera: Camera): Camera {
	return readBy(camera, async (wanted) => {
		const { signal } = wanted;
		signal.throwIfAborted();
		const reading = camera.read(wanted);
		try {
			return await orAborted(reading, signal);
		} finally {
			if (signal.aborted) void reading.then((frame) => frame?.release()).catch(() => {});
		}
	});
}
