import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, reasonOf } from '../../base/failure.js';
import { filePath, shownPath } from '../../base/file-name.js';
import { type Camera, type Frame, FrameFailure, type Stamp } from '../../vision/frame.js';
import { stamp } from '../picture.js';
import { silent, unavailable } from './capture.js';
import { frameOfFile } from './folder.js';
import type { CameraOptions } from './options.js';

/** A file that has not changed for so long may be whole; one that then cannot be read is given more time before it is a failure. */
const SETTLED_MS = 500;
const GIVEN_UP_MS = 10_000;

/** Folders are looked through again and again, because not every file system tells of what others write; large ones less often. */
const LOOK_MS = 200;
const SHARE = 0.1;
const STATS_AT_A_TIME = 32;

/** A file as it stands: another content, another file; another name, the same. */
type Known = { readonly path: string; readonly key: string; readonly cameMs: number };

type Waiting = Known & {
	/** When it was first seen so. */
	readonly sinceMs: number;
	/** A moment when it was not yet so; undefined for what lay there at the beginning. */
	readonly taken: Stamp | undefined;
};

/**
 * Pictures that a camera uploads to a folder and the folders below it: each once, whole, in the order in which they came. Without
 * `existing` those that lie there at the beginning are passed over; with it they count as taken when their turn comes, others when they
 * came. Nothing is removed, and no more is remembered than what lies there.
 * @throws Failure camera-unavailable
 */
export async function watchedCamera(
	folder: string,
	existing: boolean,
	{ listImages, timeoutMs }: CameraOptions,
): Promise<Camera> {
	const look = () => filesIn(folder, listImages);
	const found = await look().catch((thrown) => {
		throw unavailable(folder, reasonOf(thrown), 'Check the path, and that this user may read it.');
	});
	let lookedAt = stamp();
	let lookDueMs = 0;
	let failedSinceMs = Number.POSITIVE_INFINITY;
	let done = new Set(existing ? [] : found.map(({ key }) => key));
	let waiting = new Map<string, Waiting>();
	if (existing)
		for (const file of found)
			waiting.set(file.key, { ...file, sinceMs: lookedAt.monotonicMs, taken: undefined });

	const lookAgain = async (): Promise<void> => {
		const begun = stamp();
		const files = await look().catch((thrown) => {
			// A folder in it may be removed while it is looked through.
			failedSinceMs = Math.min(failedSinceMs, begun.monotonicMs);
			if (begun.monotonicMs - failedSinceMs >= timeoutMs) throw silent(folder, reasonOf(thrown));
		});
		if (!files) return;
		failedSinceMs = Number.POSITIVE_INFINITY;
		const still = new Map<string, Waiting>();
		for (const file of files) {
			if (done.has(file.key)) continue;
			const known = waiting.get(file.key);
			still.set(file.key, known ?? { ...file, sinceMs: begun.monotonicMs, taken: lookedAt });
		}
		waiting = still;
		done = new Set(files.filter(({ key }) => done.has(key)).map(({ key }) => key));
		lookedAt = begun;
	};

	/** The frame of the file that came first, if it is whole. */
	const first = async (signal: AbortSignal): Promise<Frame | undefined> => {
		const inOrder = [...waiting.values()].sort((a, b) => a.cameMs - b.cameMs);
		for (const file of inOrder) {
			signal.throwIfAborted();
			const ageMs = performance.now() - file.sinceMs;
			if (ageMs < SETTLED_MS) continue;
			if ((await fileAt(file.path))?.key !== file.key) continue;
			const outcome = await frameOfFile(file.path, shownPath(relative(folder, file.path))).catch((thrown) => {
				if (thrown instanceof FrameFailure) return thrown;
				throw thrown;
			});
			if (outcome instanceof FrameFailure && ageMs < GIVEN_UP_MS) continue;
			waiting.delete(file.key);
			done.add(file.key);
			if (outcome instanceof FrameFailure) throw outcome;
			return file.taken
				? { ...outcome, taken: file.taken, hereMs: file.sinceMs }
				: { ...outcome, taken: stamp() };
		}
		return undefined;
	};

	return {
		live: false,
		dropped: 0,
		read: async ({ signal }) => {
			for (;;) {
				// Also while others wait, so that what comes meanwhile does not count as older than it is.
				const begun = performance.now();
				if (begun >= lookDueMs) {
					await lookAgain();
					lookDueMs = performance.now() + Math.max(LOOK_MS, (performance.now() - begun) / SHARE);
				}
				const frame = await first(signal);
				if (frame) return frame;
				await sleep(Math.min(LOOK_MS, Math.max(1, lookDueMs - performance.now())), undefined, { signal });
			}
		},
		close: async () => {},
	};
}

async function filesIn(folder: string, listImages: CameraOptions['listImages']): Promise<Known[]> {
	const paths = await listImages(folder).catch((thrown) => {
		if (thrown instanceof Failure && thrown.code === 'images-missing') return [];
		throw thrown;
	});
	const files: Known[] = [];
	for (let at = 0; at < paths.length; at += STATS_AT_A_TIME) {
		const some = await Promise.all(paths.slice(at, at + STATS_AT_A_TIME).map(fileAt));
		files.push(...some.filter((file) => file !== undefined));
	}
	return files;
}

/** Undefined where it is gone. */
async function fileAt(path: string): Promise<Known | undefined> {
	const found = await stat(filePath(path)).catch(() => undefined);
	if (!found) return undefined;
	const { dev, ino, size, mtimeMs, ctimeMs } = found;
	return { path, key: `${dev}:${ino}:${size}:${mtimeMs}`, cameMs: Math.max(mtimeMs, ctimeMs) };
}
