import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32, type Tensor } from '../graph/tensor.js';
import type { Features } from './networks.js';
import type { Normality } from './normality.js';

/** Deviation of the Gaussian over the anomaly map, in pixels (paper 4.1); its radius is four deviations. */
const SIGMA = 4;
const RADIUS = 4 * SIGMA;

/**
 * Anomaly maps of the three scales (paper 3.4): 1 − cos over channels, brought to `size` bilinearly with aligned corners, smoothed.
 * Resize and Gaussian are linear and separable, so both together are one matrix B from either side: B·D·Bᵀ. Each [N, size, size].
 */
export function scaleMaps(graph: Graph, teacher: Features, student: Features, size: number): Value[] {
	return teacher.map((t, i) => {
		const distance = channelDistance(graph, t, student[i]!);
		const [, height, width] = distance.shape as [number, number, number];
		const rows = graph.constant(smoothResize(height, size));
		const columns = height === width ? rows : graph.constant(smoothResize(width, size));
		return graph.matMulTransposed(graph.apply('MatMul', [rows, distance], {}), columns);
	});
}

/**
 * Anomaly map and score S_AD, its maximum. Without `normality` the map is the paper's S_AL, the sum of the scales; with it,
 * the weighted sum of how far each scale is from what good parts show at that place.
 * @returns map [N, size, size], score [N]
 */
export function anomaly(
	graph: Graph,
	teacher: Features,
	student: Features,
	size: number,
	normality?: Normality,
): { map: Value; score: Value } {
	const maps = scaleMaps(graph, teacher, student, size).map((map, i) => {
		const usual = normality?.[i];
		if (!usual) return map;
		const constant = (values: Float32Array) => graph.constant(float32([1, size, size], values));
		return graph.mul(graph.sub(map, constant(usual.mean)), constant(usual.weight));
	});
	const map = maps.reduce((sum, m) => graph.add(sum, m));
	const score = graph.reshape(graph.apply('ReduceMax', [map], { axes: [1, 2] }), [map.shape[0]!]);
	return { map, score };
}

/** 1 − cos over channels at each position: [N, C, H, W] twice → [N, H, W]. */
function channelDistance(graph: Graph, a: Value, b: Value): Value {
	const [n, , h, w] = a.shape as [number, number, number, number];
	const dot = (p: Value, q: Value) => graph.sum(graph.mul(p, q), [1]);
	const lengths = graph.mul(graph.sqrt(dot(a, a)), graph.sqrt(dot(b, b)));
	const cosine = graph.div(dot(a, b), graph.apply('Max', [lengths, graph.scalar(1e-8)], {}));
	return graph.reshape(graph.sub(graph.scalar(1), cosine), [n, h, w]);
}

/** The matrix [size, from] that resizes a column of `from` values to `size` and smooths it. */
export function smoothResize(from: number, size: number): Tensor<'float32'> {
	const resize = resizeMatrix(from, size);
	const kernel = gaussianKernel();
	const matrix = new Float32Array(size * from);
	for (let row = 0; row < size; row += 1) {
		for (let column = 0; column < from; column += 1) {
			let sum = 0;
			for (let k = -RADIUS; k <= RADIUS; k += 1) {
				sum += kernel[k + RADIUS]! * resize[mirror(row + k, size) * from + column]!;
			}
			matrix[row * from + column] = sum;
		}
	}
	return float32([size, from], matrix);
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

function gaussianKernel(): Float64Array {
	const kernel = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, i) =>
		Math.exp(-0.5 * ((i - RADIUS) / SIGMA) ** 2),
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
