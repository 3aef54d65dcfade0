import type { Below } from './below.js';
import { compareVersions } from './jetpack.js';

/** How Debian names the processors that Node names otherwise. */
const DEBIAN: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'arm' };

const gnu = (arch: string) => `${DEBIAN[arch] ?? arch}-linux-gnu${arch === 'arm' ? 'eabihf' : ''}`;

/** A library by what it is called without its version, and where else its version is written. */
export type Library = {
	readonly stem: string;
	/** Read where the file's name tells too little; `folders` of headers are those of Debian. */
	readonly written: (texts: Below, arch: string) => Promise<string | null>;
};

/** Numbers of a header, which may name another define of it, as TensorRT's does since 10.11. */
const defines = (text: string | null, names: readonly string[]): string | null => {
	const definitionOf = (name: string) =>
		new RegExp(`^#define\\s+${name}\\s+(\\w+)\\s*(?://.*)?$`, 'm').exec(text ?? '')?.[1] ?? '';
	const numbers = names.map((name) => {
		const value = definitionOf(name);
		return /^\d+$/.test(value) ? value : definitionOf(value);
	});
	return numbers.every((number) => /^\d+$/.test(number)) ? numbers.join('.') : null;
};

const firstOf = async (paths: readonly string[], read: (path: string) => Promise<string | null>) => {
	for (const path of paths) {
		const found = await read(path);
		if (found !== null) return found;
	}
	return null;
};

const inHeader =
	(header: string, names: readonly string[]): Library['written'] =>
	({ text }, arch) =>
		firstOf([`/usr/include/${gnu(arch)}/${header}`, `/usr/include/${header}`], async (path) =>
			defines(await text(path), names),
		);

/** `cuda_cudart` of version.json that the toolkit's packages write. */
const inToolkit: Library['written'] = async ({ text }) => {
	try {
		const told: unknown = JSON.parse((await text('/usr/local/cuda/version.json')) ?? '');
		const version = (told as { cuda_cudart?: { version?: unknown } }).cuda_cudart?.version;
		return typeof version === 'string' && FULL.test(version) ? version : null;
	} catch {
		return null;
	}
};

export const LIBRARIES = {
	tensorrt: {
		stem: 'libnvinfer',
		written: inHeader('NvInferVersion.h', ['NV_TENSORRT_MAJOR', 'NV_TENSORRT_MINOR', 'NV_TENSORRT_PATCH']),
	},
	cuda: { stem: 'libcudart', written: inToolkit },
	cudnn: {
		stem: 'libcudnn',
		written: inHeader('cudnn_version.h', ['CUDNN_MAJOR', 'CUDNN_MINOR', 'CUDNN_PATCHLEVEL']),
	},
} as const satisfies Record<string, Library>;

const FULL = /^\d+\.\d+\.\d+(\.\d+)*$/;

/** Folders in the order in which ld.so(8) looks: its path, its configuration, its own; then those of CUDA, which need not be configured. */
export async function libraryFolders(
	files: Below,
	arch: string,
	path: readonly string[] = [],
): Promise<readonly string[]> {
	const triplet = gnu(arch);
	const configured = await includedBy(files, '/etc/ld.so.conf');
	const own = [`/lib/${triplet}`, `/usr/lib/${triplet}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
	const targets = `targets/${arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux/lib`;
	const toolkits = (await files.names('/usr/local')).filter((name) => /^cuda(-[\d.]+)?$/.test(name));
	const cuda = toolkits.flatMap((name) => [`/usr/local/${name}/${targets}`, `/usr/local/${name}/lib64`]);
	return [...new Set([...path, ...configured, ...own, ...cuda])];
}

/** The folders that a file of ldconfig(8) names, with those of the files that it includes, once each. */
async function includedBy(files: Below, path: string, seen = new Set<string>()): Promise<string[]> {
	if (seen.has(path)) return [];
	seen.add(path);
	const folders: string[] = [];
	for (const line of ((await files.text(path)) ?? '').split('\n')) {
		const words = line
			.replace(/#.*/, '')
			.trim()
			.split(/[\s,:]+/);
		if (words[0] !== 'include') folders.push(...words.filter((word) => word.startsWith('/')));
		else
			for (const pattern of words.slice(1))
				for (const included of await matching(files, pattern))
					folders.push(...(await includedBy(files, included, seen)));
	}
	return folders;
}

/** Of glob(7) only a star in the last part, as distributions write it. */
async function matching({ names }: Below, pattern: string): Promise<string[]> {
	const at = pattern.lastIndexOf('/');
	const folder = at < 0 ? '/etc' : pattern.slice(0, at);
	const last = pattern.slice(at + 1);
	const shape = new RegExp(
		`^${last
			.split('*')
			.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
			.join('.*')}$`,
	);
	return (await names(folder)).filter((name) => shape.test(name)).map((name) => `${folder}/${name}`);
}

/**
 * Version of a library where it is first found, "10.3.0"; null where it is not there or tells none. Programs load a library
 * by the name that links to it ("libnvinfer.so.10"), so what a link leads to comes before what merely lies beside it.
 */
export async function versionOf(
	{ stem, written }: Library,
	files: Below,
	{ arch, folders }: { readonly arch: string; readonly folders: readonly string[] },
): Promise<string | null> {
	const shape = new RegExp(`^${stem}\\.so\\.(\\d+(?:\\.\\d+)*)$`);
	for (const folder of folders) {
		const found: { readonly asked: string; readonly is: string; readonly linked: boolean }[] = [];
		for (const name of await files.names(folder)) {
			const asked = shape.exec(name)?.[1];
			if (asked === undefined) continue;
			const real = await files.real(`${folder}/${name}`);
			if (real === null) continue;
			const base = real.slice(real.lastIndexOf('/') + 1);
			found.push({ asked, is: shape.exec(base)?.[1] ?? '', linked: base !== name });
		}
		if (found.length === 0) continue;
		const loaded = found.some(({ linked }) => linked) ? found.filter(({ linked }) => linked) : found;
		const full = loaded.map(({ is }) => is).filter((is) => FULL.test(is));
		const [newest] = full.sort((a, b) => compareVersions(b, a));
		if (newest !== undefined) return newest;
		// A header of another version tells nothing of this library.
		const told = await written(files, arch);
		return told !== null && loaded.some(({ asked }) => told === asked || told.startsWith(`${asked}.`))
			? told
			: null;
	}
	return null;
}
