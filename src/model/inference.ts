import { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { normalise } from '../graph/picture.js';
import { float32, transposed } from '../graph/tensor.js';
import { architectures, type Backbone } from './architecture.js';
import { type Gaussian, joinedFeatures, momentsIn } from './gaussian.js';
import type { Scoring } from './manifest.js';
import { type Features, student, teacher } from './networks.js';
import { type MapKind, type Normality, neededBy, scalesOf, scorings, usedBy } from './normality.js';
import { outlinedIn } from './outline.js';
import { type Arithmetic, inFloat32 } from './precision.js';
import { anomaly, featureDistance, mapsOf, scaleDistances, viewsOf } from './score.js';
import { IMAGENET } from './teacher.js';
import { areaMatrix, type Tiling, tileCorners, tileCount, viewCount } from './tiling.js';
import { frozenKernels, type Kernels, NORM_EPSILON, type Units } from './units.js';
import { foldNorm, type Weights } from './weights.js';

/** A trained pair: the teacher's folded weights, the student's parameters and running statistics, or its folded weights, too. */
export type Pair = {
	readonly backbone: Backbone;
	readonly teacher: Weights;
	readonly student: Weights;
	readonly tiling: Tiling;
};

/** How maps become one: by which rule, what is usual on good parts, and for the map of features what those are like (of squares, and of the overview). */
export type Judging = {
	readonly scoring: Scoring;
	readonly normality?: Normality | undefined;
	readonly gaussians?: readonly Gaussian[] | undefined;
};

/** As published. */
const BY_SUM: Judging = { scoring: 'sum' };

/**
 * A picture to its anomaly map and score in one graph: input `image` uint8 RGB [1, height, width, 3], outputs `map` float32
 * [height, width], `score` [1] and `mean` [1] of the map: a maximum may pass over what is no number, a mean cannot. Tiles
 * run as one batch. What the scoring does not use is left out.
 */
export function inferenceProgram(
	pair: Pair,
	{ scoring, normality, gaussians }: Judging = BY_SUM,
	arithmetic = inFloat32,
): Graph {
	const { graph, maps, kinds } = opened(pair, neededBy(scoring), gaussians, arithmetic);
	const judged = usedBy(scoring, kinds).map((k) => maps[k]!);
	const { map, score } = anomaly(graph, judged, pair.tiling, normality, (map) =>
		scorings[scoring].outlined ? outlinedIn(graph, map, scalesOf(maps, kinds)) : map,
	);
	graph.output(graph.reshape(map, [pair.tiling.height, pair.tiling.width]), 'map');
	graph.output(score, 'score');
	graph.output(graph.reshape(graph.mean(map, [0, 1, 2]), [1]), 'mean');
	return graph;
}

/** As inferenceProgram, but with all maps that `uses` names apart: outputs `map1`, `map2` … [1, height, width], and what each is of. */
export function mapsProgram(
	pair: Pair,
	gaussians?: readonly Gaussian[],
	uses: readonly MapKind[] = gaussians ? ['scale', 'features'] : ['scale'],
): { readonly graph: Graph; readonly kinds: readonly MapKind[] } {
	const { graph, maps, kinds } = opened(pair, uses, gaussians, inFloat32);
	maps.forEach((map, i) => {
		graph.output(map, `map${i + 1}`);
	});
	return { graph, kinds };
}

/**
 * A picture to its joined features as an arithmetic computes them, and their moments: `joined`, `mean` and `scatter` of a kind name the outputs [N, D, h, w],
 * [D] and [D, D] of squares, and of the overview where there is one; `count` are its positions.
 */
export function pictureMomentsProgram(
	pair: Pair,
	arithmetic: Arithmetic,
): {
	readonly graph: Graph;
	readonly kinds: readonly {
		readonly joined: string;
		readonly mean: string;
		readonly scatter: string;
		readonly count: number;
	}[];
} {
	const { graph, units, tiles } = entered(pair, arithmetic);
	const seen = teacher(graph, units, architectures[pair.backbone], tiles);
	const joined = joinedFeatures(graph, inSingle(graph, seen));
	const count = tileCount(pair.tiling);
	const views = viewCount(pair.tiling);
	const kinds =
		count === views ? [joined] : [viewsOf(graph, joined, 0, count), viewsOf(graph, joined, count, views)];
	return {
		graph,
		kinds: kinds.map((of, i) => {
			const { count, ...moments } = momentsIn(graph, of);
			const names = { joined: `joined${i + 1}`, mean: `mean${i + 1}`, scatter: `scatter${i + 1}` };
			graph.output(of, names.joined);
			graph.output(moments.mean, names.mean);
			graph.output(moments.scatter, names.scatter);
			return { ...names, count };
		}),
	};
}

function opened(
	pair: Pair,
	uses: readonly MapKind[],
	gaussians: readonly Gaussian[] | undefined,
	arithmetic: Arithmetic,
): { readonly graph: Graph; readonly maps: readonly Value[]; readonly kinds: readonly MapKind[] } {
	const arch = architectures[pair.backbone];
	const { tiling } = pair;
	const { graph, units, tiles } = entered(pair, arithmetic);
	const seen = teacher(graph, units, arch, tiles);
	const imitation = uses.includes('scale') ? student(graph, units, arch, seen) : undefined;
	const features = inSingle(graph, seen);
	const scales = imitation ? scaleDistances(graph, features, inSingle(graph, imitation)) : [];
	const departures =
		uses.includes('features') && gaussians ? [featureDistance(graph, features, gaussians, tiling)] : [];
	const maps = mapsOf(graph, [...scales, ...departures], tiling);
	const kinds = [...scales.map(() => 'scale' as const), ...departures.map(() => 'features' as const)];
	return { graph, maps, kinds: maps.map((_, i) => kinds[i % kinds.length]!) };
}

/** The way in: the picture as normalised views, and the units of both networks. */
function entered(
	{ teacher: teacherWeights, student: studentWeights, tiling }: Pair,
	arithmetic: Arithmetic,
): { readonly graph: Graph; readonly units: Units; readonly tiles: Value } {
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, tiling.height, tiling.width, 3]);
	const tiles = cut(graph, normalise(graph, image, IMAGENET), tiling);
	const kernels: Kernels = (unit) =>
		teacherWeights.has(`${unit.conv}.weight`)
			? frozenKernels(teacherWeights)(unit)
			: foldedKernels(studentWeights)(unit);
	return { graph, units: arithmetic(graph, kernels), tiles };
}

function inSingle(graph: Graph, features: Features): Features {
	return features.map((x) =>
		x.dtype === 'float32' ? x : graph.apply('Cast', [x], { to: 'float32' }),
	) as never as Features;
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
	const across = graph.constant(transposed(float32([side, width], areaMatrix(width, side))));
	const overview = graph.apply('MatMul', [graph.apply('MatMul', [down, canvas], {}), across], {});
	return graph.apply('Concat', [...tiles, overview], { axis: 0 });
}

/** Kernels of a trained student: each norm is folded into its convolution, where it is not yet. */
export function foldedKernels(weights: Weights): Kernels {
	return (unit) => {
		const isFolded = !weights.has(`${unit.norm}.running_var`);
		const folded = () => foldNorm(weights, unit.conv, unit.norm, unit.up ? 1 : 0, NORM_EPSILON);
		return frozenKernels(isFolded ? weights : folded())(unit);
	};
}
