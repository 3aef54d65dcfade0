import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { listImages } from '../../src/disk/dataset.js';
import { openCamera } from '../../src/opencv/camera.js';
import { cv } from '../../src/opencv/library.js';
import { encodeJpeg, encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { type Camera, FrameFailure } from '../../src/vision/frame.js';
import { lagClock } from '../../src/vision/lag.js';
import { parseSource } from '../../src/vision/source.js';
import { startMjpegServer } from '../cameras/mjpeg-server.js';
import { hasRtspServer, startRtspServer } from '../cameras/rtsp-server.js';
import { freePort } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const cameras = suite('cameras');

const open = (source: string, { loop = false, timeoutMs = 5000 } = {}): Promise<Camera> =>
	openCamera(parseSource(source), { timeoutMs, latencyMs: 0, mostLagMs: 1000, loop, listImages });

/** Any frame that has not been read. */
const next = { after: Number.NEGATIVE_INFINITY, signal: new AbortController().signal };

/** The next frame's name, or the code of its failure, or 'end'. */
async function nameOf(camera: Camera): Promise<string> {
	try {
		const frame = await camera.read(next);
		frame?.release();
		return frame ? (frame.name ?? 'frame') : 'end';
	} catch (thrown) {
		assert.instance(thrown, Failure);
		return (thrown as Failure).code;
	}
}

async function refusal(source: string): Promise<Failure> {
	const thrown = await open(source).then(
		() => undefined,
		(failure: unknown) => failure,
	);
	assert.instance(thrown, Failure, source);
	return thrown as Failure;
}

cameras(
	'show a folder in natural order with its subfolders, pass over what cannot be read with a failure, and end',
	async () => {
		await using folder = await temporaryFolder();
		const png = encodePng(drawPart(1, 0, undefined, 64).image);
		await mkdir(join(folder.path, 'sub'));
		for (const name of ['10.png', '2.png', join('sub', '1.png')])
			await writeFile(join(folder.path, name), png);
		await writeFile(join(folder.path, '3.png'), png.subarray(0, 100));
		await writeFile(join(folder.path, 'notes.txt'), 'no picture');
		const camera = await open(folder.path);
		const names: string[] = [];
		for (let i = 0; i < 6; i += 1) names.push(await nameOf(camera));
		await camera.close();
		assert.equal(names, ['2.png', 'image-unreadable', '10.png', join('sub', '1.png'), 'end', 'end']);
	},
);

cameras('start a folder again when they are told to loop', async () => {
	await using folder = await temporaryFolder();
	for (const name of ['a.png', 'b.png'])
		await writeFile(join(folder.path, name), encodePng(drawPart(1, 0, undefined, 64).image));
	const camera = await open(folder.path, { loop: true });
	assert.equal(
		[await nameOf(camera), await nameOf(camera), await nameOf(camera)],
		['a.png', 'b.png', 'a.png'],
	);
	await camera.close();
});

cameras('see in each round of a folder what is there then', async () => {
	await using folder = await temporaryFolder();
	const png = encodePng(drawPart(1, 0, undefined, 64).image);
	const put = (name: string) => writeFile(join(folder.path, name), png);
	for (const name of ['a.png', 'b.png', 'c.png']) await put(name);
	const camera = await open(folder.path, { loop: true });
	// The next one is read ahead: what is changed shows from the one after it.
	const seen = [await nameOf(camera)];
	await rm(join(folder.path, 'c.png'));
	await put('d.png');
	for (let i = 0; i < 5; i += 1) seen.push(await nameOf(camera));
	await camera.close();
	assert.equal(seen, ['a.png', 'b.png', 'a.png', 'b.png', 'd.png', 'a.png']);
});

cameras('say that nothing of a folder is there, and do not search without end', async () => {
	await using folder = await temporaryFolder();
	for (const name of ['a.png', 'b.png'])
		await symlink(join(folder.path, 'nowhere', name), join(folder.path, name));
	const camera = await open(folder.path, { loop: true });
	const failure = await camera
		.read({ after: 0, signal: AbortSignal.timeout(20_000) })
		.catch((thrown) => thrown);
	assert.is(failure.code, 'images-missing', String(failure));
	assert.match(failure.message, /none of the 2/);
	await camera.close();
});

for (const [what, codec, ending, damage] of [
	['that has a hole', 'MJPG', 'avi', (bytes: Buffer) => bytes.fill(0, at(bytes, 0.4), at(bytes, 0.6))],
	['that has a hole', 'mp4v', 'mp4', (bytes: Buffer) => bytes.fill(0, at(bytes, 0.4), at(bytes, 0.6))],
	['that is cut off', 'MJPG', 'avi', (bytes: Buffer) => bytes.subarray(0, at(bytes, 0.6))],
	['that is cut off', 'MJPG', 'mkv', (bytes: Buffer) => bytes.subarray(0, at(bytes, 0.6))],
] as const) {
	cameras(`do not take a video (${codec} in ${ending}) ${what} for one that ended`, async () => {
		await using folder = await temporaryFolder();
		const [whole, broken] = ['whole', 'broken'].map((name) => join(folder.path, `${name}.${ending}`)) as [
			string,
			string,
		];
		writeVideo(whole, codec, 12);
		await writeFile(broken, damage(await readFile(whole)));
		assert.equal(await namesOf(whole), [...numbered(whole, 12), 'end', 'end']);
		const camera = await open(broken);
		const seen: string[] = [];
		for (let i = 0; i < 14 && seen.at(-1) !== 'end'; i += 1) {
			seen.push(
				await camera.read(next).then(
					(frame) => {
						frame?.release();
						return frame ? 'frame' : 'end';
					},
					(failure) => {
						assert.instance(failure, FrameFailure);
						assert.match(failure.message, new RegExp(`ended after ${seen.length} of 12 frames`));
						assert.is(failure.frame, `${broken}#${seen.length + 1}`);
						return failure.code;
					},
				),
			);
		}
		await camera.close();
		assert.equal(seen.slice(-2), ['image-unreadable', 'end']);
		assert.ok(seen.length > 3 && seen.length < 13, `${seen}`);
	});
}

const at = (bytes: Buffer, share: number) => Math.floor(share * bytes.length);

const numbered = (path: string, count: number) => Array.from({ length: count }, (_, i) => `${path}#${i + 1}`);

async function namesOf(path: string): Promise<string[]> {
	const camera = await open(path);
	const names: string[] = [];
	for (let i = 0; i < 14; i += 1) names.push(await nameOf(camera));
	await camera.close();
	return names;
}

function writeVideo(path: string, codec: string, frames: number): void {
	const writer = new cv.VideoWriter(path, cv.VideoWriter.fourcc(codec), 5, new cv.Size(128, 128), true);
	for (let i = 0; i < frames; i += 1) {
		const mat = cv.imdecode(Buffer.from(encodePng(drawPart(1, i, undefined, 128).image)));
		writer.write(mat);
		mat.release();
	}
	writer.release();
}

cameras('draw the simulated line until its count is reached', async () => {
	const camera = await open('sim:?seed=1&count=2&defects=0&fps=100');
	assert.equal(
		[await nameOf(camera), await nameOf(camera), await nameOf(camera)],
		['part-0', 'part-1', 'end'],
	);
	await camera.close();
});

cameras('that cannot be opened say which and why', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'film.mp4'), 'no film');
	const port = await freePort();
	const cases: readonly (readonly [source: string, code: string, message: RegExp])[] = [
		['/dev/video99', 'camera-unavailable', /"\/dev\/video99": there is no such device/],
		[join(folder.path, 'absent'), 'camera-unavailable', /absent": there is no such file or folder/],
		[join(folder.path, 'film.mp4'), 'camera-unavailable', /Cannot open camera ".*film\.mp4"/],
		[folder.path, 'images-missing', /has none|no images/],
		[`http://user:secret@127.0.0.1:${port}/x`, 'camera-unavailable', /http:\/\/user:\*\*\*@/],
	];
	for (const [source, code, message] of cases) {
		if (source === folder.path) {
			await mkdir(join(folder.path, 'empty'));
			const failure = await refusal(join(folder.path, 'empty'));
			assert.is(failure.code, code);
			continue;
		}
		const failure = await refusal(source);
		assert.is(failure.code, code, failure.message);
		assert.match(failure.message, message);
		assert.not.match(failure.message, /secret/);
	}
});

