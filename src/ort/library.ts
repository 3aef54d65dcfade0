import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { Failure, reasonOf, unloadable } from '../base/failure.js';
import { type Elf, readElf } from './elf.js';

const require = createRequire(import.meta.url);

// Since 1.29 it tells its maker of every process and model, keeps an id of the machine in the user's cache, and leaves an empty log in
// /tmp for each process. It reads this when it is loaded (microsoft/onnxruntime#27379).
process.env.ORT_DISABLE_TELEMETRY = '1';

const BINDING = 'onnxruntime_binding.node';
const LIBRARY = 'libonnxruntime.so.1';

/** What is loaded: the folder with the binding and the library beside it. */
export type OrtPlace = {
	readonly folder: string;
	/** From the registry, and not a folder that somebody named. */
	readonly isOwn: boolean;
};

/** The version of ONNX Runtime that this program speaks with. */
export function ortVersion(): string {
	return packageFile().version;
}

function placeOfOwn(): OrtPlace {
	const { home, binary } = packageFile();
	const build = `napi-v${binary.napi_versions[0]}`;
	return { folder: join(home, 'bin', build, process.platform, process.arch), isOwn: true };
}

/** What the package from the registry says of itself, and where it lies. */
function packageFile() {
	const file = require.resolve('onnxruntime-node/package.json');
	const said = JSON.parse(readFileSync(file, 'utf8')) as {
		readonly version: string;
		readonly binary: { readonly napi_versions: readonly [number] };
	};
	return { ...said, home: dirname(file) };
}

/** By their number in ELF files. */
const machines: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };

/** The symbols of a library of ONNX Runtime have a version of their own for each of its releases (its tools/ci_build/gen_def.py). */
const symbolsOf = (release: string) => `VERS_${release}`;

/** What a library is built for, in Node's words. */
export function machineOf({ machine }: Elf): string {
	return machines[machine] ?? `another machine (${machine})`;
}

const remedy = () =>
	`Build ONNX Runtime ${ortVersion()} with its Node binding for this machine (docs/jetson.md), or unset INSPECTORD_ORT.`;

/**
 * Where ONNX Runtime is loaded from: `named` is a folder with a binding and its libraries, or one like the package onnxruntime-node. Looks
 * into the files, and loads none. @throws Failure library-unusable with the piece that is missing or does not fit
 */
export function ortPlace(named: string | undefined): OrtPlace {
	if (named === undefined || named === '') return placeOfOwn();
	const version = ortVersion();
	const folder = folderOfBinding(named);
	const unusable = (state: string) =>
		new Failure('library-unusable', `Cannot use ONNX Runtime in "${folder}": ${state}`, remedy());
	const read = (name: string): Elf => {
		const path = join(folder, name);
		if (!existsSync(path)) throw unusable(`it has no ${name}${almost(folder, name)}`);
		try {
			return readElf(path);
		} catch (thrown) {
			throw unusable(`"${name}" cannot be read: ${reasonOf(thrown)}`);
		}
	};
	const assertMachine = (name: string, elf: Elf): void => {
		const built = machineOf(elf);
		if (built !== process.arch) throw unusable(`"${name}" is for ${built}, this machine is ${process.arch}`);
	};
	const assertVersion = (name: string, versions: readonly string[]): void => {
		if (versions.includes(symbolsOf(version))) return;
		const found = versions.flatMap((one) => /^VERS_(.+)$/.exec(one)?.[1] ?? []);
		const state = found.length === 0 ? 'does not tell its version' : `is of ONNX Runtime ${found.join(', ')}`;
		throw unusable(`"${name}" ${state}, exactly ${version} is needed`);
	};
	const library = read(LIBRARY);
	assertMachine(LIBRARY, library);
	assertVersion(LIBRARY, library.defines);
	const [, byName] = /\.so\.(\d+\.\d+\.\d+)$/.exec(basename(realpathSync(join(folder, LIBRARY)))) ?? [];
	if (byName !== undefined && byName !== version)
		throw unusable(
			`"${LIBRARY}" is of ONNX Runtime ${byName} by its name, and of ${version} by what it holds`,
		);
	const binding = read(BINDING);
	assertMachine(BINDING, binding);
	if (!binding.needed.includes(LIBRARY)) throw unusable(`"${BINDING}" does not use ${LIBRARY}`);
	assertVersion(BINDING, binding.needs[LIBRARY] ?? []);
	return { folder, isOwn: false };
}

