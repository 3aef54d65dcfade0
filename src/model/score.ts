import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Tensor } from '../graph/tensor.js';
import { channelDistance } from './distance.js';
import type { Features } from './networks.js';
import type { Normality } from './normality.js';
import { blendWeights, offsets, type Tiling, tileCount } from './tiling.js';

/** Deviation of the Gaussian over the anomaly map, in pixels (paper 4.1). */
const SIGMA = 4;

/**
 * Anomaly maps of the three scales (paper 3.4): 1 − cos over channels, each square brought to its side bilinearly with aligned corners,
 * squares blended, smoothed. All that is linear and separable, so it is one matrix from either side: A·D·B. Three maps
 * [1, height, width]; with an overview three more, smoothed as much wider as it was shrunk.
 */
export function scaleMaps(graph: Graph, teacher: Features, student: Features, tiling: Tiling): Value[] {
	const { side, rows, columns, width, height } = tiling;
	const count = tileCount(tiling);
	const brought = (distance: Value, down: Tensor, across: Tensor) =>
		graph.apply(
			'MatMul',
			[graph.apply('MatMul', [graph.constant(down), distance], {}), graph.constant(across)],
			{},
		);
	const distances = teacher.map((t, i) => channelDistance(graph, t, student[i]!));
	const squares = distances.map((distance) => {
		const from = distance.shape[1]!;
		const down = blendedResize(from, side, height, rows);
		const across = transposed(blendedResize(from, side, width, columns));
		if (count === 1) return brought(distance, down, across);
		const only = part(graph, distance, 0, count);
		const grid = graph.transpose(graph.reshape(only, [rows, columns, from, from]), [0, 2, 1, 3]);
		return brought(graph.reshape(grid, [1, rows * from, columns * from]), down, across);
	});
	if (count === 1) return squares;
	const overview = distances.map((distance) => {
		const from = distance.shape[1]!;
		const resize = (length: number) => blendedResize(from, length, length, 1, (SIGMA * length) / side);
		return brought(part(graph, distance, count, count + 1), resize(height), transposed(resize(width)));
	});
	return [...squares, ...overview];
}

function part(graph: Graph, x: Value, start: number, end: number): Value {
	return graph.apply('Slice', [x], { starts: [start], ends: [end], axes: [0], steps: [1] });
}

/**
 * Anomaly map and score S_AD, its maximum. Without `normality` the map is the paper's S_AL, the sum of the scales; with it,
 * the weighted sum of how far each scale is from what good parts show at that place.
 * @returns map [1, height, width], score [1]
 */
export function anomaly(
	graph: Graph,
	teacher: Features,
	student: Features,
	tiling: Tiling,
	normality?: Normality,
): { map: Value; score: Value } {
	const maps = scaleMaps(graph, teacher, student, tiling).map((map, i) => {
		const usual = normality?.[i];
		if (!usual) return map;
		const constant = (values: Float32Array) =>
			graph.constant(float32([1, tiling.height, tiling.width], values));
		return graph.mul(graph.sub(map, constant(usual.mean)), constant(usual.weight));
	});
	const map = maps.reduce((sum, m) => graph.add(sum, m));
	const score = graph.reshape(graph.apply('ReduceMax', [map], { axes: [1, 2] }), [map.shape[0]!]);
	return { map, score };
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

function transposed({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
	const [rows, columns] = shape as [number, number];
	return float32(
		[columns, rows],
		Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
	);
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
