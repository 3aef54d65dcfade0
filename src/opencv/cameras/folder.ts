import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { Failure } from '../../base/failure.js';
import { filePath, shownPath } from '../../base/file-name.js';
import { type Camera, type Frame, FrameFailure } from '../../vision/frame.js';
import { readPicture, stamp } from '../picture.js';
import type { CameraOptions } from './options.js';

type Outcome = { readonly frame: Frame } | { readonly failure: unknown };

/**
 * The images of a folder and its subfolders in the order of their names, the next one decoded while the last is scored. In a loop
 * each round shows what is there when it begins.
 * @throws Failure images-missing
 */
export async function folderCamera(folder: string, { loop, listImages }: CameraOptions): Promise<Camera> {
	let paths = await listImages(folder);
	let next = 0;
	let shown = 0;
	/** Settled, so that a failure that nobody waits for yet is not an unhandled one. */
	const load = (): Promise<Outcome | undefined> =>
		loadNext().then(
			(frame) => frame && { frame },
			(failure) => ({ failure }),
		);
	const loadNext = async (): Promise<Frame | undefined> => {
		for (;;) {
			if (loop && next === paths.length) {
				if (shown === 0) throw noneLeft(folder, paths.length);
				paths = await listImages(folder);
				[next, shown] = [0, 0];
			}
			const path = paths[next];
			next += 1;
			if (path === undefined) return undefined;
			// Of a folder that may change, what was taken away is not missing.
			if (loop && !existsSync(filePath(path))) continue;
			shown += 1;
			return frameOfFile(path, shownPath(relative(folder, path)));
		}
	};
	let ahead = load();
	return {
		live: false,
		dropped: 0,
		read: async () => {
			const outcome = await ahead;
			ahead = load();
			if (outcome && 'failure' in outcome) throw outcome.failure;
			// It waited for whoever reads; what it shows has no age.
			return outcome && { ...outcome.frame, taken: stamp() };
		},
		close: async () => {
			void ahead.then((outcome) => outcome && 'frame' in outcome && outcome.frame.release());
		},
	};
}

function noneLeft(folder: string, count: number): Failure {
	return new Failure(
		'images-missing',
		`Cannot show images of "${folder}": none of the ${count} that it names is there`,
		'They were taken away, or are links that lead nowhere.',
	);
}

/** @throws FrameFailure image-unreadable */
export async function frameOfFile(path: string, name: string): Promise<Frame> {
	try {
		return await readPicture(path, name);
	} catch (thrown) {
		throw thrown instanceof Failure ? new FrameFailure(name, thrown) : thrown;
	}
}