cameras('read a network camera, give its newest frame, and notice when it falls silent', async () => {
	const jpegs = [0, 1, 2, 3].map((i) => encodeJpeg(drawPart(1, i, undefined, 128).image, 80));
	await using server = await startMjpegServer(jpegs, 25);
	const camera = await open(server.url, { timeoutMs: 3000 });
	assert.ok(camera.live);
	for (let i = 0; i < 5; i += 1) assert.is(await nameOf(camera), 'frame');
	await new Promise((resolve) => setTimeout(resolve, 600));
	assert.is(await nameOf(camera), 'frame');
	assert.ok(camera.dropped > 0, 'frames that came while nobody read are dropped');
	server.stall();
	let seen = '';
	for (let i = 0; i < 60 && seen !== 'camera-silent'; i += 1) seen = await nameOf(camera);
	assert.is(seen, 'camera-silent');
	await camera.close();
});

cameras('say since when their picture has been the very same', async () => {
	const still = [encodeJpeg(drawPart(1, 0, undefined, 128).image, 80)];
	/** For how long it was the same, in each of some frames. */
	const sameMs = async (shown: readonly Uint8Array[], frames: number, untilMs: number) => {
		await using server = await startMjpegServer(shown, 25);
		const camera = await open(server.url, { timeoutMs: 10_000 });
		const found: number[] = [];
		while (found.length < frames && !found.some((ms) => ms > untilMs)) {
			const { taken, unchangedSinceMs, release } = (await camera.read(next))!;
			release();
			found.push(taken.monotonicMs - unchangedSinceMs!);
		}
		await camera.close();
		return found;
	};
	// Without pictures of its own the camera shows the clock.
	assert.equal(await sameMs([], 10, 0), Array(10).fill(0));
	assert.ok((await sameMs(still, 200, 200)).at(-1)! > 200);
});

