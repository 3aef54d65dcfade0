import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/failure.js';
import { timeLimit } from '../../base/retry.js';
import { pictureFile } from '../../vision/formats/picture-file.js';
import { type Camera, FrameFailure } from '../../vision/frame.js';
import { ageIn } from '../../vision/lag.js';
import { decodePicture } from '../picture.js';
import { silent, unavailable } from './capture.js';
import { type HttpCamera, httpCamera, MOST_BYTES } from './http.js';
import type { CameraOptions } from './options.js';

/**
 * A camera that gives one picture for each request, which counts as taken when it was asked for, and earlier by what the camera
 * keeps a picture for, or says itself that it has kept it.
 * @throws Failure camera-unavailable
 */
export async function snapshotCamera(
	address: string,
	{ timeoutMs, latencyMs, mostLagMs }: CameraOptions,
): Promise<Camera> {
	const camera = httpCamera(address);
	const response = await camera.get(new AbortController().signal, timeoutMs);
	await response.body?.cancel();
	const type = response.headers.get('content-type') ?? '';
	// What has no type is looked at when it is read.
	if (!/^(image\/|application\/octet-stream|binary\/|$)/i.test(type)) {
		throw unavailable(
			camera.shown,
			`it answers with ${type}, not with a picture`,
			'Open the address in a browser: it must show one picture. For a stream leave "snapshot:" out.',
		);
	}
	let seen: { readonly bytes: Buffer; readonly sinceMs: number } | undefined;
	return {
		live: true,
		isAsked: true,
		dropped: 0,
		read: async ({ after, signal }) => {
			// Timers may fire a little early.
			const due = after + latencyMs;
			while (performance.now() <= due) await sleep(Math.ceil(due - performance.now()), undefined, { signal });
			const asked = { wallMs: Date.now(), monotonicMs: performance.now() };
			const { bytes, headers } = await pictureOf(camera, timeoutMs, signal);
			const toldMs = mostLagMs > 0 ? ageIn(headers) : 0;
			if (toldMs > mostLagMs)
				throw silent(camera.shown, `by its own time its picture is ${(toldMs / 1000).toFixed(0)} s old`);
			const ageMs = Math.max(latencyMs, toldMs);
			const taken = { wallMs: asked.wallMs - ageMs, monotonicMs: asked.monotonicMs - ageMs };
			const frame = await decodePicture(bytes, camera.shown).catch((thrown) => {
				if (!(thrown instanceof Failure)) throw thrown;
				throw new FrameFailure(camera.shown, new Failure(thrown.code, thrown.message, NO_PICTURE));
			});
			seen = { bytes, sinceMs: seen?.bytes.equals(bytes) ? seen.sinceMs : taken.monotonicMs };
			return { ...frame, name: undefined, taken, format: formatOf(bytes), unchangedSinceMs: seen.sinceMs };
		},
		close: async () => {},
	};
}

const NO_PICTURE =
	'Open the address in a browser: it must show one whole picture. If it does not, restart the camera, or log in as another user.';

function formatOf(bytes: Buffer): string {
	const file = pictureFile(bytes);
	return 'state' in file ? '' : `${file.format}, ${file.bits} bits`;
}

type Answer = { readonly bytes: Buffer; readonly headers: Headers };

async function pictureOf(camera: HttpCamera, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
	using limit = timeLimit(timeoutMs, signal);
	try {
		const { body, headers } = await camera.get(limit.signal, timeoutMs);
		const chunks: Uint8Array[] = [];
		let length = 0;
		for await (const chunk of body ?? []) {
			chunks.push(chunk);
			length += chunk.length;
			if (length > MOST_BYTES) throw silent(camera.shown, `its picture has more than ${MOST_BYTES} bytes`);
		}
		return { bytes: Buffer.concat(chunks), headers };
	} catch (thrown) {
		signal.throwIfAborted();
		if (limit.signal.aborted) throw silent(camera.shown, `no picture came within ${timeoutMs} ms`);
		if (thrown instanceof Failure) throw thrown;
		throw silent(camera.shown, 'it hung up before its picture was whole');
	}
}
