import { Failure } from '../base/failure.js';
import { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { normalise } from '../graph/picture.js';
import type { Session } from '../graph/session.js';
import { float32, type Tensor } from '../graph/tensor.js';
import type { Size } from '../vision/image.js';
import { architectures, type Backbone } from './architecture.js';
import { type Features, student, teacher } from './networks.js';
import type { Normality } from './normality.js';
import { type Arithmetic, inFloat32 } from './precision.js';
import { anomaly, scaleMaps } from './score.js';
import { IMAGENET } from './teacher.js';
import { areaMatrix, type Tiling, tileCorners, tileCount } from './tiling.js';
import { frozenKernels, type Kernels, NORM_EPSILON } from './units.js';
import { foldNorm, type Weights } from './weights.js';

/** A trained pair: the teacher's folded weights, the student's parameters and running statistics. */
export type Pair = {
	readonly backbone: Backbone;
	readonly teacher: Weights;
	readonly student: Weights;
	readonly tiling: Tiling;
};

/**
 * A picture to its anomaly map and score in one graph: input `image` uint8 RGB [1, height, width, 3], outputs `map` float32
 * [height, width] and the scalars `score` and `mean`, that of the map: a maximum may pass over what is no number, a mean cannot. Tiles
 * run as one batch.
 */
export function inferenceProgram(pair: Pair, normality?: Normality, arithmetic = inFloat32): Graph {
	const { graph, features, imitation } = opened(pair, arithmetic);
	const { map, score } = anomaly(graph, features, imitation, pair.tiling, normality);
	graph.output(graph.reshape(map, [pair.tiling.height, pair.tiling.width]), 'map');
	graph.output(graph.reshape(score, []), 'score');
	graph.output(graph.reshape(graph.mean(map, [0, 1, 2]), []), 'mean');
	return graph;
}

/** As inferenceProgram, but the maps of the three scales apart: outputs `scale1`, `scale2` … [1, height, width]. */
export function scalesProgram(pair: Pair): Graph {
	const { graph, features, imitation } = opened(pair, inFloat32);
	scaleMaps(graph, features, imitation, pair.tiling).forEach((map, i) => {
		graph.output(map, `scale${i + 1}`);
	});
	return graph;
}

function opened(
	{ backbone, teacher: teacherWeights, student: studentWeights, tiling }: Pair,
	arithmetic: Arithmetic,
) {
	const arch = architectures[backbone];
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, tiling.height, tiling.width, 3]);
	const tiles = cut(graph, normalise(graph, image, IMAGENET), tiling);
	const kernels: Kernels = (unit) =>
		teacherWeights.has(`${unit.conv}.weight`)
			? frozenKernels(teacherWeights)(unit)
			: foldedKernels(studentWeights)(unit);
	const units = arithmetic(graph, kernels);
	const features = teacher(graph, units, arch, tiles);
	const imitation = student(graph, units, arch, features);
	const single = (x: Value) => (x.dtype === 'float32' ? x : graph.apply('Cast', [x], { to: 'float32' }));
	return {
		graph,
		features: features.map(single) as never as Features,
		imitation: imitation.map(single) as never as Features,
	};
}

/** [1, C, height, width] → the views as a batch [N, C, side, side]. */
function cut(graph: Graph, canvas: Value, tiling: Tiling): Value {
	if (tileCount(tiling) === 1) return canvas;
	const tiles = tileCorners(tiling).map(({ x, y }) =>
		graph.apply('Slice', [canvas], {
			starts: [y, x],
			ends: [y + tiling.side, x + tiling.side],
			axes: [2, 3],
			steps: [1, 1],
		}),
	);
	const { side, width, height } = tiling;
	const down = graph.constant(float32([side, height], areaMatrix(height, side)));
	const across = graph.constant(float32([side, width], areaMatrix(width, side)));
	const overview = graph.matMulTransposed(graph.apply('MatMul', [down, canvas], {}), across);
	return graph.apply('Concat', [...tiles, overview], { axis: 0 });
}

/** Kernels of a trained student: each norm is folded into its convolution. */
export function foldedKernels(weights: Weights): Kernels {
	return (unit) =>
		frozenKernels(foldNorm(weights, unit.conv, unit.norm, unit.up ? 1 : 0, NORM_EPSILON))(unit);
}

/** One scored picture: `map` is `[height, width]` row-major; `score` is not a number when a value of the map is none, or infinite. */
export type Scored = { readonly map: Float32Array; readonly score: number };

/** Runs an inference graph on one picture `[height, width, 3]`. @throws Failure model-failed, also for a map of another size */
export async function scoreWith(
	session: Session,
	input: Uint8Array,
	{ width, height }: Size,
): Promise<Scored> {
	const { map, score, mean } = await session.run({
		image: { dtype: 'uint8', shape: [1, height, width, 3], data: input },
	});
	if (map?.dtype !== 'float32' || `${map.shape}` !== `${[height, width]}` || score?.data.length !== 1)
		throw new Failure(
			'model-failed',
			`Cannot use the model: it gives ${shown(map)} as the map and ${shown(score)} as the score, not float32 [${height}, ${width}] and one number`,
		);
	const values = map.data as Float32Array;
	// Models written before have no mean.
	const whole = mean ? Number(mean.data[0]) : values.reduce((a, b) => a + b, 0);
	return { map: values, score: Number.isFinite(whole) ? Number(score.data[0]) : Number.NaN };
}

function shown(tensor: Tensor | undefined): string {
	return tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'nothing';
}
