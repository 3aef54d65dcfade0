import { setImmediate as breathe } from 'node:timers/promises';
import { type Random, randomFrom } from '../base/random.js';
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

/** Of joined features their moments, and themselves at positions drawn by chance: [S, D], row-major. */
export type Seen = { readonly moments: Moments; readonly sample: Float32Array };

/** Positions of a sample: more tell hardly more of where features lie. */
const MOST_SAMPLED = 65_536;

/**
 * Of the joined features over all views of a source whose pictures follow one another view by view: of the squares, and apart from them of
 * the overview where there is one, which shows the part smaller. @throws Failure as `features.of`, the signal's reason
 */
export async function momentsOf(
	backbone: Backbone,
	tiling: Tiling,
	features: Pick<FeatureSource, 'count' | 'of'>,
	{ threads, seed }: { readonly threads: number; readonly seed: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Seen[]> {
	const views = viewCount(tiling);
	const squares = tileCount(tiling);
	const positions = joinedPositions(tiling.side);
	const program = momentsProgram(backbone, tiling.side);
	const [second, third] = program.inputs;
	const session = await openSession(encodeOnnx(program, 'moments'), { threads });
	const channels = joinedChannels(architectures[backbone]);
	const perPicture = views === 1 ? [1] : [squares, views - squares];
	const found = perPicture.map((tiles, kind) =>
		nothingSeen(channels, (features.count / views) * tiles * positions, randomFrom(seed + kind)),
	);
	try {
		for (let i = 0; i < features.count; i += 1) {
			signal.throwIfAborted();
			const [, teacher2, teacher3]: PictureFeatures = await features.of(i);
			const { joined, mean, scatter } = await session.run({
				teacher2: float32(second!.shape, teacher2),
				teacher3: float32(third!.shape, teacher3),
			});
			found[i % views < squares ? 0 : 1]!.add({
				joined: joined!.data as Float32Array,
				mean: mean!.data as Float32Array,
				scatter: scatter!.data as Float32Array,
				count: positions,
			});
			await breathe();
		}
	} finally {
		await session.close();
	}
	return found.map((seen) => seen.soFar());
}

/** The same of whole pictures, as an arithmetic computes them. */
export async function momentsOfPictures(
	pair: Pair,
	arithmetic: Arithmetic,
	{ count, input }: Pictures,
	{ threads, seed }: { readonly threads: number; readonly seed: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Seen[]> {
	const { graph, kinds } = pictureMomentsProgram(pair, arithmetic);
	const { width, height } = pair.tiling;
	const session = await openSession(encodeOnnx(graph, 'moments'), { threads });
	const channels = joinedChannels(architectures[pair.backbone]);
	const found = kinds.map((of, kind) => nothingSeen(channels, count * of.count, randomFrom(seed + kind)));
	try {
		for (let i = 0; i < count; i += 1) {
			signal.throwIfAborted();
			const image = { dtype: 'uint8', shape: [1, height, width, 3], data: await input(i) } as const;
			const results = await session.run({ image });
			const numbers = (name: string) => results[name]!.data as Float32Array;
			for (const [k, { joined, mean, scatter, count }] of kinds.entries())
				found[k]!.add({ joined: numbers(joined), mean: numbers(mean), scatter: numbers(scatter), count });
			await breathe();
		}
	} finally {
		await session.close();
	}
	return found.map((seen) => seen.soFar());
}

/** Joined features [N, D, positions of each], and their moments over `count` positions of all. */
type Look = {
	readonly joined: Float32Array;
	readonly mean: Float32Array;
	readonly scatter: Float32Array;
	readonly count: number;
};

/** Gathers what is seen at `total` positions, and of each as likely a sample (Knuth 1969, 3.4.2, algorithm S). */
function nothingSeen(channels: number, total: number, random: Random) {
	const most = Math.min(total, MOST_SAMPLED);
	const sample = new Float32Array(most * channels);
	let [moments, looked, taken] = [noMoments(channels), 0, 0];
	const draw = (joined: Float32Array, count: number): void => {
		const views = joined.length / (channels * count);
		const each = count / views;
		for (let view = 0; view < views; view += 1) {
			for (let p = 0; p < each; p += 1) {
				const isTaken = random.uniform() * (total - looked) < most - taken;
				looked += 1;
				if (!isTaken) continue;
				const from = view * channels * each + p;
				for (let c = 0; c < channels; c += 1) sample[taken * channels + c] = joined[from + c * each]!;
				taken += 1;
			}
		}
	};
	return {
		add: ({ joined, mean, scatter, count }: Look): void => {
			moments = joinMoments(moments, mean, scatter, count);
			draw(joined, count);
		},
		soFar: (): Seen => ({ moments, sample: sample.subarray(0, taken * channels) }),
	};
}
