import { execFile } from 'node:child_process';
import { type Below, bare, below } from './below.js';
import { LIBRARIES, libraryFolders, versionOf } from './libraries.js';

/** What a GPU's engines depend on, as the machine tells it; null where it tells nothing. */
export type Accelerator = {
	/** As people know it: "NVIDIA Jetson Orin Nano Developer Kit", "NVIDIA H200". */
	readonly device: string | null;
	/** Of the kernel's driver: "540.4.0". */
	readonly driver: string | null;
	/** Compute capability: "8.7" is Orin. */
	readonly sm: string | null;
	/** Release of Jetson Linux: "36.4.3"; null on other machines. */
	readonly l4t: string | null;
	/** Of the libraries that are here: "10.3.0", "12.6.68", "9.3.0". */
	readonly tensorrt: string | null;
	readonly cuda: string | null;
	readonly cudnn: string | null;
};

/** Compute capabilities by the device tree's name of the chip (CUDA C++ Programming Guide; Thor as of CUDA 13). */
const CHIPS: Readonly<Record<string, string>> = {
	tegra210: '5.3',
	tegra186: '6.2',
	tegra194: '7.2',
	tegra234: '8.7',
	tegra264: '11.0',
};

/** `ask`: what nvidia-smi says of each GPU, "name, driver, compute capability" a line; null where it is not there. */
export type AcceleratorWorld = {
	readonly ask: () => Promise<string | null>;
	/** Of the processor whose libraries count, as Node names it. */
	readonly arch: string;
	/** Folders of LD_LIBRARY_PATH. */
	readonly path: readonly string[];
};

const ANSWER_MS = 5000;

/** Of this machine, with the libraries that a process of this environment would load. Never throws. */
export function acceleratorHere({
	LD_LIBRARY_PATH = '',
}: Readonly<Record<string, string | undefined>>): Promise<Accelerator> {
	return accelerator('/', { path: LD_LIBRARY_PATH.split(':').filter((folder) => folder !== '') });
}

/** What is read below `root`: a folder other than `/` is a copy of a machine, whose nvidia-smi is not asked. Never throws. */
export async function accelerator(root = '/', world: Partial<AcceleratorWorld> = {}): Promise<Accelerator> {
	const { ask = root === '/' ? askNvidiaSmi : async () => null, arch = process.arch, path = [] } = world;
	const files = below(root);
	const [chip, l4t, said, folders] = await Promise.all([
		chipOf(files),
		releaseOf(files),
		ask(),
		libraryFolders(files, arch, path),
	]);
	const gpus = gpusOf(said);
	const [driver, device, tensorrt, cuda, cudnn] = await Promise.all([
		driverOf(files, l4t),
		deviceOf(files, chip),
		...(['tensorrt', 'cuda', 'cudnn'] as const).map((library) =>
			versionOf(LIBRARIES[library], files, { arch, folders }),
		),
	]);
	return {
		device: device ?? one(gpus.map(({ name }) => name)),
		driver: driver ?? one(gpus.map((gpu) => gpu.driver)),
		sm: (chip === null ? undefined : CHIPS[chip]) ?? one(gpus.map(({ sm }) => sm)),
		l4t,
		tensorrt: tensorrt ?? null,
		cuda: cuda ?? null,
		cudnn: cudnn ?? null,
	};
}

/** Where GPUs differ nobody knows which one computes. */
function one(values: readonly (string | null)[]): string | null {
	const [first = null] = values;
	return values.every((value) => value === first) ? first : null;
}

type Gpu = { readonly name: string | null; readonly driver: string | null; readonly sm: string | null };

function gpusOf(said: string | null): readonly Gpu[] {
	const lines = (said ?? '').split('\n').filter((line) => line.includes(','));
	return lines.map((line) => {
		const words = line.split(',').map((word) => word.trim());
		const [driver = '', sm = ''] = words.slice(-2);
		return {
			name: words.slice(0, -2).join(', ') || null,
			driver: /^\d+(\.\d+)+$/.test(driver) ? driver : null,
			sm: /^\d+\.\d+$/.test(sm) ? sm : null,
		};
	});
}

function askNvidiaSmi(): Promise<string | null> {
	return new Promise((resolve) => {
		const args = ['--query-gpu=name,driver_version,compute_cap', '--format=csv,noheader'];
		execFile('nvidia-smi', args, { timeout: ANSWER_MS }, (error, said) => resolve(error ? null : said));
	});
}

/** The chip's name in the device tree: "tegra234"; null where it is none of NVIDIA's. */
async function chipOf({ text }: Below): Promise<string | null> {
	const compatible =
		(await text('/proc/device-tree/compatible')) ?? (await text('/sys/firmware/devicetree/base/compatible'));
	return /(?:^|\0)nvidia,(tegra\d+)(?:\0|$)/.exec(compatible ?? '')?.[1] ?? null;
}

/** "R36 (release), REVISION: 4.3" of its file, else the version of the package that brings it. */
async function releaseOf({ text }: Below): Promise<string | null> {
	const [, major, rest] =
		/^# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)\b/m.exec((await text('/etc/nv_tegra_release')) ?? '') ??
		[];
	if (major !== undefined) return `${major}.${rest}`;
	const packages = (await text('/var/lib/dpkg/status')) ?? '';
	const stanza = packages.split('\n\n').find((each) => /^Package: nvidia-l4t-core$/m.test(each)) ?? '';
	if (!/^Status: .*\binstalled$/m.test(stanza)) return null;
	return /^Version: (\d+\.\d+(?:\.\d+)*)-/m.exec(stanza)?.[1] ?? null;
}

/**
 * Jetsons before JetPack 6 without a display driver of the desktop's kind tell no version of nvgpu, their kernel's own:
 * it comes with Jetson Linux and is that release's, as Orin's driver on JetPack 5 says of itself.
 */
async function driverOf({ text, names }: Below, l4t: string | null): Promise<string | null> {
	const said = (await text('/proc/driver/nvidia/version')) ?? '';
	const told = /^NVRM version:.*?Kernel Module(?: for \S+)?\s+(\S+)/m.exec(said)?.[1];
	const module = told ?? bare(await text('/sys/module/nvidia/version'));
	if (module !== null) return module;
	const ownDriver = (await names('/sys/module')).includes('nvgpu');
	return ownDriver ? l4t : null;
}

async function deviceOf({ text, names }: Below, chip: string | null): Promise<string | null> {
	if (chip !== null) return bare(await text('/proc/device-tree/model'));
	const cards = await names('/proc/driver/nvidia/gpus');
	const models = await Promise.all(
		cards.map(async (card) => {
			const told = (await text(`/proc/driver/nvidia/gpus/${card}/information`)) ?? '';
			return /^Model:\s*(.+?)\s*$/m.exec(told)?.[1] ?? null;
		}),
	);
	return one(models);
}
