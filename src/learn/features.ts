import { encodeOnnx } from '../graph/onnx.js';
import type { OpenSession } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import type { Backbone } from '../model/architecture.js';
import { featureProgram } from '../model/teacher.js';
import type { Weights } from '../model/weights.js';

/** The teacher's three features of one tile, flattened [C·H·W] each. */
export type PictureFeatures = readonly [Float32Array, Float32Array, Float32Array];

/** What the teacher sees in each tile of a set. */
export type FeatureSource = {
	readonly count: number;
	/** @throws Failure when the picture can no longer be read */
	of(index: number): Promise<PictureFeatures>;
	close(): Promise<void>;
};

/** Features kept in memory; those of further tiles are computed again each time. */
const CACHE_BYTES = 600e6;

/**
 * `tile(i)` gives tile i as interleaved RGB `[side, side, 3]`.
 * With `keep` a tile's features are computed once as far as memory allows; augmented tiles differ each time.
 */
export async function openFeatures(
	teacher: { readonly backbone: Backbone; readonly weights: Weights },
	tiles: {
		readonly count: number;
		readonly side: number;
		readonly keep: boolean;
		tile(index: number): Promise<Uint8Array>;
	},
	openSession: OpenSession,
	threads: number,
): Promise<FeatureSource> {
	const { side, count } = tiles;
	const program = featureProgram(teacher.backbone, teacher.weights, 1, side);
	const session = await openSession(encodeOnnx(program, 'teacher'), { threads });
	const cache = new Map<number, PictureFeatures>();
	let cached = 0;
	return {
		count,
		of: async (index) => {
			const known = cache.get(index);
			if (known) return known;
			const data = await tiles.tile(index);
			const image: Tensor = { dtype: 'uint8', shape: [1, side, side, 3], data };
			const results = await session.run({ image });
			const features = [1, 2, 3].map((i) => results[`teacher${i}`]!.data) as unknown as PictureFeatures;
			const bytes = features.reduce((sum, f) => sum + f.byteLength, 0);
			if (tiles.keep && cached + bytes <= CACHE_BYTES) {
				cached += bytes;
				cache.set(index, features);
			}
			return features;
		},
		close: async () => {
			cache.clear();
			await session.close();
		},
	};
}
