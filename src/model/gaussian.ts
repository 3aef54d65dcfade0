import { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Shape } from '../graph/tensor.js';
import { type Architecture, architectures, type Backbone } from './architecture.js';

/** What features of good parts are like wherever they stand: `mean` [D], and `whitening` [D, D], lower triangular, row-major. */
export type Gaussian = { readonly mean: Float32Array; readonly whitening: Float32Array };

/** Of joined features at `count` positions: their mean [D], and the sum of products of departures from it [D, D] row-major, its lower half. */
export type Moments = { readonly count: number; readonly mean: Float64Array; readonly scatter: Float64Array };

/** Of the mean eigenvalue: what is added to each, because few pictures say too little of directions in which they hardly vary. */
export const RIDGE = 0.02;

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
 * How far joined features are from what is usual (Mahalanobis 1936): [N, D, h, w] → [N, h, w]. The graph's constants are `name`.mean
 * [1, D, 1] and `name`.whitening [D, D].
 */
export function gaussianDistance(
	graph: Graph,
	joined: Value,
	{ mean, whitening }: Gaussian,
	name: string,
): Value {
	const [n, d, h, w] = joined.shape as [number, number, number, number];
	const flat = graph.reshape(joined, [n, d, h * w]);
	const middle = graph.constant(float32([1, d, 1], mean), `${name}.mean`);
	const matrix = graph.constant(float32([d, d], whitening), `${name}.whitening`);
	const white = graph.apply('MatMul', [matrix, graph.sub(flat, middle)], {});
	return graph.reshape(lengths(graph, white), [n, h, w]);
}

/**
 * Features of a tile to what they add to the moments: inputs `teacher2` and `teacher3` as `featureProgram` gives them for a batch of one; outputs `mean` [D]
 * over the positions, and `scatter` [D, D] around it.
 */
export function momentsProgram(backbone: Backbone, side: number): Graph {
	const graph = new Graph();
	const { outer } = architectures[backbone];
	const shape = (stage: 1 | 2): Shape => [1, outer[stage], side / (4 << stage), side / (4 << stage)];
	const second = graph.input('teacher2', 'float32', shape(1));
	const third = graph.input('teacher3', 'float32', shape(2));
	const { mean, scatter } = momentsIn(graph, joinedFeatures(graph, [second, second, third]));
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
	const length = graph.apply('Max', [lengths(graph, flat), graph.scalar(LEAST_LENGTH)], {});
	return graph.reshape(graph.div(flat, length), [n, c, h, w]);
}

/** [N, C, positions] → [N, 1, positions], as a product with ones, which is faster than a sum. */
function lengths(graph: Graph, x: Value): Value {
	const channels = x.shape[1]!;
	const ones = graph.constant(float32([1, channels], new Float32Array(channels).fill(1)));
	return graph.sqrt(graph.apply('MatMul', [ones, graph.mul(x, x)], {}));
}
