import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/failure.js';
import { type Camera, FrameFailure } from '../../vision/frame.js';
import { decodePicture } from '../picture.js';
import { silent, unavailable } from './capture.js';
import { type HttpCamera, httpCamera, MOST_BYTES } from './http.js';
import type { CameraOptions } from './options.js';

/**
 * A camera that gives one picture for each request, which counts as taken when it was asked for, and earlier by what the camera
 * keeps a picture for.
 * @throws Failure camera-unavailable
 */
export async function snapshotCamera(
	address: string,
	{ timeoutMs, latencyMs }: CameraOptions,
): Promise<Camera> {
	const camera = httpCamera(address);
	const response = await camera.get(new AbortController().signal, timeoutMs);
	await response.body?.cancel();
	const type = response.headers.get('content-type') ?? 'no type';
	if (!/^(image\/|application\/octet-stream|binary\/)/i.test(type)) {
		throw unavailable(
			camera.shown,
			`it answers with ${type}, not with a picture`,
			'Open the address in a browser: it must show one picture. For a stream leave "snapshot:" out.',
		);
	}
	let seen: { readonly bytes: Buffer; readonly sinceMs: number } | undefined;
	return {
		live: true,
		dropped: 0,
		read: async ({ after, signal }) => {
			// Timers may fire a little early.
			const due = after + latencyMs;
			while (performance.now() <= due) await sleep(Math.ceil(due - performance.now()), undefined, { signal });
			const taken = { wallMs: Date.now() - latencyMs, monotonicMs: performance.now() - latencyMs };
			const bytes = await pictureOf(camera, timeoutMs, signal);
			const frame = await decodePicture(bytes, camera.shown).catch((thrown) => {
				throw thrown instanceof Failure ? new FrameFailure(camera.shown, thrown) : thrown;
			});
			seen = { bytes, sinceMs: seen?.bytes.equals(bytes) ? seen.sinceMs : taken.monotonicMs };
			return { ...frame, name: undefined, taken, unchangedSinceMs: seen.sinceMs };
		},
		close: async () => {},
	};
}

async function pictureOf(camera: HttpCamera, timeoutMs: number, signal: AbortSignal): Promise<Buffer> {
	const late = AbortSignal.timeout(timeoutMs);
	try {
		const { body } = await camera.get(AbortSignal.any([signal, late]), timeoutMs);
		const chunks: Uint8Array[] = [];
		let length = 0;
		for await (const chunk of body ?? []) {
			chunks.push(chunk);
			length += chunk.length;
			if (length > MOST_BYTES) throw silent(camera.shown, `its picture has more than ${MOST_BYTES} bytes`);
		}
		return Buffer.concat(chunks);
	} catch (thrown) {
		signal.throwIfAborted();
		if (late.aborted) throw silent(camera.shown, `no picture came within ${timeoutMs} ms`);
		if (thrown instanceof Failure) throw thrown;
		throw silent(camera.shown, 'it hung up before its picture was whole');
	}
}
