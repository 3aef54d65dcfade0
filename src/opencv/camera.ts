import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Mat, VideoCapture } from 'opencv4nodejs';
import { Failure, reasonOf } from '../base/failure.js';
import { masked } from '../base/secrets.js';
import { simulatedPart } from '../sim/line.js';
import type { Camera, Frame } from '../vision/frame.js';
import type { CameraSource, SimSource } from '../vision/source.js';
import { cv } from './library.js';
import { frameOf, frameOfMat, readPicture } from './picture.js';

export type CameraOptions = {
	/** How long a frame may take to come. */
	readonly timeoutMs: number;
	/** Start again at the end of a folder or file. */
	readonly loop: boolean;
	/** The images of a folder in the order to show them. @throws Failure images-missing */
	listImages(folder: string): Promise<string[]>;
};

/** A network camera sends what it buffered before it sends what it sees. */
const STALE_BURST_MS = 2000;

/** @throws Failure camera-unavailable, images-missing */
export async function openCamera(source: CameraSource, options: CameraOptions): Promise<Camera> {
	switch (source.kind) {
		case 'sim':
			return simulatedCamera(source.sim);
		case 'device':
			return deviceCamera(source.device, options);
		case 'stream':
			return streamCamera(source.url, options);
		case 'gstreamer':
			return liveCamera(
				openCapture(source.pipeline, cv.CAP_GSTREAMER, source.pipeline),
				source.pipeline,
				options,
			);
		case 'file': {
			const found = await stat(source.path).catch((thrown) => {
				throw unavailable(source.path, reasonOf(thrown), 'Check the path.');
			});
			return found.isDirectory() ? folderCamera(source.path, options) : videoCamera(source.path, options);
		}
	}
}

/** The images of a folder and its subfolders in the order of their names, the next one decoded while the last is scored. */
async function folderCamera(folder: string, { loop, listImages }: CameraOptions): Promise<Camera> {
	const paths = await listImages(folder);
	let next = 0;
	type Outcome = { readonly frame: Frame } | { readonly failure: unknown };
	/** Settled, so that a failure that nobody waits for yet is not an unhandled one. */
	const load = async (): Promise<Outcome | undefined> => {
		const path = paths[loop ? next % paths.length : next];
		next += 1;
		if (path === undefined) return undefined;
		return readPicture(path, relative(folder, path)).then(
			(frame) => ({ frame }),
			(failure) => ({ failure }),
		);
	};
	let ahead = load();
	return {
		live: false,
		dropped: 0,
		read: async () => {
			const outcome = await ahead;
			ahead = load();
			if (outcome && 'failure' in outcome) throw outcome.failure;
			return outcome?.frame;
		},
		close: async () => {
			const outcome = await ahead;
			if (outcome && 'frame' in outcome) outcome.frame.release();
		},
	};
}

function simulatedCamera({ seed, defects, count, fps }: SimSource): Camera {
	let index = 0;
	let due = performance.now();
	return {
		live: false,
		dropped: 0,
		read: async () => {
			if (index === count) return undefined;
			due = Math.max(due + 1000 / fps, performance.now());
			await sleep(due - performance.now());
			const { image, name } = simulatedPart(seed, index, defects);
			index += 1;
			return frameOf(image, name);
		},
		close: async () => {},
	};
}

async function videoCamera(path: string, { loop, timeoutMs }: CameraOptions): Promise<Camera> {
	let reader = frameReader(openCapture(path, cv.CAP_FFMPEG, path), path, timeoutMs);
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
		read: async () => {
			const frame = await next();
			if (frame || !loop || index === 0) return frame;
			await reader.close();
			reader = frameReader(openCapture(path, cv.CAP_FFMPEG, path), path, timeoutMs);
			index = 0;
			return next();
		},
		close: () => reader.close(),
	};
}

