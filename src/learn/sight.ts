import { setImmediate as breathe } from 'node:timers/promises';
import type { Graph } from '../graph/graph.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Session } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import { architectures, type Backbone } from '../model/architecture.js';
import type { Groups } from '../model/departure.js';
import {
	type Gaussian,
	gaussianDistance,
	gaussianOf,
	joinedChannels,
	joinedFeatures,
	joinedPositions,
	joinMoments,
	momentsIn,
	noMoments,
} from '../model/gaussian.js';
import { teacherGraph } from '../model/teacher.js';
import { type Tiling, tileCount, viewCount, viewOf } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import type { TeachWorld } from './lesson.js';

/** What a teacher sees in pictures that are cut in one way: first it looks at good ones, then it tells how far others are from them. */
export type Sight = {
	/** `canvas`: interleaved RGB `[height, width, 3]` of the tiling. */
	learn(canvas: Uint8Array): Promise<void>;
	/** Of what was learnt until it is asked for first: distances at all positions, view by view. */
	mapOf(canvas: Uint8Array): Promise<Float32Array>;
	/** Where squares and the overview lie in a map. */
	readonly groups: Groups;
	close(): Promise<void>;
};

/** @throws Failure model-failed */
export async function openSight(
	tiling: Tiling,
	{ backbone, weights }: { readonly backbone: Backbone; readonly weights: Weights },
	{ threads }: { readonly threads: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Sight> {
	const { side } = tiling;
	const [squares, views] = [tileCount(tiling), viewCount(tiling)];
	const positions = joinedPositions(side);
	const groups: Groups = [
		[0, squares],
		[squares, views],
	]
		.map(([from = 0, to = 0]) => [from * positions, to * positions] as const)
		.filter(([from, to]) => to > from);
	// An overview shows the part smaller: what is usual in it is another matter.
	const kindOf = (view: number) => (view < squares ? 0 : 1);
	const moments = groups.map(() => noMoments(joinedChannels(architectures[backbone])));
	const opened = (finish: (graph: Graph, joined: ReturnType<typeof joinedFeatures>) => void) => {
		const { graph, features } = teacherGraph(backbone, weights, 1, side);
		finish(graph, joinedFeatures(graph, features));
		return openSession(encodeOnnx(graph, 'sight'), { threads });
	};
	const telling = (gaussian: Gaussian) =>
		opened((graph, joined) => graph.output(gaussianDistance(graph, joined, gaussian, 'usual'), 'map'));
	const learner = () =>
		opened((graph, joined) => {
			const { mean, scatter } = momentsIn(graph, joined);
			graph.output(mean, 'mean');
			graph.output(scatter, 'scatter');
		});
	let learning: Session | undefined = await learner();
	let tellers: Session[] = [];
	const look = async (canvas: Uint8Array, view: number, session: Session) => {
		signal.throwIfAborted();
		await breathe();
		const image: Tensor = {
			dtype: 'uint8',
			shape: [1, side, side, 3],
			data: viewOf(canvas, tiling, view),
		};
		return session.run({ image });
	};
	const close = async (): Promise<void> => {
		for (const session of [learning, ...tellers]) await session?.close();
		[learning, tellers] = [undefined, []];
	};
	return {
		groups,
		learn: async (canvas) => {
			for (let view = 0; view < views; view += 1) {
				const { mean, scatter } = await look(canvas, view, learning!);
				const [kind, m, s] = [kindOf(view), mean!.data as Float32Array, scatter!.data as Float32Array];
				moments[kind] = joinMoments(moments[kind]!, m, s, positions);
			}
		},
		mapOf: async (canvas) => {
			if (learning) {
				await close();
				for (const one of moments) tellers.push(await telling(gaussianOf(one)));
			}
			const map = new Float32Array(views * positions);
			for (let view = 0; view < views; view += 1) {
				const found = await look(canvas, view, tellers[kindOf(view)]!);
				map.set(found.map!.data as Float32Array, view * positions);
			}
			return map;
		},
		close,
	};
}