cameras('say when the pictures of a stream change their size', async () => {
	const jpegs = Array.from({ length: 60 }, (_, i) => {
		const image = drawPart(1, i % 4, undefined, i < 30 ? 128 : 96).image;
		return encodeJpeg(image, 80);
	});
	await using server = await startMjpegServer(jpegs, 25);
	const camera = await open(server.url, { timeoutMs: 3000 });
	const sizes = new Set<number>();
	let message = '';
	for (let i = 0; i < 120 && message === ''; i += 1) {
		await camera.read(next).then(
			(frame) => {
				sizes.add(frame!.width);
				frame!.release();
			},
			(failure) => {
				message = failure.message;
			},
		);
	}
	await camera.close();
	assert.is(sizes.size, 1);
	assert.match(message, /its pictures changed from (128x128 to 96x96|96x96 to 128x128) pixels/);
});

cameras('that send what is old by their own time are silent, also when they are opened again', async () => {
	await using server = await startMjpegServer([], 25);
	const lag = lagClock();
	const opened = () =>
		openCamera(parseSource(server.url), {
			...{ timeoutMs: 5000, latencyMs: 0, mostLagMs: 1000, loop: false },
			...{ listImages, lag },
		});
	const lastOf = async (camera: Camera) => {
		let seen = 'frame';
		while (seen === 'frame') {
			const after = performance.now();
			seen = await camera.read({ after, signal: AbortSignal.timeout(20_000) }).then(
				(frame) => {
					frame!.release();
					return 'frame';
				},
				(failure) => failure.message ?? String(failure),
			);
		}
		await camera.close();
		return seen;
	};
	const first = await opened();
	assert.is(await nameOf(first), 'frame');
	await server.befall('lag');
	assert.match(await lastOf(first), /by their own time its pictures come [45]\.\d s later/);
	assert.match(await lastOf(await opened()), /by their own time its pictures come [45]\.\d s later/);
	await server.befall('go on');
	const third = await opened();
	const after = performance.now();
	(await third.read({ after, signal: AbortSignal.timeout(20_000) }))!.release();
	await third.close();
});

cameras('can be opened again after the other side hung up', async () => {
	const jpegs = [encodeJpeg(drawPart(1, 0, undefined, 128).image, 80)];
	await using server = await startMjpegServer(jpegs, 25);
	const first = await open(server.url, { timeoutMs: 3000 });
	assert.is(await nameOf(first), 'frame');
	server.hangUp();
	let seen = '';
	for (let i = 0; i < 60 && seen !== 'camera-silent'; i += 1) seen = await nameOf(first);
	assert.is(seen, 'camera-silent');
	await first.close();
	const second = await open(server.url, { timeoutMs: 3000 });
	assert.is(await nameOf(second), 'frame');
	await second.close();
});

cameras('read an RTSP camera, notice when it is gone, and read it again when it is back', async () => {
	if (!hasRtspServer()) return;
	const port = await freePort();
	const first = await startRtspServer(port);
	const camera = await open(first.url, { timeoutMs: 5000 });
	for (let i = 0; i < 3; i += 1) assert.is(await nameOf(camera), 'frame');
	await first[Symbol.asyncDispose]();
	let seen = '';
	for (let i = 0; i < 100 && seen !== 'camera-silent'; i += 1) seen = await nameOf(camera);
	assert.is(seen, 'camera-silent');
	await camera.close();
	assert.is((await refusal(first.url)).code, 'camera-unavailable');
	await using second = await startRtspServer(port);
	const again = await open(second.url, { timeoutMs: 5000 });
	assert.is(await nameOf(again), 'frame');
	await again.close();
});

cameras.run();
