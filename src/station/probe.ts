import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { CameraConfig, RecipeConfig } from '../config/schema.js';
import { parentChannel } from '../process/parent.js';
import type { ProbeDown, ProbeUp } from '../protocol/probe-messages.js';
import { parseSource } from '../vision/source.js';

/** A process that tries one thing that a station needs, so that whatever hangs or crashes there does so alone. @throws Failure usage without a parent */
export async function probe(context: Context): Promise<void> {
	const parent = parentChannel<ProbeDown, ProbeUp>();
	if (!parent) throw new Failure('usage', 'probe is a child process of inspectord', 'Use inspectord check.');
	const signal = AbortSignal.any([context.signal, parent.gone]);
	const ended = new Promise<undefined>((resolve) => {
		signal.addEventListener('abort', () => resolve(undefined), { once: true });
	});
	const note = (line: string) => void parent.send({ kind: 'note', line });
	try {
		const asked = await Promise.race([new Promise<ProbeDown>((resolve) => parent.onMessage(resolve)), ended]);
		if (!asked) return;
		const message =
			asked.kind === 'bundle' ? await tryBundle(asked.recipe) : await tryCamera(asked.camera, note, signal);
		await parent.send({ kind: 'works', message });
	} catch (thrown) {
		if (signal.aborted) return;
		if (!(thrown instanceof Failure)) throw thrown;
		const { code, message, advice } = thrown;
		await parent.send({ kind: 'failed', code, message, ...(advice !== undefined && { advice }) });
	} finally {
		parent.leave();
	}
}

/** What one needs, the other does not load. */
async function tryBundle({ model, provider, threads, precision }: RecipeConfig): Promise<string> {
	const { readBundle } = await import('../disk/bundle.js');
	const { openScorer } = await import('../inspect/scorer.js');
	const { openSession } = await import('../ort/session.js');
	const bundle = await readBundle(model);
	const scorer = await openScorer(bundle, openSession, { provider, threads, precision });
	await scorer.close();
	const { calibration, architecture } = bundle.manifest;
	return `bundle "${model}" (${architecture.backbone}) proves its golden vectors in ${scorer.precision} on ${provider}; threshold ${calibration.threshold.toFixed(4)}`;
}

async function tryCamera(
	{ source, ...options }: CameraConfig,
	note: (line: string) => void,
	signal: AbortSignal,
): Promise<string> {
	const { listImages } = await import('../disk/dataset.js');
	const { openCamera } = await import('../opencv/camera.js');
	const parsed = parseSource(source);
	const camera = await openCamera(parsed, {
		...options,
		loop: false,
		listImages: (folder) => listImages(folder, note),
	});
	try {
		// Pictures come there when parts come.
		if (parsed.kind === 'watch') return `folder "${parsed.path}" can be watched`;
		const frame = await camera.read({ after: Number.NEGATIVE_INFINITY, signal });
		if (!frame) throw new Failure('camera-silent', `Camera "${source}" gives no frame`);
		const { width, height } = frame;
		frame.release();
		return `camera "${source}" gives ${width}x${height}`;
	} finally {
		await camera.close();
	}
}
