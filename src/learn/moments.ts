import { setImmediate as breathe } from 'node:timers/promises';
import { encodeOnnx } from '../graph/onnx.js';
import { float32 } from '../graph/tensor.js';
import { architectures, type Backbone } from '../model/architecture.js';
import {
	joinedChannels,
	joinedPositions,
	joinMoments,
	type Moments,
	momentsProgram,
	noMoments,
} from '../model/gaussian.js';
import { type Pair, pictureMomentsProgram } from '../model/inference.js';
import type { Arithmetic } from '../model/precision.js';
import { type Tiling, tileCount, viewCount } from '../model/tiling.js';
import type { FeatureSource, PictureFeatures } from './features.js';
import type { Pictures, TeachWorld } from './lesson.js';

/**
 * Moments of the joined features over all views of a source whose pictures follow one another view by view: of the squares, and apart from them of
 * the overview where there is one, which shows the part smaller. @throws Failure as `features.of`, the signal's reason
 */
export async function momentsOf(
	backbone: Backbone,
	tiling: Tiling,
	features: Pick<FeatureSource, 'count' | 'of'>,
	{ threads }: { readonly threads: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Moments[]> {
	const arch = architectures[backbone];
	const views = viewCount(tiling);
	const positions = joinedPositions(tiling.side);
	const program = momentsProgram(backbone, tiling.side);
	const [second, third] = program.inputs;
	const session = await openSession(encodeOnnx(program, 'moments'), { threads });
	const found = Array.from({ length: views === 1 ? 1 : 2 }, () => noMoments(joinedChannels(arch)));
	try {
		for (let i = 0; i < features.count; i += 1) {
			signal.throwIfAborted();
			const [, teacher2, teacher3]: PictureFeatures = await features.of(i);
			const { mean, scatter } = await session.run({
				teacher2: float32(second!.shape, teacher2),
				teacher3: float32(third!.shape, teacher3),
			});
			const kind = i % views < tileCount(tiling) ? 0 : 1;
			found[kind] = joinMoments(
				found[kind]!,
				mean!.data as Float32Array,
				scatter!.data as Float32Array,
				positions,
			);
			await breathe();
		}
	} finally {
		await session.close();
	}
	return found;
}

/** The same of whole pictures, as an arithmetic computes them. */
export async function momentsOfPictures(
	pair: Pair,
	arithmetic: Arithmetic,
	{ count, input }: Pictures,
	{ threads }: { readonly threads: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Moments[]> {
	const { graph, kinds } = pictureMomentsProgram(pair, arithmetic);
	const { width, height } = pair.tiling;
	const session = await openSession(encodeOnnx(graph, 'moments'), { threads });
	let found = kinds.map(() => noMoments(joinedChannels(architectures[pair.backbone])));
	try {
		for (let i = 0; i < count; i += 1) {
			signal.throwIfAborted();
			const image = { dtype: 'uint8', shape: [1, height, width, 3], data: await input(i) } as const;
			const results = await session.run({ image });
			const numbers = (name: string) => results[name]!.data as Float32Array;
			found = found.map((moments, k) => {
				const { mean, scatter, count } = kinds[k]!;
				return joinMoments(moments, numbers(mean), numbers(scatter), count);
			});
			await breathe();
		}
	} finally {
		await session.close();
	}
	return found;
}
