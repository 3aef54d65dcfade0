import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Tensor, transposed } from '../graph/tensor.js';
import { channelDistance } from './distance.js';
import { type Gaussian, gaussianDistance, joinedFeatures } from './gaussian.js';
import type { Features } from './networks.js';
import type { Normality } from './normality.js';
import { blendWeights, offsets, type Tiling, tileCount } from './tiling.js';

/** Deviation of the Gaussian over the anomaly map, in pixels (paper 4.1). */
const SIGMA = 4;

/**
 * Distances [N, from, from] to maps (paper 3.4): each square brought to its side bilinearly with aligned corners, squares blended,
 * smoothed. All that is linear and separable, so it is one matrix from either side: A·D·B. A map [1, height, width] for each distance;
 * with an overview as many more, smoothed as much wider as it was shrunk.
 */
export function mapsOf(graph: Graph, distances: readonly Value[], tiling: Tiling): Value[] {
	const { side, rows, columns, width, height } = tiling;
	const count = tileCount(tiling);
	const brought = (distance: Value, down: Tensor, across: Tensor) =>
		graph.apply(
			'MatMul',
			[graph.apply('MatMul', [graph.constant(down), distance], {}), graph.constant(across)],
			{},
		);
	const squares = distances.map((distance) => {
		const from = distance.shape[1]!;
		const down = blendedResize(from, side, height, rows);
		const across = transposed(blendedResize(from, side, width, columns));
		if (count === 1) return brought(distance, down, across);
		const only = viewsOf(graph, distance, 0, count);
		const grid = graph.transpose(graph.reshape(only, [rows, columns, from, from]), [0, 2, 1, 3]);
		return brought(graph.reshape(grid, [1, rows * from, columns * from]), down, across);
	});
	if (count === 1) return squares;
	const overview = distances.map((distance) => {
		const from = distance.shape[1]!;
		const resize = (length: number) => blendedResize(from, length, length, 1, (SIGMA * length) / side);
		return brought(viewsOf(graph, distance, count, count + 1), resize(height), transposed(resize(width)));
	});
	return [...squares, ...overview];
}

/** 1 − cos over channels at each position, scale by scale. */
export function scaleDistances(graph: Graph, teacher: Features, student: Features): Value[] {
	return teacher.map((t, i) => channelDistance(graph, t, student[i]!));
}

/** How far the teacher's features are from those of good parts; the overview's from what they are there. [N, side / 16, side / 16] */
export function featureDistance(
	graph: Graph,
	teacher: Features,
	[squares, overview]: readonly Gaussian[],
	tiling: Tiling,
): Value {
	const joined = joinedFeatures(graph, teacher);
	const count = tileCount(tiling);
	if (count === 1) return gaussianDistance(graph, joined, squares!, 'gaussian');
	const apart = [
		gaussianDistance(graph, viewsOf(graph, joined, 0, count), squares!, 'gaussian'),
		gaussianDistance(graph, viewsOf(graph, joined, count, count + 1), overview!, 'gaussian.overview'),
	];
	return graph.apply('Concat', apart, { axis: 0 });
}

/** Some of the views of a batch. */
export function viewsOf(graph: Graph, x: Value, start: number, end: number): Value {
	return graph.apply('Slice', [x], { starts: [start], ends: [end], axes: [0], steps: [1] });
}

/**
 * Anomaly map and score S_AD, its maximum. Without `normality` the map is the sum, which for the three scales is the paper's S_AL; with
 * it, the weighted sum of how far each map is from what good parts show, which `draw` may outline.
 * @returns map [1, height, width], score [1]
 */
export function anomaly(
	graph: Graph,
	maps: readonly Value[],
	{ width, height }: Tiling,
	normality?: Normality,
	draw: (map: Value) => Value = (map) => map,
): { map: Value; score: Value } {
	const constant = (values: Float32Array) =>
		graph.constant(float32(values.length === 1 ? [1, 1, 1] : [1, height, width], values));
	const sum = maps
		.map((map, i) => (normality ? graph.mul(map, constant(normality[i]!.weight)) : map))
		.reduce((total, weighed) => graph.add(total, weighed));
	const judged = normality ? graph.sub(sum, constant(levelOf(normality))) : sum;
	const map = draw(judged);
	const score = graph.reshape(graph.apply('ReduceMax', [map], { axes: [1, 2] }), [map.shape[0]!]);
	return { map, score };
}

/** What is usual in the weighed sum: Σ weight·mean, so that what is usual is taken off once. */
function levelOf(normality: Normality): Float32Array {
	const longest = Math.max(...normality.map(({ weight }) => weight.length));
	const level = new Float64Array(longest);
	for (const { mean, weight } of normality) {
		const step = weight.length === 1 ? 0 : 1;
		for (let p = 0; p < longest; p += 1) level[p]! += weight[p * step]! * mean[p * step]!;
	}
	return Float32Array.from(level);
}

/**
 * The matrix [length, count·from] that resizes `count` columns of `from` values to `side`, blends them where they overlap on an axis
 * of `length`, and smooths the whole.
 */
export function blendedResize(
	from: number,
	side: number,
	length: number,
	count: number,
	sigma = SIGMA,
): Tensor<'float32'> {
	const resize = resizeMatrix(from, side);
	const kernel = gaussianKernel(sigma);
	const radius = (kernel.length - 1) / 2;
	const starts = offsets(length, side, count);
	const weights = blendWeights(length, side, count);
	const wide = count * from;
	const blended = new Float64Array(length * wide);
	for (let tile = 0; tile < count; tile += 1) {
		for (let row = 0; row < side; row += 1) {
			const place = starts[tile]! + row;
			const weight = weights[tile]![place]!;
			for (let column = 0; column < from; column += 1) {
				blended[place * wide + tile * from + column] = weight * resize[row * from + column]!;
			}
		}
	}
	const matrix = new Float32Array(length * wide);
	for (let row = 0; row < length; row += 1) {
		for (let column = 0; column < wide; column += 1) {
			let sum = 0;
			for (let k = -radius; k <= radius; k += 1) {
				sum += kernel[k + radius]! * blended[mirror(row + k, length) * wide + column]!;
			}
			matrix[row * wide + column] = sum;
		}
	}
	return float32([length, wide], matrix);
}

/** Bilinear with aligned corners: the first and last values stay where they are. [size, from] row-major. */
function resizeMatrix(from: number, size: number): Float64Array {
	const matrix = new Float64Array(size * from);
	const step = size > 1 ? (from - 1) / (size - 1) : 0;
	for (let row = 0; row < size; row += 1) {
		const left = Math.min(Math.floor(row * step), from - 1);
		const right = Math.min(left + 1, from - 1);
		const share = row * step - left;
		matrix[row * from + left]! += 1 - share;
		matrix[row * from + right]! += share;
	}
	return matrix;
}

/** Four deviations to either side. */
function gaussianKernel(sigma: number): Float64Array {
	const radius = Math.round(4 * sigma);
	const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
		Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
	);
	const total = kernel.reduce((a, b) => a + b, 0);
	return kernel.map((v) => v / total);
}

/** Mirrored border with the edge pixel repeated: … 1 0 | 0 1 2 … */
function mirror(index: number, length: number): number {
	const period = 2 * length;
	const folded = ((index % period) + period) % period;
	return folded < length ? folded : period - 1 - folded;
}
