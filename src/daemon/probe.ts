import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { aborted, realTimers, type Timers, timeLimitBy } from '../base/retry.js';
import type { CameraConfig, RecipeConfig } from '../config/schema.js';
import { type Files, realFiles } from '../disk/files.js';
import { causeIn } from '../process/cause.js';
import { type Child, type Ended, startChild } from '../process/child.js';
import type { LibraryAsked, ProbeDown, ProbeUp } from '../protocol/probe-messages.js';
import { placeOf } from '../vision/place.js';

/** What trying touches of the world. */
export type ProbeEdges = {
	readonly startProbe: (env: Context['env']) => Child<ProbeDown, ProbeUp>;
	readonly timers: Pick<Timers, 'later'>;
	readonly files: Pick<Files, 'realPath'>;
};

export const realProbeEdges: ProbeEdges = {
	startProbe: (env) => startChild('probe', { env }),
	timers: realTimers,
	files: realFiles,
};

export type ProbeWorld = {
	readonly env: Context['env'];
	readonly edges?: ProbeEdges;
	/** Hears remarks, as which pictures of a folder are passed over. */
	readonly note: (line: string) => void;
	readonly signal: AbortSignal;
};

/** An engine that is built for the first time takes minutes; a camera is given its own time on top. */
export const probeLimits = { bundleMs: 600_000, cameraMs: 40_000, libraryMs: 60_000 } as const;

/** One that has said its word and does not end is stuck in a library. */
const GRACE_MS = 5000;

/** As main.ts ends when it meets one. */
const EXIT_OF_A_FAULT = 70;

/** Opens the bundle of a recipe in a process of its own and scores its golden vectors. @returns what was found, in words @throws Failure */
export function tryBundle(
	{ recipe, engineFolder }: Omit<Extract<ProbeDown, { kind: 'bundle' }>, 'kind'>,
	world: ProbeWorld,
	limitMs: number = probeLimits.bundleMs,
): Promise<string> {
	const what = `bundle "${recipe.model}"`;
	return tryInChild({ kind: 'bundle', recipe, engineFolder }, world, {
		what,
		limitMs,
		late: unproven(recipe, limitMs),
	});
}

export function unproven({ model }: RecipeConfig, limitMs: number): Failure {
	const seconds = Math.round(limitMs / 1000);
	return new Failure(
		'model-failed',
		`Cannot prove bundle "${model}": its golden vectors were not scored within ${seconds} s`,
		'Is the machine busy with other work (top)? Try it again when it is not.',
	);
}

/**
 * Opens a camera in a process of its own and reads one frame. One that a station of ours has open is left alone: many
 * cameras serve one reader. @returns what was found, in words @throws Failure
 */
export async function tryCamera(
	camera: CameraConfig,
	inUse: readonly CameraConfig[],
	world: ProbeWorld,
	limitMs: number = probeLimits.cameraMs + camera.timeoutMs,
): Promise<string> {
	const { source } = camera;
	const { files } = world.edges ?? realProbeEdges;
	const place = await placeOnDisk(source, files);
	for (const other of inUse)
		if ((await placeOnDisk(other.source, files)) === place)
			return `camera "${source}" is in use by a station already`;
	const seconds = Math.round(limitMs / 1000);
	return tryInChild({ kind: 'camera', camera }, world, {
		what: `camera "${source}"`,
		limitMs,
		late: new Failure(
			'camera-silent',
			`Cannot read camera "${source}": it hung for ${seconds} s`,
			'Does it work with another program? If not, take its power away for a moment.',
		),
	});
}

const NAMES = { opencv: 'OpenCV', sqlite: 'SQLite', systemd: 'libsystemd' } as const;

/** A library that is loaded wrong may end its process, so one of its own loads it. @returns what was found, in words @throws Failure */
export function tryLibrary(
	asked: LibraryAsked,
	world: ProbeWorld,
	limitMs: number = probeLimits.libraryMs,
): Promise<string> {
	const what =
		asked.kind === 'provider' ? `ONNX Runtime with provider "${asked.provider}"` : NAMES[asked.kind];
	const state = `it was not loaded within ${Math.round(limitMs / 1000)} s`;
	const late = new Failure('library-unusable', `Cannot use ${what}: ${state}`);
	return tryInChild(asked, world, { what, limitMs, late });
}

/** As the disk knows it. */
async function placeOnDisk(source: string, { realPath }: ProbeEdges['files']): Promise<string> {
	const place = placeOf(source);
	return realPath(place).catch(() => place);
}

type Trial = { readonly what: string; readonly limitMs: number; readonly late: Failure };

async function tryInChild(
	asked: ProbeDown,
	{ env, edges = realProbeEdges, note, signal }: ProbeWorld,
	{ what, limitMs, late }: Trial,
): Promise<string> {
	signal.throwIfAborted();
	const { timers } = edges;
	const child = edges.startProbe(env);
	const said = new Promise<Exclude<ProbeUp, { kind: 'note' }>>((resolve) => {
		child.onMessage((message) => {
			if (message.kind === 'note') note(message.line);
			else resolve(message);
		});
	});
	let graceMs = GRACE_MS;
	try {
		await child.send(asked).catch(() => {});
		const last = await wordOf(child, said, { limitMs, late, timers }, signal);
		if (!('kind' in last)) throw deathOf(what, last);
		if (last.kind === 'failed') throw new Failure(last.code, last.message, last.advice);
		return last.message;
	} catch (thrown) {
		graceMs = 0;
		throw thrown;
	} finally {
		await endChild(child, graceMs, timers, signal);
	}
}

/** What a child says, or how it ended before. @throws Failure `late` when it is silent for too long; the signal's reason */
export async function wordOf<T>(
	{ ended }: Pick<Child<never, never>, 'ended'>,
	said: Promise<T>,
	{ limitMs, late, timers }: Pick<Trial, 'limitMs' | 'late'> & Pick<ProbeEdges, 'timers'>,
	signal: AbortSignal,
): Promise<T | Ended> {
	using limit = timeLimitBy(timers, limitMs, signal);
	const tooLate = aborted(limit.signal).then(() => 'late' as const);
	const first = await Promise.race([said, tooLate, ended]);
	signal.throwIfAborted();
	if (first === 'late') throw late;
	return first as T | Ended;
}

/** Ends a child. What hangs in a driver may outlive even SIGKILL, and is not waited for. */
export async function endChild(
	child: Pick<Child<never, never>, 'stop'>,
	graceMs: number,
	timers: ProbeEdges['timers'],
	signal: AbortSignal,
): Promise<void> {
	using limit = timeLimitBy(timers, GRACE_MS + graceMs, signal);
	await Promise.race([child.stop(graceMs), aborted(limit.signal)]);
}

/** A fault of ours there is one here, too. */
function deathOf(what: string, { code, signal, stderrTail }: Ended): Error {
	if (code === EXIT_OF_A_FAULT) return new Error(`a fault in the process that tried ${what}\n${stderrTail}`);
	const how = signal ? `killed by ${signal}` : `exit code ${code}`;
	return new Failure(
		'child-died',
		`Cannot try ${what}: its process died (${how}) ${causeIn(stderrTail)}`.trim(),
		'Is the machine out of memory (sudo dmesg)? If not, a driver or library crashed: try it again, then install that anew.',
	);
}
