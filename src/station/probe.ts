import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { eitherOf } from '../base/retry.js';
import type { CameraConfig } from '../config/schema.js';
import { parentChannel } from '../process/parent.js';
import type { ProbeDown, ProbeUp } from '../protocol/probe-messages.js';
import { parseSource } from '../vision/source.js';
import { provenWords } from './proven.js';

/** A process that tries one thing that a station needs, so that whatever hangs or crashes there does so alone. @throws Failure usage without a parent */
export async function probe(context: Context): Promise<void> {
	const parent = parentChannel<ProbeDown, ProbeUp>();
	if (!parent) throw new Failure('usage', 'probe is a child process of inspectord', 'Use inspectord check.');
	using ending = eitherOf(context.signal, parent.gone);
	const { signal } = ending;
	const ended = new Promise<undefined>((resolve) => {
		signal.addEventListener('abort', () => resolve(undefined), { once: true });
	});
	const note = (line: string) => void parent.send({ kind: 'note', line });
	try {
		const asked = await Promise.race([new Promise<ProbeDown>((resolve) => parent.onMessage(resolve)), ended]);
		if (!asked) return;
		const message = await tryAsked(asked, context.env, note, signal);
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

/** What one needs, the others do not load. */
function tryAsked(
	asked: ProbeDown,
	env: Context['env'],
	note: (line: string) => void,
	signal: AbortSignal,
): Promise<string> {
	switch (asked.kind) {
		case 'bundle':
			return tryBundle(asked, env);
		case 'camera':
			return tryCamera(asked.camera, note, signal);
		case 'opencv':
			return tryOpencv();
		case 'sqlite':
			return trySqlite();
		case 'systemd':
			return trySystemd();
		case 'provider':
			return tryProvider(asked.provider, env);
	}
}

async function tryOpencv(): Promise<string> {
	const { opencvVersion } = await import('../opencv/library.js');
	return `OpenCV ${opencvVersion()}`;
}

async function trySqlite(): Promise<string> {
	const { sqliteVersion } = await import('../sqlite/database.js');
	return `SQLite ${sqliteVersion()}`;
}

async function trySystemd(): Promise<string> {
	const { loadLibrary } = await import('../systemd/library.js');
	await loadLibrary();
	return 'libsystemd can be loaded: systemd hears how the daemon is';
}

async function tryProvider(provider: Provider, env: Context['env']): Promise<string> {
	const { loadOrt, ortPackage, ortPlace, ortVersion } = await import('../ort/library.js');
	const { lackOf } = await import('../ort/presence.js');
	const place = ortPlace(env.INSPECTORD_ORT);
	loadOrt(place);
	const lack = lackOf(provider, place);
	if (lack) throw lack.failure;
	const listed = ortPackage().listSupportedBackends();
	const names = listed.map(({ name }) => name).join(', ');
	return `ONNX Runtime ${ortVersion()} in "${place.folder}", made with ${names}, can use ${provider}`;
}

async function tryBundle(
	{ recipe, engineFolder }: Extract<ProbeDown, { kind: 'bundle' }>,
	env: Context['env'],
): Promise<string> {
	const { readBundle } = await import('../disk/bundle.js');
	const { equipmentFor, openProviders } = await import('./providers.js');
	const providers = openProviders(env, { engineFolder, shunned: [] });
	const bundle = await readBundle(recipe.model);
	const { choice, threads } = await equipmentFor(recipe, bundle, providers);
	await choice.scorer.close();
	return provenWords(recipe.model, bundle, choice, threads);
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
		if (!frame)
			throw new Failure(
				'camera-silent',
				`Camera "${source}" gives no frame`,
				'Does it work with another program? Of a folder: are pictures in it?',
			);
		const { width, height } = frame;
		frame.release();
		return `camera "${source}" gives ${width}x${height}`;
	} finally {
		// What is known is told, whatever the driver does.
		void camera.close();
	}
}
