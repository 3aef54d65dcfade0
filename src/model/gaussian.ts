import { randomFrom } from '../base/random.js';
import { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Shape } from '../graph/tensor.js';
import { type Architecture, architectures, type Backbone } from './architecture.js';
import { channelProduct } from './distance.js';

/**
 * What features of good parts are like wherever they stand: Gaussians of one covariance, each around a centre. `mean` [D]; `whitening` [E, D] to E directions
 * in which they vary by 1; `centres` [K, E], whitened. Bundles of before have a single one, around the mean, and no centres.
 */
export type Gaussian = {
	readonly mean: Float32Array;
	readonly whitening: Float32Array;
	readonly centres?: Float32Array | undefined;
};

/** Of joined features at `count` positions: their mean [D], and the sum of products of departures from it [D, D] row-major, its lower half. */
export type Moments = { readonly count: number; readonly mean: Float64Array; readonly scatter: Float64Array };

/** Of the mean eigenvalue: what is added to each, because few pictures say too little of directions in which they hardly vary. */
export const RIDGE = 0.02;

/**
 * Of so many whitened features one direction is left: distances stay about what they were (Johnson and Lindenstrauss 1984), and centres cost a third of the work at
 * each position.
 */
const FEATURES_PER_DIRECTION = 3;

/** Joined features have a length of at most √2, so that this is little in any of them; parts that never vary need it. */
const LEAST_VARIANCE = 1e-8;

/** Below it a vector has no direction; those of features are near 1 and more. */
const LEAST_LENGTH = 1e-6;

/** Positions of the joined features of a square: those of stage 3. */
export function joinedPositions(side: number): number {
	return (side / 16) ** 2;
}

/** Channels of the joined features. */
export function joinedChannels({ outer }: Architecture): number {
	return outer[1] + outer[2];
}

/**
 * Stages 2 and 3 of a teacher as one vector a position: each averaged over 3 × 3 and brought to unit length over channels, stage 2 averaged over
 * 2 × 2 into the grid of stage 3. [N, C2, 2h, 2w] and [N, C3, h, w] → [N, C2 + C3, h, w].
 */
export function joinedFeatures(graph: Graph, [, second, third]: readonly Value[]): Value {
	const direction = (x: Value) => unitLength(graph, averaged(graph, x, 3, 1));
	return graph.apply('Concat', [averaged(graph, direction(second!), 2, 2), direction(third!)], { axis: 1 });
}

/**
 * How far joined features are from the nearest centre (Mahalanobis 1936): [N, D, h, w] → [N, h, w]. The graph's constants are `name`.mean
 * [1, D, 1], `name`.whitening [E, D] and, where there are any, `name`.centres [K, E].
 */
export function gaussianDistance(
	graph: Graph,
	joined: Value,
	{ mean, whitening, centres }: Gaussian,
	name: string,
): Value {
	const [n, d, h, w] = joined.shape as [number, number, number, number];
	// A position a row: products and maxima along rows are several times as fast in ONNX Runtime.
	const apart = graph.transpose(graph.reshape(joined, [n, d, h * w]), [0, 2, 1]);
	const rows = graph.reshape(apart, [n * h * w, d]);
	const away = graph.sub(rows, graph.constant(float32([1, d], mean), `${name}.mean`));
	const e = whitening.length / d;
	const white = byRows(graph, away, graph.constant(float32([e, d], whitening), `${name}.whitening`));
	const ones = graph.constant(float32([1, e], new Float32Array(e).fill(1)));
	const own = byRows(graph, graph.mul(white, white), ones);
	if (!centres) return graph.reshape(graph.sqrt(own), [n, h, w]);
	const k = centres.length / e;
	// |x − c|² = |x|² − 2 (x·c − |c|² / 2): one product for all centres.
	const products = byRows(graph, white, graph.constant(float32([k, e], centres), `${name}.centres`));
	const half = halfSquares(centres, e).map((v) => -v);
	const near = graph.add(products, graph.constant(float32([k], half)));
	const nearest = graph.apply('ReduceMax', [near], { axes: [1] });
	const squared = graph.sub(own, graph.mul(nearest, graph.scalar(2)));
	return graph.reshape(graph.sqrt(graph.relu(squared)), [n, h, w]);
}

/** Products of rows [P, E] with each of [K, E] → [P, K]; the constant is turned once, when the model is loaded. */
function byRows(graph: Graph, rows: Value, matrix: Value): Value {
	return graph.apply('MatMul', [rows, graph.transpose(matrix, [1, 0])], {});
}

