import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { causeOf } from './causes.js';
import { run } from './run.js';

/** Where JetPack and Debian's packages, NVIDIA's containers and its archives put it. */
const PLACES = [
	'/usr/src/tensorrt/bin',
	'/opt/tensorrt/bin',
	'/usr/local/tensorrt/bin',
	'/usr/local/TensorRT/bin',
	'/opt/TensorRT/bin',
	'/usr/lib/tensorrt/bin',
	'/workspace/tensorrt/bin',
] as const;

/** It loads all of CUDA before it says a word: slow from a cold SD card. */
const ASK_MS = 120_000;

export type Trtexec = {
	readonly path: string;
	/** Of TensorRT: "10.3.0". */
	readonly version: string;
};

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The trtexec that INSPECTORD_TRTEXEC names, or the first in PATH and where packages put it, with its version as it tells it.
 * @throws Failure engine-missing when there is none, or it does not run
 */
export async function findTrtexec(
	env: Env,
	signal: AbortSignal,
	places: readonly string[] = PLACES,
): Promise<Trtexec> {
	const path = await placeOf(env, places);
	return { path, version: await versionOf(path, env, signal) };
}

/** @throws Failure engine-missing */
async function placeOf(env: Env, places: readonly string[]): Promise<string> {
	const given = env.INSPECTORD_TRTEXEC;
	if (given !== undefined && given !== '') {
		if (!isAbsolute(given)) throw missing(`INSPECTORD_TRTEXEC is "${given}", which is no absolute path`);
		const state = await stateOf(given);
		if (state === undefined) return given;
		throw missing(`INSPECTORD_TRTEXEC names "${given}", and ${state}`);
	}
	const folders = [...(env.PATH ?? '').split(delimiter).filter(isAbsolute), ...places];
	for (const folder of folders) {
		const path = join(folder, 'trtexec');
		if ((await stateOf(path)) === undefined) return path;
	}
	throw missing(`there is no trtexec in PATH, nor in ${places.join(', ')}`);
}

/** Why a path is no program that can be run; undefined when it is one. */
async function stateOf(path: string): Promise<string | undefined> {
	const found = await stat(path).catch(() => undefined);
	if (!found) return 'there is no such file';
	if (!found.isFile()) return 'that is no file';
	return access(path, constants.X_OK).then(
		() => undefined,
		() => 'it may not be run',
	);
}

function missing(state: string): Failure {
	return new Failure(
		'engine-missing',
		`Cannot build an engine: ${state}`,
		'Install the package libnvinfer-bin, or name the program in INSPECTORD_TRTEXEC.',
	);
}

/** @throws Failure engine-missing when it does not run, or is no trtexec */
async function versionOf(path: string, env: Env, signal: AbortSignal): Promise<string> {
	const refuse = (
		state: string,
		advice = 'Name the trtexec of the installed TensorRT in INSPECTORD_TRTEXEC.',
	) => new Failure('engine-missing', `Cannot use trtexec "${path}": ${state}`, advice);
	let version: string | undefined;
	const ran = await run(path, ['--help'], {
		env,
		limitMs: ASK_MS,
		signal,
		hear: ({ text }) => {
			version ??= versionIn(text);
		},
	}).catch((thrown) => {
		signal.throwIfAborted();
		throw refuse(reasonOf(thrown));
	});
	if (version !== undefined) return version;
	if (ran.code === 0) throw refuse('it does not tell its version');
	const { state, advice } = causeOf(ran, ran.lines);
	throw refuse(state, advice);
}

/**
 * The version in a line like `&&&& RUNNING TensorRT.trtexec [TensorRT v100300] [b26] # trtexec --help`: 1000 · major + 100 · minor +
 * patch up to TensorRT 9, 10000 · major + 100 · minor + patch from 10 on.
 */
export function versionIn(line: string): string | undefined {
	const digits = /^&&&& RUNNING \S+ \[TensorRT v(\d{4,6})\]/.exec(line)?.[1];
	if (digits === undefined) return undefined;
	const [n, unit] = [Number(digits), digits.length === 4 ? 1000 : 10_000];
	return [Math.floor(n / unit), Math.floor((n % unit) / 100), n % 100].join('.');
}
