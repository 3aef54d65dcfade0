import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCamera } from '../../src/opencv/camera.js';
import { encodeJpeg } from '../../src/opencv/picture.js';
import type { Camera } from '../../src/vision/frame.js';
import { parseSource } from '../../src/vision/source.js';
import { asPerformance, clockIn } from '../cameras/clock.js';
import { startMjpegServer } from '../cameras/mjpeg-server.js';
import { hasRtspServer, startRtspServer } from '../cameras/rtsp-server.js';
import { freePort } from '../free-port.js';

const freshness = suite('a live camera');

type Source = AsyncDisposable & { readonly source: string };

/** Cameras whose pictures show the clock. No V4L2 device is here: its way through `live` is that of the pipeline. */
const sources: Readonly<Record<string, () => Promise<Source | undefined>>> = {
	'over HTTP': async () => {
		const server = await startMjpegServer([], 25);
		return { source: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
	},
	'slower than it says': async () => {
		const server = await startMjpegServer([], 6);
		return { source: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
	},
	'over RTSP': async () => {
		if (!hasRtspServer()) return undefined;
		const server = await startRtspServer(await freePort());
		return { source: server.clockUrl, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
	},
	'out of a GStreamer pipeline': async () => {
		if (!hasRtspServer()) return undefined;
		const server = await startMjpegServer([], 25);
		const source = `gstreamer: souphttpsrc location=${server.url} is-live=true ! multipartdemux ! jpegdec ! videoconvert ! video/x-raw,format=BGR ! appsink`;
		return { source, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
	},
};

const open = (source: string, more: { readonly mostLagMs?: number } = {}): Promise<Camera> =>
	openCamera(parseSource(source), {
		timeoutMs: 10_000,
		latencyMs: 0,
		mostLagMs: 1000,
		loop: false,
		listImages: async () => [],
		...more,
	});

/** From one frame of the servers to the next. */
const FRAME_MS = 40;

const { signal } = new AbortController();

/** Keeps this thread busy, as a model does. */
function work(ms: number): void {
	const end = performance.now() + ms;
	while (performance.now() < end);
}

for (const [kind, start] of Object.entries(sources)) {
	freshness(
		`${kind} gives no frame that was taken before it was asked for, after whatever pause`,
		async () => {
			await using server = await start();
			if (!server) return;
			const camera = await open(server.source);
			try {
				const ages: number[] = [];
				for (const pause of [0, 500, 0, 1000, 40, 300, 100, 0]) {
					await new Promise((resolve) => setTimeout(resolve, pause));
					work(pause === 100 ? 700 : 30);
					const after = performance.now();
					const frame = await camera.read({ after, signal });
					const shown = asPerformance(clockIn(frame!));
					const { monotonicMs } = frame!.taken;
					frame!.release();
					ages.push(Math.round(shown - after));
					assert.ok(shown >= after - 1, `${kind}: ${ages} ms after it was asked for`);
					// What a busy machine takes on the way cannot be known: within a frame, as long as none is older than asked for.
					assert.ok(
						monotonicMs >= after && monotonicMs <= shown + FRAME_MS,
						`stamped ${monotonicMs - shown} ms late`,
					);
				}
			} finally {
				await camera.close();
			}
		},
	);
}

/** Without time stamps. */
const unstamped = { mostLagMs: 0 };

freshness('whose pictures take longer to decode than they come gives none that lay in a buffer', async () => {
	const size = { width: 6000, height: 4000 };
	const large = [100, 140].map((grey) =>
		encodeJpeg({ ...size, channels: 3, data: new Uint8Array(size.width * size.height * 3).fill(grey) }, 90),
	);
	await using server = await startMjpegServer(large, 25);
	const camera = await open(server.url, unstamped);
	try {
		const begun = performance.now();
		let stalled = Number.POSITIVE_INFINITY;
		const late: number[] = [];
		for (let after = begun; performance.now() < Math.min(stalled + 3000, begun + 20_000); ) {
			const over = AbortSignal.timeout(1000);
			const frame = await camera.read({ after, signal: over }).catch(() => undefined);
			if (frame && frame.taken.monotonicMs > stalled) late.push(frame.taken.monotonicMs - stalled);
			after = performance.now();
			frame?.release();
			if (after < begun + 3000 || stalled < after) continue;
			await server.befall('stall');
			stalled = performance.now();
		}
		assert.ok(
			late.every((ms) => ms <= FRAME_MS),
			`taken ${late.map(Math.round)} ms after the last was sent`,
		);
	} finally {
		await camera.close();
	}
});

freshness('counts what nobody inspected', async () => {
	await using server = await startMjpegServer([], 25);
	const camera = await open(server.url);
	const first = await camera.read({ after: performance.now(), signal });
	const before = { shown: clockIn(first!), dropped: camera.dropped };
	first!.release();
	await new Promise((resolve) => setTimeout(resolve, 2000));
	const second = await camera.read({ after: performance.now(), signal });
	const between = (clockIn(second!) - before.shown) / 40 - 1;
	second!.release();
	const dropped = camera.dropped - before.dropped;
	await camera.close();
	assert.ok(Math.abs(dropped - between) <= 0.1 * between + 2, `${dropped} dropped of ${between}`);
});

freshness('gives frame after frame without a pause to a reader who takes what comes', async () => {
	await using server = await startMjpegServer([], 25);
	const camera = await open(server.url);
	const clocks: number[] = [];
	let after = performance.now();
	for (let i = 0; i < 12; i += 1) {
		const frame = await camera.read({ after, signal });
		after = frame!.taken.monotonicMs;
		clocks.push(clockIn(frame!));
		frame!.release();
		work(10);
	}
	await camera.close();
	const gaps = clocks.slice(1).map((ms, i) => ms - clocks[i]!);
	assert.ok(
		gaps.every((gap) => gap > 0),
		`${gaps}`,
	);
	const middle = [...gaps].sort((a, b) => a - b)[gaps.length >> 1]!;
	assert.ok(middle < 70, `no frame is passed over in the middle: ${gaps}`);
});

freshness('lets go at once of a reader who is interrupted, while nothing comes', async () => {
	await using server = await startMjpegServer([], 25);
	const camera = await open(server.url);
	(await camera.read({ after: performance.now(), signal }))!.release();
	server.stall();
	const stop = new AbortController();
	const asked = camera.read({ after: performance.now() + 1000, signal: stop.signal }).then(
		() => 'a frame',
		(reason) => reason,
	);
	setTimeout(() => stop.abort('stop'), 100);
	assert.is(await asked, 'stop');
	await camera.close();
});

freshness.run();