/** Half of the squared length of each row [K, E]. */
export function halfSquares(rows: Float32Array, e: number): Float32Array {
	return Float32Array.from({ length: rows.length / e }, (_, k) =>
		rows.subarray(k * e, (k + 1) * e).reduce((sum, v) => sum + (v * v) / 2, 0),
	);
}

/**
 * Features of a tile to what they add to the moments: inputs `teacher2` and `teacher3` as `featureProgram` gives them for a batch of one; outputs `joined` [1, D, h, w],
 * `mean` [D] over the positions, and `scatter` [D, D] around it.
 */
export function momentsProgram(backbone: Backbone, side: number): Graph {
	const graph = new Graph();
	const { outer } = architectures[backbone];
	const shape = (stage: 1 | 2): Shape => [1, outer[stage], side / (4 << stage), side / (4 << stage)];
	const second = graph.input('teacher2', 'float32', shape(1));
	const third = graph.input('teacher3', 'float32', shape(2));
	const joined = joinedFeatures(graph, [second, second, third]);
	const { mean, scatter } = momentsIn(graph, joined);
	graph.output(joined, 'joined');
	graph.output(mean, 'mean');
	graph.output(scatter, 'scatter');
	return graph;
}

/** Of joined features [N, D, h, w] the mean [D] over all positions, and the sum of products of departures from it [D, D]. */
export function momentsIn(
	graph: Graph,
	joined: Value,
): { readonly mean: Value; readonly scatter: Value; readonly count: number } {
	const [n, d, h, w] = joined.shape as [number, number, number, number];
	const apart = graph.reshape(joined, [n, d, h * w]);
	const flat = graph.reshape(graph.transpose(apart, [1, 0, 2]), [d, n * h * w]);
	const mean = graph.mean(flat, [1]);
	const departure = graph.sub(flat, mean);
	return {
		mean: graph.reshape(mean, [d]),
		scatter: graph.matMulTransposed(departure, departure),
		count: n * h * w,
	};
}

/** Joined features one a row [count, D] to whitened ones: input `joined`, output `white` [count, E]. */
export function whiteningProgram({ mean, whitening }: Gaussian, count: number): Graph {
	const graph = new Graph();
	const d = mean.length;
	const joined = graph.input('joined', 'float32', [count, d]);
	const away = graph.sub(joined, graph.constant(float32([1, d], mean)));
	const matrix = graph.constant(float32([whitening.length / d, d], whitening));
	graph.output(graph.matMulTransposed(away, matrix), 'white');
	return graph;
}

/**
 * A step of Lloyd's (1982): inputs `points` [count, E], `centres` [K, E] and `half` [1, K] of their squared lengths; outputs `sums` [K, E] of the points that
 * are nearest to each centre, and `counts` [1, K] of them. A point between two counts for both.
 */
export function centresProgram(count: number, directions: number, centres: number): Graph {
	const graph = new Graph();
	const points = graph.input('points', 'float32', [count, directions]);
	const around = graph.input('centres', 'float32', [centres, directions]);
	const half = graph.input('half', 'float32', [1, centres]);
	const near = graph.sub(graph.matMulTransposed(points, around), half);
	const nearest = graph.apply('ReduceMax', [near], { axes: [1] });
	const farther = graph.apply('Cast', [graph.apply('Greater', [nearest, near], {})], { to: 'float32' });
	const own = graph.sub(graph.scalar(1), farther);
	graph.output(graph.apply('FusedMatMul', [own, points], { transA: true, transB: false }), 'sums');
	graph.output(graph.sum(own, [0]), 'counts');
	return graph;
}

/** Of nothing yet. */
export function noMoments(channels: number): Moments {
	return { count: 0, mean: new Float64Array(channels), scatter: new Float64Array(channels * channels) };
}

/** Adds `count` more positions in place (Chan, Golub and LeVeque 1979). */
export function joinMoments(
	moments: Moments,
	mean: ArrayLike<number>,
	scatter: ArrayLike<number>,
	count: number,
): Moments {
	const d = moments.mean.length;
	const total = moments.count + count;
	const between = (moments.count * count) / total;
	const away = Float64Array.from(moments.mean, (v, i) => mean[i]! - v);
	for (let i = 0; i < d; i += 1) {
		const share = between * away[i]!;
		for (let j = 0; j <= i; j += 1) moments.scatter[i * d + j]! += scatter[i * d + j]! + share * away[j]!;
	}
	for (let i = 0; i < d; i += 1) moments.mean[i]! += (away[i]! * count) / total;
	return { ...moments, count: total };
}

/**
 * The Gaussian of moments: its whitening is the inverse Cholesky factor of the covariance, to whose diagonal `ridge` of the mean eigenvalue was added. Finite whatever the
 * moments are, also without variance.
 */
