import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { eitherOf, orAborted } from '../base/retry.js';
import type { CameraConfig } from '../config/schema.js';
import { type Parent, parentChannel } from '../process/parent.js';
import type { LibraryAsked, ProbeDown, ProbeUp } from '../protocol/probe-messages.js';
import type { Camera } from '../vision/frame.js';
import { parseSource } from '../vision/source.js';
import type { Equipped } from './edges.js';
import { provenWords } from './proven.js';

type BundleAsked = Extract<ProbeDown, { kind: 'bundle' }>;

/** What trying touches of the world outside its process. */
export type TryingEdges = {
	/** @throws Failure */
	readonly equip: (asked: BundleAsked) => Promise<Equipped>;
	/** `note`: hears remarks. @throws Failure camera-unavailable, images-missing */
	readonly openCamera: (camera: CameraConfig, note: (line: string) => void) => Promise<Camera>;
	/** @returns what was found, in words @throws Failure */
	readonly tryLibrary: (asked: LibraryAsked) => Promise<string>;
};

/** A process that tries one thing that a station needs, so that whatever hangs or crashes there does so alone. @throws Failure usage without a parent */
export async function probe(context: Context): Promise<void> {
	const parent = parentChannel<ProbeDown, ProbeUp>();
	if (!parent) throw new Failure('usage', 'probe is a child process of inspectord', 'Use inspectord check.');
	using ending = eitherOf(context.signal, parent.gone);
	try {
		await runProbe(parent, ending.signal, realTryingEdges(context));
	} finally {
		parent.leave();
	}
}

/** What it is asked to try, to its last word. @throws a fault of ours */
export async function runProbe(
	parent: Pick<Parent<ProbeDown, ProbeUp>, 'send' | 'onMessage'>,
	signal: AbortSignal,
	edges: TryingEdges,
): Promise<void> {
	const note = (line: string) => void parent.send({ kind: 'note', line });
	try {
		const first = new Promise<ProbeDown>((resolve) => parent.onMessage(resolve));
		const asked = await orAborted(first, signal);
		const message = await tryAsked(asked, edges, note, signal);
		await parent.send({ kind: 'works', message });
	} catch (thrown) {
		if (signal.aborted) return;
		if (!(thrown instanceof Failure)) throw thrown;
		const { code, message, advice } = thrown;
		await parent.send({ kind: 'failed', code, message, ...(advice !== undefined && { advice }) });
	}
}

function tryAsked(
	asked: ProbeDown,
	edges: TryingEdges,
	note: (line: string) => void,
	signal: AbortSignal,
): Promise<string> {
	if (asked.kind === 'bundle') return tryBundle(asked, edges);
	if (asked.kind === 'camera') return tryCamera(asked.camera, edges, note, signal);
	return edges.tryLibrary(asked);
}

async function tryBundle(asked: BundleAsked, { equip }: TryingEdges): Promise<string> {
	const { bundle, choice, threads } = await equip(asked);
	await choice.scorer.close();
	return provenWords(asked.recipe.model, bundle, choice, threads);
}

async function tryCamera(
	asked: CameraConfig,
	{ openCamera }: TryingEdges,
	note: (line: string) => void,
	signal: AbortSignal,
): Promise<string> {
	const { source } = asked;
	const parsed = parseSource(source);
	const camera = await openCamera(asked, note);
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

/** What one thing needs, the others do not load. */
function realTryingEdges({ env }: Pick<Context, 'env'>): TryingEdges {
	return {
		equip: async ({ recipe, engineFolder }) => {
			const { readBundle } = await import('../disk/bundle.js');
			const { equipmentFor, openProviders } = await import('./providers.js');
			const providers = openProviders(env, { engineFolder, shunned: [] });
			const bundle = await readBundle(recipe.model);
			return { bundle, ...(await equipmentFor(recipe, bundle, providers)) };
		},
		openCamera: async ({ source, ...options }, note) => {
			const { listImages } = await import('../disk/dataset.js');
			const { openCamera } = await import('../opencv/camera.js');
			return openCamera(parseSource(source), {
				...options,
				loop: false,
				listImages: (folder) => listImages(folder, note),
			});
		},
		tryLibrary: async (asked) =>
			asked.kind === 'provider' ? tryProvider(asked.provider, env) : LIBRARIES[asked.kind](),
	};
}

const LIBRARIES: Readonly<Record<Exclude<LibraryAsked['kind'], 'provider'>, () => Promise<string>>> = {
	opencv: tryOpencv,
	sqlite: trySqlite,
	systemd: trySystemd,
};

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
