import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { PROVIDERS, type Provider } from '../base/provider.js';

/** The names that ONNX Runtime has for providers, in profiles and in engines. */
export const PROVIDER_NAMES: Readonly<Record<Provider, string>> = {
	tensorrt: 'TensorrtExecutionProvider',
	cuda: 'CUDAExecutionProvider',
	webgpu: 'WebGpuExecutionProvider',
	cpu: 'CPUExecutionProvider',
};

/** Where a node ran whose provider the profile does not name. */
const UNNAMED = 'unnamed';

/** Memory first: a disk that is full must not keep a station from starting. */
const places = ['/dev/shm', tmpdir()];

/** Where ONNX Runtime's profile of a session goes, and what it says. */
export type ExecutionRecord = {
	/** What the file's path begins with. */
	readonly prefix: string;
	/** Who ran the nodes, once the profile has ended. @throws Failure model-failed when it cannot be read */
	providers(): Promise<readonly string[]>;
	close(): Promise<void>;
};

/** @throws Failure model-failed when there is no place for it */
export async function openRecord(): Promise<ExecutionRecord> {
	const folder = await firstPlace();
	return {
		prefix: join(folder, 'profile'),
		providers: async () => {
			try {
				const [file = ''] = await readdir(folder);
				return providersIn(await readFile(join(folder, file), 'utf8'));
			} catch (thrown) {
				throw new Failure('model-failed', `Cannot tell where the model ran: ${reasonOf(thrown)}`);
			}
		},
		close: () => rm(folder, { recursive: true, force: true }),
	};
}

type ProfileEvent = { readonly cat?: string; readonly args?: { readonly provider?: string } };

/** The providers of all nodes in a profile (Chrome's trace format), by the names of our settings; a node without one is `unnamed`. */
export function providersIn(profile: string): string[] {
	const nodes = (JSON.parse(profile) as readonly ProfileEvent[]).filter(({ cat }) => cat === 'Node');
	const found = new Set(nodes.map(({ args }) => args?.provider || UNNAMED));
	return [...found].map((name) => PROVIDERS.find((p) => PROVIDER_NAMES[p] === name) ?? name).sort();
}

async function firstPlace(): Promise<string> {
	let reason: unknown;
	for (const place of places) {
		try {
			return await mkdtemp(join(place, 'inspectord-'));
		} catch (thrown) {
			reason = thrown;
		}
	}
	throw new Failure('model-failed', `Cannot note where the model runs: ${reasonOf(reason)}`);
}
