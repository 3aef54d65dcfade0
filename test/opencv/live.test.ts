import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { VideoCapture } from 'opencv4nodejs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frameReader, type Grabbed } from '../../src/opencv/cameras/capture.js';
import { freshFrames } from '../../src/opencv/cameras/live.js';
import { cv } from '../../src/opencv/library.js';
import { lagClock } from '../../src/vision/lag.js';

const live = suite('frames of a live camera');

const { signal } = new AbortController();
const pictureOf = (grey: number): Grabbed['mat'] => new cv.Mat(16, 16, cv.CV_8UC3, [grey, grey, grey]);

/** A camera whose frames come when the test lets them. */
function stepped() {
	/** Who waits for a frame: the loop that reads comes back in its own time. */
	const waiting: ((one: Grabbed) => void)[] = [];
	const reader = {
		next: () =>
			new Promise<Grabbed>((resolve) => {
				waiting.push(resolve);
			}),
		close: async () => {},
	};
	const pace = { intervalMs: 20, backlogMs: 0, heldBack: 0, latencyMs: 0, mostLagMs: 1000 };
	const camera = freshFrames(reader, 'test', { ...pace, lagOf: lagClock() });
	return {
		camera,
		/** After more than the time from one frame to the next. */
		give: async (grey: number, stamp?: Grabbed['stamp']) => {
			await sleep(30);
			while (waiting.length === 0) await sleep(1);
			waiting.shift()!({ mat: pictureOf(grey), format: 'grey', stamp });
			await sleep(1);
		},
	};
}

live('that freezes between two frames is known by the first one that comes again', async () => {
	const { camera, give } = stepped();
	await give(1);
	await give(2);
	const signalled = performance.now();
	const asked = camera.read({ after: signalled, signal });
	// The wait for this one began before.
	await give(2);
	await give(2);
	const frame = (await asked)!;
	assert.ok(frame.taken.monotonicMs >= signalled);
	assert.ok(frame.unchangedSinceMs! < signalled);
	frame.release();
	const next = camera.read({ after: performance.now(), signal });
	await give(3);
	await give(4);
	const fresh = (await next)!;
	assert.ok(fresh.unchangedSinceMs! >= signalled);
	fresh.release();
	await camera.close();
});

live('count as older by what they lag behind by their own time', async () => {
	const { camera, give } = stepped();
	const origin = performance.now();
	await give(1, { ms: 1000, stepMs: 0 });
	const any = { after: Number.NEGATIVE_INFINITY, signal };
	(await camera.read(any))!.release();
	const asked = camera.read(any);
	await give(2, { ms: 1000 + performance.now() - origin - 400, stepMs: 0 });
	const frame = (await asked)!;
	const lagMs = frame.hereMs! - frame.taken.monotonicMs;
	assert.ok(lagMs >= 350, `${lagMs}`);
	frame.release();
	await camera.close();
});

live('are given up when they lag behind for long', async () => {
	const { camera, give } = stepped();
	const origin = performance.now();
	await give(1, { ms: 1000, stepMs: 0 });
	const asked = camera.read({ after: performance.now(), signal }).catch((thrown) => thrown);
	for (let i = 0; i < 5; i += 1) await give(i, { ms: 1000 + performance.now() - origin - 5000, stepMs: 0 });
	const { code, message } = await asked;
	assert.is(code, 'camera-silent');
	assert.match(message, /by their own time its pictures come (4|5)\.\d s later than they did/);
	await camera.close();
});

live('that came while this thread was blocked are not late', async () => {
	const grey = pictureOf(1);
	const capture = {
		get: () => 0,
		release: () => {},
		// Of the disk one hears as of a camera: when the thread is free again, after what its timers say.
		readAsync: () => readFile(fileURLToPath(import.meta.url)).then(() => grey),
	} as unknown as VideoCapture;
	const reader = frameReader(capture, 'test', 300);
	const next = reader.next();
	const endMs = performance.now() + 400;
	while (performance.now() < endMs);
	(await next)!.mat.release();
	await reader.close();
});

live.run();