export function gaussianOf({ count, mean, scatter }: Moments, ridge = RIDGE): Gaussian {
	const d = mean.length;
	const covariance = scatter.map((v) => v / Math.max(count, 1));
	let trace = 0;
	for (let i = 0; i < d; i += 1) trace += covariance[i * d + i]!;
	const added = Math.max((ridge * trace) / d, LEAST_VARIANCE);
	for (let i = 0; i < d; i += 1) covariance[i * d + i]! += added;
	return {
		mean: Float32Array.from(mean),
		whitening: Float32Array.from(inverted(factored(covariance, d), d)),
	};
}

/** A Gaussian in fewer directions of its whitened features, drawn by chance and orthogonal, and stretched so that lengths stay what they are on average. */
export function reduced({ mean, whitening }: Gaussian): Gaussian {
	const d = mean.length;
	const directions = Math.ceil(d / FEATURES_PER_DIRECTION);
	const stretch = Math.sqrt(d / directions);
	const rows = new Float32Array(directions * d);
	for (const [i, axis] of orthogonal(directions, d).entries()) {
		const row = new Float64Array(d);
		for (let k = 0; k < d; k += 1) {
			const share = stretch * axis[k]!;
			for (let j = 0; j <= k; j += 1) row[j]! += share * whitening[k * d + j]!;
		}
		rows.set(row, i * d);
	}
	return { mean, whitening: rows };
}

/** The same for every lesson. */
const DIRECTIONS_SEED = 1;

/** Unit vectors [count][d] at right angles to each other (Gram and Schmidt). */
function orthogonal(count: number, d: number): Float64Array[] {
	const random = randomFrom(DIRECTIONS_SEED);
	const axes: Float64Array[] = [];
	while (axes.length < count) {
		const axis = Float64Array.from({ length: d }, () => random.normal());
		for (const other of axes) {
			const share = axis.reduce((sum, v, i) => sum + v * other[i]!, 0);
			for (let i = 0; i < d; i += 1) axis[i]! -= share * other[i]!;
		}
		const length = Math.hypot(...axis);
		axes.push(axis.map((v) => v / length));
	}
	return axes;
}

/** The lower triangular factor of a symmetric matrix [d, d], whose lower half is read, in place. */
function factored(matrix: Float64Array, d: number): Float64Array {
	for (let i = 0; i < d; i += 1) {
		const row = i * d;
		for (let j = 0; j <= i; j += 1) {
			const other = j * d;
			let sum = matrix[row + j]!;
			for (let k = 0; k < j; k += 1) sum -= matrix[row + k]! * matrix[other + k]!;
			matrix[row + j] = i === j ? Math.sqrt(Math.max(sum, LEAST_VARIANCE)) : sum / matrix[other + j]!;
		}
	}
	return matrix;
}

/** The inverse of a lower triangular matrix [d, d]. */
function inverted(factor: Float64Array, d: number): Float64Array {
	const inverse = new Float64Array(d * d);
	for (let i = 0; i < d; i += 1) {
		const row = i * d;
		for (let k = 0; k < i; k += 1) {
			const share = factor[row + k]!;
			for (let j = 0; j <= k; j += 1) inverse[row + j]! -= share * inverse[k * d + j]!;
		}
		const pivot = factor[row + i]!;
		for (let j = 0; j < i; j += 1) inverse[row + j]! /= pivot;
		inverse[row + i] = 1 / pivot;
	}
	return inverse;
}

/** Means over squares of `kernel` at every `stride`, each channel for itself; what lies beyond the edge is 0. */
function averaged(graph: Graph, x: Value, kernel: number, stride: number): Value {
	const channels = x.shape[1]!;
	const size = channels * kernel * kernel;
	const weight = new Float32Array(size).fill(1 / (kernel * kernel));
	const pad = kernel % 2 === 1 ? kernel >> 1 : 0;
	return graph.apply('Conv', [x, graph.constant(float32([channels, 1, kernel, kernel], weight))], {
		strides: [stride, stride],
		pads: [pad, pad, pad, pad],
		group: channels,
	});
}

function unitLength(graph: Graph, x: Value): Value {
	const [n, c, h, w] = x.shape as [number, number, number, number];
	const flat = graph.reshape(x, [n, c, h * w]);
	const length = graph.apply(
		'Max',
		[graph.sqrt(channelProduct(graph, flat, flat)), graph.scalar(LEAST_LENGTH)],
		{},
	);
	return graph.reshape(graph.div(flat, length), [n, c, h, w]);
}