/** @throws Failure library-unusable */
function folderOfBinding(named: string): string {
	const unusable = (state: string) =>
		new Failure('library-unusable', `Cannot use INSPECTORD_ORT "${named}": ${state}`, remedy());
	let names: readonly string[];
	try {
		names = readdirSync(named);
	} catch (thrown) {
		throw unusable(`it cannot be read as a folder: ${reasonOf(thrown)}`);
	}
	if (names.includes(BINDING)) return named;
	const builds = readableNames(join(named, 'bin')).filter((name) => name.startsWith('napi-v'));
	const platforms = builds.map((build) => join(named, 'bin', build, process.platform));
	const folders = platforms.map((platform) => join(platform, process.arch));
	const found = folders.find((folder) => existsSync(join(folder, BINDING)));
	if (found !== undefined) return found;
	const others = platforms.flatMap(readableNames);
	if (others.length > 0)
		throw unusable(`it has a binding for ${others.join(' and ')}, this machine is ${process.arch}`);
	throw unusable(
		`it has no ${BINDING}, neither itself nor in bin/napi-v*/${process.platform}/${process.arch}`,
	);
}

function readableNames(folder: string): readonly string[] {
	try {
		return readdirSync(folder);
	} catch {
		return [];
	}
}

/** A library from a wheel has its whole version in its name. */
function almost(folder: string, name: string): string {
	const [near] = readableNames(folder).filter(
		(other) => name === LIBRARY && /^libonnxruntime\.so/.test(other),
	);
	return near === undefined ? '' : `, which "${near}" could be: link it`;
}

/**
 * Loads ONNX Runtime from a place, once in a process, and in front of whoever asks for the package: its JavaScript finds this binding
 * where it looks for its own. @throws Failure library-unusable
 */
export function loadOrt({ folder, isOwn }: OrtPlace): void {
	if (isOwn) return;
	const own = join(placeOfOwn().folder, BINDING);
	const path = join(folder, BINDING);
	const loaded = require.cache[own];
	if (loaded) {
		if (loaded.id === path) return;
		throw new Error(`ONNX Runtime was loaded from ${loaded.id} before ${path} was asked for`);
	}
	const module = new Module(path);
	try {
		process.dlopen(module, path);
	} catch (thrown) {
		throw new Failure(
			'library-unusable',
			`Cannot load ONNX Runtime from "${folder}": ${reasonOf(thrown)}`,
			remedy(),
		);
	}
	const mapped = mappedLibrary();
	if (mapped !== undefined && mapped !== realpathSync(join(folder, LIBRARY)))
		throw new Failure(
			'library-unusable',
			`Cannot load ONNX Runtime from "${folder}": "${mapped}" came in place of its ${LIBRARY}`,
			'Take that folder out of LD_LIBRARY_PATH, or the file out of it.',
		);
	module.filename = path;
	module.loaded = true;
	require.cache[own] = module;
}

/** Where this process has the library from; undefined where the system does not tell (proc(5)). */
function mappedLibrary(): string | undefined {
	try {
		const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
		return maps
			.map((line) => /\/.*libonnxruntime\.so\.[\d.]+$/.exec(line)?.[0])
			.find((path) => path !== undefined);
	} catch {
		return undefined;
	}
}

/** ONNX Runtime's package, with whichever binding was loaded. @throws Failure library-unusable */
export function ortPackage(): typeof Ort {
	try {
		return require('onnxruntime-node') as typeof Ort;
	} catch (thrown) {
		throw unloadable('ONNX Runtime', thrown);
	}
}
