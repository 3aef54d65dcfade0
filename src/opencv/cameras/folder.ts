import { relative } from 'node:path';
import { Failure } from '../../base/failure.js';
import { shownPath } from '../../base/file-name.js';
import { type Camera, type Frame, FrameFailure } from '../../vision/frame.js';
import { readPicture, stamp } from '../picture.js';
import type { CameraOptions } from './options.js';

type Outcome = { readonly frame: Frame } | { readonly failure: unknown };

/** The images of a folder and its subfolders in the order of their names, the next one decoded while the last is scored. @throws Failure images-missing */
export async function folderCamera(folder: string, { loop, listImages }: CameraOptions): Promise<Camera> {
	const paths = await listImages(folder);
	let next = 0;
	/** Settled, so that a failure that nobody waits for yet is not an unhandled one. */
	const load = async (): Promise<Outcome | undefined> => {
		const path = paths[loop ? next % paths.length : next];
		next += 1;
		if (path === undefined) return undefined;
		const name = shownPath(relative(folder, path));
		return readPicture(path, name).then(
			(frame) => ({ frame }),
			(thrown) => ({ failure: thrown instanceof Failure ? new FrameFailure(name, thrown) : thrown }),
		);
	};
	let ahead = load();
	return {
		live: false,
		dropped: 0,
		read: async ({ signal }) => {
			signal.throwIfAborted();
			const outcome = await ahead;
			ahead = load();
			if (outcome && 'failure' in outcome) throw outcome.failure;
			// It waited for whoever reads; what it shows has no age.
			return outcome && { ...outcome.frame, taken: stamp() };
		},
		close: async () => {
			const outcome = await ahead;
			if (outcome && 'frame' in outcome) outcome.frame.release();
		},
	};
}
