import type { Provider } from '../base/provider.js';
import { encodeOnnx } from '../graph/onnx.js';
import { lacking, without } from '../graph/plain.js';
import type { Session } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import type { Backbone } from '../model/architecture.js';
import { featureProgram } from '../model/teacher.js';
import type { Weights } from '../model/weights.js';
import type { TeachingProvider } from '../protocol/teach-messages.js';
import type { TeachWorld } from './lesson.js';
import { candidates, distanceOf, FEATURE_LIMIT, reasonIn, stepBack } from './trial.js';

/** The teacher's three features of one tile, flattened [C·H·W] each. */
export type PictureFeatures = readonly [Float32Array, Float32Array, Float32Array];

/** What the teacher sees in each tile of a set. */
export type FeatureSource = {
	readonly count: number;
	/** @throws Failure when the picture can no longer be read */
	of(index: number): Promise<PictureFeatures>;
	close(): Promise<void>;
};

/** Features that tell what they cost. */
export type MeasuredFeatures = FeatureSource & {
	/** Milliseconds of each tile that was cut and looked at so far. */
	readonly tookMs: readonly number[];
	/** Of how many tiles they are kept, once one was looked at; those of others are computed again each time. */
	readonly kept: number;
};

/** Features kept in memory; those of further tiles are computed again each time. */
const CACHE_BYTES = 600e6;

/**
 * `tile(i)` gives tile i as interleaved RGB `[side, side, 3]`.
 * With `keep` a tile's features are computed once as far as memory allows; augmented tiles differ each time. Another provider than the
 * processor must give the first tile's as the processor does. @throws Failure provider-unavailable, model-failed as `stepBack`
 */
export async function openFeatures(
	teacher: { readonly backbone: Backbone; readonly weights: Weights },
	tiles: {
		readonly count: number;
		readonly side: number;
		readonly keep: boolean;
		tile(index: number): Promise<Uint8Array>;
	},
	{ provider: asked, threads }: { readonly provider: TeachingProvider; readonly threads: number },
	{ openSession, now, report }: Pick<TeachWorld, 'openSession' | 'now' | 'report'>,
): Promise<MeasuredFeatures> {
	const { side, count } = tiles;
	const program = featureProgram(teacher.backbone, teacher.weights, 1, side);
	const open = (provider: Provider) =>
		openSession(encodeOnnx(without(program, lacking[provider]), 'teacher'), { threads, provider });
	const look = async (session: Session, data: Uint8Array): Promise<PictureFeatures> => {
		const image: Tensor = { dtype: 'uint8', shape: [1, side, side, 3], data };
		const results = await session.run({ image });
		return [1, 2, 3].map((i) => results[`teacher${i}`]!.data) as unknown as PictureFeatures;
	};
	const warn = (message: string) => report({ phase: 'warning', message });
	let session: Session | undefined;
	/** Undefined where it sees what the processor sees, else what is wrong. */
	const differing = async (other: Session, processor: Session, data: Uint8Array) => {
		const [reference, found] = [await look(processor, data), await look(other, data)];
		const off = Math.max(...reference.map((feature, i) => distanceOf(feature, found[i]!)));
		return off <= FEATURE_LIMIT
			? undefined
			: `the teacher's features are off by ${off.toPrecision(2)}, allowed is ${FEATURE_LIMIT}`;
	};
	/** The first tile decides where all are looked at. */
	const chosen = async (data: Uint8Array): Promise<Session> => {
		const processor = await open('cpu');
		for (const provider of candidates(asked)) {
			report({ phase: 'provider', provider });
			const other = await open(provider).catch(reasonIn);
			const reason =
				typeof other === 'string' ? other : await differing(other, processor, data).catch(reasonIn);
			if (typeof other !== 'string' && reason === undefined) {
				await processor.close();
				return other;
			}
			report({ phase: 'provider', provider: 'cpu' });
			if (typeof other !== 'string') await other.close();
			const code = typeof other === 'string' ? 'provider-unavailable' : 'model-failed';
			try {
				stepBack(asked, provider, { code, reason: reason! }, warn);
			} catch (refusal) {
				await processor.close();
				throw refusal;
			}
		}
		return processor;
	};
	const cache = new Map<number, PictureFeatures>();
	const tookMs: number[] = [];
	let cached = 0;
	let kept = count;
	return {
		count,
		tookMs,
		get kept() {
			return tiles.keep ? kept : 0;
		},
		of: async (index) => {
			const known = cache.get(index);
			if (known) return known;
			const begun = now();
			const data = await tiles.tile(index);
			const cut = now();
			session ??= await chosen(data);
			const opened = now();
			const features = await look(session, data);
			tookMs.push(now() - opened + cut - begun);
			const bytes = features.reduce((sum, f) => sum + f.byteLength, 0);
			kept = Math.min(count, Math.floor(CACHE_BYTES / bytes));
			if (tiles.keep && cached + bytes <= CACHE_BYTES) {
				cached += bytes;
				cache.set(index, features);
			}
			return features;
		},
		close: async () => {
			cache.clear();
			await session?.close();
		},
	};
}
