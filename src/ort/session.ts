import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { MessageChannel } from 'node:worker_threads';
import type * as Ort from 'onnxruntime-node';
import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { EngineFiles, Feeds, Session, SessionOptions } from '../graph/session.js';
import type { DType, Tensor } from '../graph/tensor.js';
import { productProbe } from '../model/product-probe.js';
import { ortPackage } from './library.js';
import { reasonOfOrt } from './reason.js';
import { openRecord } from './record.js';

let loaded: typeof Ort | undefined;

/** Loaded when it is asked for first: from the registry's package, unless another place was loaded before (`loadOrt`). */
function runtime(): typeof Ort {
	loaded ??= ortPackage();
	return loaded;
}

/** ONNX Runtime's own version. */
export function onnxruntimeVersion(): string {
	const { versions } = runtime().env;
	return versions.node ?? versions.common;
}

/** Where products of int8 saturate, ONNX Runtime multiplies uint8 by uint8 with this: slower, and exact (kOrtSessionOptionsAvx2PrecisionMode). */
const EXACT_PRODUCTS = { x64quantprecision: '1' } as const;

/** Its threads would turn on for a while after each run, on the cores that decode the next picture (kOrtSessionOptionsConfigForceSpinningStop). */
const REST_BETWEEN_RUNS = { force_spinning_stop: '1' } as const;

let exactProducts: Promise<boolean> | undefined;

/** Whether this processor multiplies in int8 without saturation, which it is asked once. */
function multipliesExactly(): Promise<boolean> {
	exactProducts ??= (async () => {
		const { model, ones, exact } = productProbe();
		const settings = { executionProviders: ['cpu'], intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
		const ort = runtime();
		const session = await ort.InferenceSession.create(model, settings);
		const { sum } = await session.run({ ones: new ort.Tensor('float32', ones.data, ones.shape) });
		await session.release();
		return exact(sum!.data as Float32Array);
	})();
	return exactProducts;
}

/** What was opened, and the hashes of what it was opened from. */
type Opened = Pick<Session, 'sha256' | 'wrapper'> & { readonly session: Ort.InferenceSession };

/**
 * Opens a model from a path or bytes; a path is read once, and what was read is what is hashed and what is opened. Of TensorRT's engine
 * ONNX Runtime reads the files itself: they are hashed before and after. A provider other than 'cpu' must take every node: a session that
 * would fall back to the CPU is refused.
 * @throws Failure model-failed, engine-invalid when an engine changes while it is opened
 */
export async function openSession(
	model: string | Uint8Array | EngineFiles,
	options: SessionOptions = {},
): Promise<Session> {
	const { provider = 'cpu', threads = 0, memoryPlan = true, recorded = false, name } = options;
	const path = typeof model === 'string' ? model : 'engine' in model ? model.engine : name;
	const record = recorded ? await openRecord() : undefined;
	const settings: Ort.InferenceSession.SessionOptions = {
		executionProviders: [provider],
		intraOpNumThreads: threads,
		enableMemPattern: memoryPlan,
		graphOptimizationLevel: 'all',
		logSeverityLevel: 3,
		...(record && { enableProfiling: true, profileFilePrefix: record.prefix }),
		...(await extraFor(provider)),
	};
	let opened: Opened;
	try {
		opened = await (typeof model === 'object' && 'engine' in model
			? openEngine(model, settings)
			: openModel(model, settings));
	} catch (thrown) {
		await record?.close();
		if (thrown instanceof Failure) throw thrown;
		const thing = path === undefined ? 'a model from memory' : `model "${path}"`;
		throw new Failure(
			'model-failed',
			`Cannot open ${thing} with provider "${provider}": ${reasonOfOrt(thrown)}`,
		);
	}
	const { session, ...hashes } = opened;
	const nothing = Object.fromEntries(session.outputNames.map((name) => [name, null]));
	return {
		...hashes,
		run: async (feeds, into) => {
			try {
				if (!into) return fromOrt(await session.run(toOrt(feeds)));
				const results = await session.run(toOrt(feeds), { ...nothing, ...toOrt(into) });
				// The binding copies what was written to memory that we gave.
				const copies = Object.entries(into).flatMap(([name, { data }]) => {
					const { buffer } = results[name]!.data as Float32Array<ArrayBuffer>;
					return buffer === data.buffer ? [] : [buffer];
				});
				forget(copies);
				return { ...fromOrt(results), ...into };
			} catch (thrown) {
				throw new Failure(
					'model-failed',
					`Cannot run ${path === undefined ? 'the model' : `model "${path}"`} with provider "${provider}": ${reasonOfOrt(thrown)}`,
				);
			}
		},
		ranOn: async () => {
			if (!record) throw new Error('the session was opened without a record');
			session.endProfiling();
			return record.providers();
		},
		close: async () => {
			await session.release();
			await record?.close();
		},
	};
}

async function openModel(
	model: string | Uint8Array,
	settings: Ort.InferenceSession.SessionOptions,
): Promise<Opened> {
	const bytes = typeof model === 'string' ? await readFile(model) : model;
	return { sha256: sha256Of(bytes), session: await runtime().InferenceSession.create(bytes, settings) };
}

/** By path: the model names the engine relative to itself. @throws Failure engine-invalid */
async function openEngine(
	{ wrapper, engine }: EngineFiles,
	settings: Ort.InferenceSession.SessionOptions,
): Promise<Opened> {
	const hashes = async () => ({
		sha256: await sha256OfFile(engine),
		wrapper: await sha256OfFile(wrapper),
	});
	const before = await hashes();
	const session = await runtime().InferenceSession.create(wrapper, settings);
	try {
		const after = await hashes();
		if (after.sha256 === before.sha256 && after.wrapper === before.wrapper) return { session, ...before };
		throw new Failure(
			'engine-invalid',
			`Cannot use engine "${engine}": it was changed while it was opened`,
			'Build it again (inspectord engine build), and let nothing else write where engines are kept.',
		);
	} catch (thrown) {
		await session.release();
		throw thrown;
	}
}

/** Which may be larger than one buffer. */
async function sha256OfFile(path: string): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
	return hash.digest('hex');
}

async function extraFor(provider: string): Promise<Pick<Ort.InferenceSession.SessionOptions, 'extra'>> {
	if (provider !== 'cpu')
		return { extra: { session: { ...REST_BETWEEN_RUNS, disable_cpu_ep_fallback: '1' } } };
	return {
		extra: { session: { ...REST_BETWEEN_RUNS, ...((await multipliesExactly()) ? {} : EXACT_PRODUCTS) } },
	};
}

function toOrt(feeds: Feeds): Record<string, Ort.Tensor> {
	const { Tensor } = runtime();
	return Object.fromEntries(
		Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
			name,
			new Tensor(dtype as 'float32', data as Float32Array, shape),
		]),
	);
}

function fromOrt(results: Readonly<Record<string, Ort.Tensor>>): Record<string, Tensor> {
	return Object.fromEntries(
		Object.entries(results).map(([name, { type, dims, data }]) => [
			name,
			{ dtype: type as DType, shape: dims, data: data as Tensor['data'] },
		]),
	);
}

/** What is handed to a port that nobody listens to is freed at once. */
const { port1: nowhere, port2: listener } = new MessageChannel();
listener.close();

/** Hundreds of megabytes would wait to be collected otherwise. */
function forget(buffers: ArrayBuffer[]): void {
	nowhere.postMessage(null, buffers);
}
