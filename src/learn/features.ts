import { encodeOnnx } from '../graph/onnx.js';
import type { OpenSession } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import type { Backbone } from '../model/architecture.js';
import { featureProgram } from '../model/teacher.js';
import type { Weights } from '../model/weights.js';

/** The teacher's three features of one picture, flattened [C·H·W] each. */
export type PictureFeatures = readonly [Float32Array, Float32Array, Float32Array];

/** What the teacher sees in each picture of a set; computed once as far as memory allows. */
export type FeatureSource = {
	readonly count: number;
	/** @throws Failure when the picture can no longer be read */
	of(index: number): Promise<PictureFeatures>;
	close(): Promise<void>;
};

/** Features kept in memory; those of further pictures are computed again each time. */
const CACHE_BYTES = 600e6;

/**
 * `image(i)` gives picture i as interleaved RGB `[size, size, 3]`.
 * The features of a picture do not change while the student learns, because pictures are not augmented.
 */
export async function openFeatures(
	teacher: { readonly backbone: Backbone; readonly weights: Weights },
	images: { readonly count: number; readonly size: number; image(index: number): Promise<Uint8Array> },
	openSession: OpenSession,
	threads: number,
): Promise<FeatureSource> {
	const { size, count } = images;
	const program = featureProgram(teacher.backbone, teacher.weights, 1, size);
	const session = await openSession(encodeOnnx(program, 'teacher'), { threads });
	const cache = new Map<number, PictureFeatures>();
	let cached = 0;
	return {
		count,
		of: async (index) => {
			const known = cache.get(index);
			if (known) return known;
			const data = await images.image(index);
			const image: Tensor = { dtype: 'uint8', shape: [1, size, size, 3], data };
			const results = await session.run({ image });
			const features = [1, 2, 3].map((i) => results[`teacher${i}`]!.data) as unknown as PictureFeatures;
			const bytes = features.reduce((sum, f) => sum + f.byteLength, 0);
			if (cached + bytes <= CACHE_BYTES) {
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
