import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';

/** Keeps a place that no scale tells from weighing nothing, so that the highest place stays the highest. */
const LEAST_DISTANCE = 1e-6;

/** Keeps a map without a place above the usual from dividing by nothing. */
const LEAST_PEAK = 1e-30;

/**
 * Draws the outline of a defect finer than it is judged: where a map lies above what is usual (0) it is weighed by the sum of the scales, which is the
 * paper's map, and brought back to its maximum, so that the score stays. What is usual at a place and a grid of 16 pixels tell parts apart, and blur outlines.
 */
export function outlined(map: Float32Array, scales: readonly Float32Array[]): Float32Array {
	const weighed = new Float32Array(map.length);
	for (let p = 0; p < map.length; p += 1) {
		if (map[p]! <= 0) continue;
		let sum = 0;
		for (const scale of scales) sum += scale[p]!;
		weighed[p] = map[p]! * (Math.max(sum, 0) + LEAST_DISTANCE);
	}
	const share = Math.max(highest(map), 0) / Math.max(highest(weighed), LEAST_PEAK);
	return map.map((v, p) => (v > 0 ? share * weighed[p]! : v));
}

/** As `outlined`, in a graph: map and scales [1, height, width]. */
export function outlinedIn(graph: Graph, map: Value, scales: readonly Value[]): Value {
	const highestOf = (x: Value) => graph.apply('ReduceMax', [x], { axes: [1, 2] });
	const above = graph.relu(map);
	const sum = graph.relu(scales.reduce((total, scale) => graph.add(total, scale)));
	const weighed = graph.mul(above, graph.add(sum, graph.scalar(LEAST_DISTANCE)));
	const peak = graph.add(highestOf(weighed), graph.scalar(LEAST_PEAK));
	const share = graph.reshape(graph.div(highestOf(above), peak), [1, 1, 1]);
	return graph.add(graph.mul(weighed, share), graph.sub(map, above));
}

export function highest(map: Float32Array): number {
	return map.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}