async function deviceCamera(device: string, options: CameraOptions): Promise<Camera> {
	const path = /^\d+$/.test(device) ? `/dev/video${device}` : device;
	await stat(path).catch(() => {
		throw unavailable(path, 'there is no such device', 'Plug the camera in, or see `ls /dev/video*`.');
	});
	const capture = openCapture(path, cv.CAP_V4L2, path);
	capture.set(cv.CAP_PROP_BUFFERSIZE, 1);
	return liveCamera(capture, path, options);
}

async function streamCamera(url: string, options: CameraOptions): Promise<Camera> {
	const shown = masked(url);
	const capture = openCapture(url, cv.CAP_FFMPEG, shown);
	return liveCamera(capture, shown, options, { buffered: true });
}

/** Frames at the camera's pace. Of a buffered one, those that came while nobody read are thrown away first. */
async function liveCamera(
	capture: VideoCapture,
	name: string,
	{ timeoutMs }: CameraOptions,
	{ buffered } = { buffered: false },
): Promise<Camera> {
	const reader = frameReader(capture, name, timeoutMs);
	const told = capture.get(cv.CAP_PROP_FPS);
	const intervalMs = 1000 / (told >= 1 && told <= 240 ? told : 25);
	let dropped = 0;
	let lastMs = performance.now();
	const grab = async (): Promise<{ mat: Mat; waitedMs: number }> => {
		const asked = performance.now();
		const mat = await reader.next();
		lastMs = performance.now();
		if (!mat) throw silent(name, 'it stopped sending');
		return { mat, waitedMs: lastMs - asked };
	};
	const fresh = async (most: number): Promise<Mat> => {
		let { mat, waitedMs } = await grab();
		for (let skipped = 0; skipped < most && waitedMs < intervalMs / 2; skipped += 1) {
			mat.release();
			dropped += 1;
			({ mat, waitedMs } = await grab());
		}
		return mat;
	};
	try {
		if (buffered) (await fresh(Math.ceil(STALE_BURST_MS / intervalMs))).release();
	} catch (failure) {
		await reader.close();
		throw failure;
	}
	return {
		live: true,
		get dropped() {
			return dropped;
		},
		read: async () => {
			const missed = buffered ? Math.floor((performance.now() - lastMs) / intervalMs) : 0;
			return frameOfMat(await fresh(missed), undefined);
		},
		close: () => reader.close(),
	};
}

/**
 * One read at a time, each with a deadline: a capture whose read never came back must not be touched again, because
 * a second read or a release beside it crashes the process.
 */
function frameReader(capture: VideoCapture, name: string, timeoutMs: number) {
	let pending: Promise<Mat> | undefined;
	return {
		/** The next frame, or undefined when the source gives no more. */
		next: async (): Promise<Mat | undefined> => {
			if (pending) throw silent(name, 'an earlier read has not come back');
			pending = capture.readAsync();
			const timer = new AbortController();
			const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(
				() => 'late' as const,
				() => 'late' as const,
			);
			const mat = await Promise.race([pending, late]).catch((thrown) => {
				throw silent(name, reasonOf(thrown));
			});
			if (mat === 'late') {
				pending.then(
					(m) => m.release(),
					() => {},
				);
				throw silent(name, `no frame came within ${timeoutMs} ms`);
			}
			timer.abort();
			pending = undefined;
			if (!mat.empty) return mat;
			mat.release();
			return undefined;
		},
		close: async (): Promise<void> => {
			const release = () => capture.release();
			if (pending) void pending.then(release, release);
			else release();
		},
	};
}

function openCapture(address: string, backend: number, shown: string): VideoCapture {
	const advice = 'Check that it is switched on, reachable and not used by another program.';
	let capture: VideoCapture;
	try {
		capture = new cv.VideoCapture(address, backend);
	} catch (thrown) {
		throw unavailable(shown, reasonOf(thrown).replaceAll(address, shown), advice);
	}
	return capture;
}

function unavailable(name: string, state: string, advice: string): Failure {
	return new Failure('camera-unavailable', `Cannot open camera "${name}": ${state}`, advice);
}

function silent(name: string, state: string): Failure {
	return new Failure(
		'camera-silent',
		`Cannot read camera "${name}": ${state}`,
		'Check the camera and its cable.',
	);
}
