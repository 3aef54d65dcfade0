import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import type * as Ort from 'onnxruntime-node';
import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Feeds, Session, SessionOptions } from '../graph/session.js';
import type { DType, Tensor } from '../graph/tensor.js';
import { productProbe } from '../model/int8.js';
import { reasonOfOrt } from './reason.js';
import { openRecord } from './record.js';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort;

/** ONNX Runtime's own version. */
export function onnxruntimeVersion(): string {
	return ort.env.versions.node ?? ort.env.versions.common;
}

/** Where products of int8 saturate, ONNX Runtime multiplies uint8 by uint8 with this: slower, and exact (kOrtSessionOptionsAvx2PrecisionMode). */
const EXACT_PRODUCTS = { x64quantprecision: '1' } as const;

/** Its threads would turn on for a while after each run, on the cores that decode the next picture (kOrtSessionOptionsConfigForceSpinningStop). */
const REST_BETWEEN_RUNS = { force_spinning_stop: '1' } as const;

let exactProducts: Promise<boolean> | undefined;

/** Whether this processor multiplies in int8 without saturation, which it is asked once. */
function multipliesExactly(): Promise<boolean> {
	exactProducts ??= (async () => {
		const { graph, ones, exact } = productProbe();
		const settings = { executionProviders: ['cpu'], intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
		const session = await ort.InferenceSession.create(encodeOnnx(graph, 'probe'), settings);
		const { sum } = await session.run({ ones: new ort.Tensor('float32', ones.data, ones.shape) });
		await session.release();
		return exact(sum!.data as Float32Array);
	})();
	return exactProducts;
}

/**
 * Opens a model from a path or bytes; a path is read once, and what was read is what is hashed and what is opened. A provider other
 * than 'cpu' must take every node: a session that would fall back to the CPU is refused.
 * @throws Failure model-failed
 */
export async function openSession(
	model: string | Uint8Array,
	options: SessionOptions = {},
): Promise<Session> {
	const { provider = 'cpu', threads = 0, memoryPlan = true, recorded = false, name } = options;
	const path = typeof model === 'string' ? model : name;
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
	let session: Ort.InferenceSession;
	let sha256: string;
	try {
		const bytes = typeof model === 'string' ? await readFile(model) : model;
		sha256 = sha256Of(bytes);
		session = await ort.InferenceSession.create(bytes, settings);
	} catch (thrown) {
		await record?.close();
		const thing = path === undefined ? 'a model from memory' : `model "${path}"`;
		throw new Failure(
			'model-failed',
			`Cannot open ${thing} with provider "${provider}": ${reasonOfOrt(thrown)}`,
		);
	}
	const nothing = Object.fromEntries(session.outputNames.map((name) => [name, null]));
	return {
		sha256,
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

async function extraFor(provider: string): Promise<Pick<Ort.InferenceSession.SessionOptions, 'extra'>> {
	if (provider !== 'cpu')
		return { extra: { session: { ...REST_BETWEEN_RUNS, disable_cpu_ep_fallback: '1' } } };
	return {
		extra: { session: { ...REST_BETWEEN_RUNS, ...((await multipliesExactly()) ? {} : EXACT_PRODUCTS) } },
	};
}

function toOrt(feeds: Feeds): Record<string, Ort.Tensor> {
	return Object.fromEntries(
		Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
			name,
			new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
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
