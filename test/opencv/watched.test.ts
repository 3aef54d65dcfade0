import { appendFile, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { listImages } from '../../src/disk/dataset.js';
import { openCamera } from '../../src/opencv/camera.js';
import { encodeJpeg, encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import type { Camera } from '../../src/vision/frame.js';
import { parseSource } from '../../src/vision/source.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { together } from '../together.js';

const all = suite('a watched folder');
const watched = together(all);

const open = (source: string): Promise<Camera> =>
	openCamera(parseSource(source), {
		timeoutMs: 1000,
		latencyMs: 0,
		mostLagMs: 1000,
		loop: false,
		listImages,
	});

const png = encodePng(drawPart(1, 0, undefined, 64).image);
const jpeg = encodeJpeg(drawPart(1, 0, undefined, 256).image, 95);

/** The names of what comes, until nothing has come for a while. */
async function namesOf(camera: Camera, quietMs = 2500): Promise<string[]> {
	const names: string[] = [];
	for (;;) {
		const signal = AbortSignal.timeout(quietMs);
		try {
			const frame = await camera.read({ after: performance.now(), signal });
			names.push(frame!.name!);
			frame!.release();
		} catch (thrown) {
			if (signal.aborted) return names;
			if (!(thrown instanceof Failure)) throw thrown;
			names.push(thrown.code);
		}
	}
}

watched(
	'gives each file that comes once, in the order in which they come, and not what lay there',
	async () => {
		await using folder = await temporaryFolder();
		await writeFile(join(folder.path, 'old.png'), png);
		const camera = await open(`watch: ${folder.path}`);
		await mkdir(join(folder.path, 'day'));
		for (const name of ['9.png', '1.png', join('day', '5.png'), '3.png']) {
			await writeFile(join(folder.path, name), png);
			await sleep(20);
		}
		await writeFile(join(folder.path, '.hidden.png'), png);
		await writeFile(join(folder.path, 'notes.txt'), 'no picture');
		assert.equal(await namesOf(camera), ['9.png', '1.png', join('day', '5.png'), '3.png']);
		// Moved away by a person, another one removed: nothing new.
		await mkdir(join(folder.path, 'seen'));
		await rename(join(folder.path, '9.png'), join(folder.path, 'seen', '9.png'));
		await rm(join(folder.path, '1.png'));
		// The same name with another content is another picture.
		await writeFile(join(folder.path, '3.png'), encodePng(drawPart(1, 1, undefined, 64).image));
		assert.equal(await namesOf(camera), ['3.png']);
		await camera.close();
	},
);

watched('gives what lay there only when it is asked to, and each once', async () => {
	await using folder = await temporaryFolder();
	for (let i = 0; i < 40; i += 1) {
		const path = join(folder.path, `${i}.png`);
		await writeFile(path, png);
		await utimes(path, 1e9, 1e9);
	}
	const camera = await open(`watch-all: ${folder.path}`);
	const names = await namesOf(camera);
	assert.equal(
		names,
		Array.from({ length: 40 }, (_, i) => `${i}.png`),
	);
	await camera.close();
	const again = await open(`watch: ${folder.path}`);
	assert.equal(await namesOf(again, 1500), []);
	await again.close();
});

watched(
	'never gives a half-written file, however slowly it comes, nor waits for it with the others',
	async () => {
		await using folder = await temporaryFolder();
		const camera = await open(`watch: ${folder.path}`);
		const names = namesOf(camera, 4000);
		const slow = join(folder.path, 'slow.jpg');
		await writeFile(slow, jpeg.subarray(0, jpeg.length / 3));
		await writeFile(join(folder.path, 'beside.png'), png);
		await sleep(1500);
		await appendFile(slow, jpeg.subarray(jpeg.length / 3, jpeg.length / 2));
		await sleep(1500);
		await appendFile(slow, jpeg.subarray(jpeg.length / 2));
		// Written elsewhere and moved in.
		await writeFile(join(folder.path, 'upload.tmp'), png);
		await rename(join(folder.path, 'upload.tmp'), join(folder.path, 'moved.png'));
		assert.equal((await names).sort(), ['beside.png', 'moved.png', 'slow.jpg']);
		await camera.close();
	},
);

watched('counts a picture as taken when it came, not when it is read', async () => {
	await using folder = await temporaryFolder();
	const camera = await open(`watch: ${folder.path}`);
	const before = performance.now();
	const reading = camera.read({ after: 0, signal: AbortSignal.timeout(20_000) });
	await sleep(500);
	const written = performance.now();
	await writeFile(join(folder.path, 'a.png'), png);
	const frame = await reading;
	assert.ok(frame!.taken.monotonicMs > before && frame!.taken.monotonicMs <= written + 50);
	assert.ok(performance.now() - frame!.taken.monotonicMs >= 450);
	frame!.release();
	await camera.close();
});

watched('sees what comes while others wait, and does not count it as older than it is', async () => {
	await using folder = await temporaryFolder();
	const camera = await open(`watch: ${folder.path}`);
	for (let i = 0; i < 5; i += 1) await writeFile(join(folder.path, `${i}.png`), png);
	const read = async () => {
		const frame = await camera.read({ after: 0, signal: AbortSignal.timeout(20_000) });
		frame!.release();
		return frame!;
	};
	await read();
	const begun = performance.now();
	// Longer than from one look to the next.
	await sleep(2000);
	await read();
	await writeFile(join(folder.path, 'late.png'), png);
	for (let i = 0; i < 3; i += 1) await read();
	const late = await read();
	assert.is(late.name, 'late.png');
	assert.ok(late.taken.monotonicMs > begun, `${late.taken.monotonicMs - begun}`);
	await camera.close();
});

watched('says that a file cannot be read once, goes on, and says when the folder is gone', async () => {
	await using folder = await temporaryFolder();
	const inner = join(folder.path, 'in');
	await mkdir(inner);
	const camera = await open(`watch: ${inner}`);
	await writeFile(join(inner, 'cut.jpg'), jpeg.subarray(0, 400));
	assert.equal(await namesOf(camera, 13_000), ['image-unreadable']);
	await rm(inner, { recursive: true });
	const failure = await camera
		.read({ after: 0, signal: AbortSignal.timeout(20_000) })
		.catch((thrown) => thrown);
	assert.is(failure.code, 'camera-silent', String(failure));
	await camera.close();
	const refused = await open(`watch: ${inner}`).catch((thrown) => thrown);
	assert.is(refused.code, 'camera-unavailable');
});

all.run();
