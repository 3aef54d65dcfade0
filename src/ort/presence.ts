import { existsSync } from 'node:fs';
import { Module } from 'node:module';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { type Elf, readElf } from './elf.js';
import { machineOf, type OrtPlace, ortPackage, ortVersion } from './library.js';

/** Why a provider cannot be used, whatever the model. `isAbsent`: nothing of it is here. */
export type Lack = { readonly failure: Failure; readonly isAbsent: boolean };

const SHARED = 'libonnxruntime_providers_shared.so';
const CUDA = 'libonnxruntime_providers_cuda.so';
const TENSORRT = 'libonnxruntime_providers_tensorrt.so';

/** Libraries that ONNX Runtime loads beside itself, a provider's own first; TensorRT's has its memory from CUDA's. */
const libraries: Readonly<Record<Provider, readonly string[]>> = {
	tensorrt: [TENSORRT, CUDA, SHARED],
	cuda: [CUDA, SHARED],
	webgpu: [],
	cpu: [],
};

/** What ONNX Runtime calls in each (provider_bridge_ort.cc). */
const entries: Readonly<Record<string, string>> = {
	[SHARED]: 'Provider_GetHost',
	[CUDA]: 'GetProvider',
	[TENSORRT]: 'GetProvider',
};

/** What a library belongs to that is not there; what is numbered otherwise than CUDA itself goes without a number. */
const belongings: readonly (readonly [library: RegExp, part: (major: string) => string])[] = [
	[/^libcuda\.so/, () => "NVIDIA's driver"],
	[/^lib(?:cudart|cublas|cublasLt)\.so\.(\d+)/, (major) => `CUDA ${major}`],
	[/^lib(?:cufft|curand|cusolver|cusparse|nvrtc|nvJitLink)\.so/, () => 'CUDA'],
	[/^libcudnn\w*\.so\.(\d+)/, (major) => `cuDNN ${major}`],
	[/^libnv(?:infer|onnxparser)\w*\.so\.(\d+)/, (major) => `TensorRT ${major}`],
];

/**
 * What speaks against a provider before a model is opened; null for nothing. Libraries that the provider is loaded with are tried by the
 * system's own loader: ONNX Runtime itself says only that it failed.
 */
export function lackOf(provider: Provider, { folder, isOwn }: OrtPlace): Lack | null {
	const lack = (state: string, advice: string, isAbsent = false): Lack => ({
		failure: new Failure('provider-unavailable', `Cannot use provider "${provider}": ${state}`, advice),
		isAbsent,
	});
	const version = ortVersion();
	const put = isOwn
		? `Name a folder with an ONNX Runtime ${version} that was built with it in INSPECTORD_ORT (docs/jetson.md), or choose another provider.`
		: `Put the libraries of ONNX Runtime ${version}, of one build, into that folder (docs/jetson.md).`;
	if (
		!ortPackage()
			.listSupportedBackends()
			.some(({ name }) => name === provider)
	)
		return lack(`the ONNX Runtime in "${folder}" was built without it`, put, true);
	const names = libraries[provider];
	const absent = names.filter((name) => !existsSync(join(folder, name)));
	if (absent.length > 0)
		return lack(`"${folder}" has no ${absent.join(' and no ')}`, put, absent.includes(names[0]!));
	const read = new Map<string, Elf>();
	for (const name of names) {
		try {
			read.set(name, readElf(join(folder, name)));
		} catch (thrown) {
			return lack(`"${name}" in "${folder}" cannot be used: ${reasonOf(thrown)}`, put);
		}
	}
	for (const [name, elf] of read) {
		const misfit = misfitOf(name, elf, read.get(CUDA)!, version);
		if (misfit !== undefined) return lack(`"${name}" in "${folder}" ${misfit}`, put);
	}
	const missing = new Map([...read.values()].flatMap((elf) => missingOf(elf, folder)));
	if (missing.size === 0) return null;
	const parts = partsOf([...missing.keys()]);
	const named = parts.map(({ part, of }) => `${part} (${of.map((name) => missing.get(name)).join(', ')})`);
	const whole = parts.map(({ part }) => part).join(', ');
	return lack(
		`what it is loaded with is not there: ${named.join(', ')}`,
		`Install ${whole}; or, where that is installed, name its folder in LD_LIBRARY_PATH.`,
	);
}

/**
 * Only CUDA's library holds the version in writing; whether the others come from the same build is seen by what compiled them. What that
 * lets through the golden vectors judge.
 */
function misfitOf(name: string, elf: Elf, cuda: Elf, version: string): string | undefined {
	const machine = machineOf(elf);
	if (machine !== process.arch) return `is for ${machine}, this machine is ${process.arch}`;
	if (!elf.symbols.has(entries[name]!)) return 'is no such library of ONNX Runtime';
	if (name === CUDA && !holdsText(elf.constants, version))
		return `is of another version than ${version}, which is needed exactly`;
	if (elf.compiler !== cuda.compiler)
		return `is from another build than ${CUDA}: "${elf.compiler}" compiled it, and not "${cuda.compiler}"`;
	return undefined;
}

/** A text of its own, or the end of a longer one that is no longer version. */
function holdsText(constants: Buffer, text: string): boolean {
	const wanted = Buffer.from(`${text}\0`, 'latin1');
	for (let at = constants.indexOf(wanted); at >= 0; at = constants.indexOf(wanted, at + 1))
		if (at === 0 || !/[\d.]/.test(String.fromCharCode(constants[at - 1]!))) return true;
	return false;
}

/** Libraries that one is loaded with and that the system's loader does not find, and how each is told of. */
function missingOf({ needed, runpath }: Elf, folder: string): [library: string, told: string][] {
	return needed.flatMap((name): [string, string][] => {
		const places = runpath.map((place) => join(place.replace(/\$(ORIGIN|\{ORIGIN\})/, folder), name));
		const reasons = [name, ...places].map(reasonNotLoaded);
		const [reason] = reasons;
		if (reason === undefined || reasons.includes(undefined)) return [];
		const [, absent] = /^(\S+): cannot open shared object file/.exec(reason) ?? [];
		return absent === undefined ? [[name, `"${name}": ${reason}`]] : [[absent, `"${absent}"`]];
	});
}

/** What libraries belong to, each once. */
function partsOf(names: readonly string[]): { readonly part: string; readonly of: readonly string[] }[] {
	const parts = new Map<string, string[]>();
	for (const name of names) {
		const part = partOf(name);
		parts.set(part, [...(parts.get(part) ?? []), name]);
	}
	const whole = [...parts.keys()].find((part) => part.startsWith('CUDA '));
	return [...parts].flatMap(([part, of]) => {
		if (whole !== undefined && part === 'CUDA') return [];
		return [{ part, of: part === whole ? [...of, ...(parts.get('CUDA') ?? [])] : of }];
	});
}

function partOf(library: string): string {
	for (const [known, part] of belongings) {
		const found = known.exec(library);
		if (found) return part(found[1] ?? '');
	}
	return 'libraries of the system';
}

/** Undefined for one that was loaded; it is let go of again. Node loads what is meant for it, and says of anything else that it is not. */
function reasonNotLoaded(library: string): string | undefined {
	try {
		process.dlopen(new Module(library), library);
		return undefined;
	} catch (thrown) {
		const reason = reasonOf(thrown);
		return /did not self-register/.test(reason) ? undefined : reason;
	}
}
