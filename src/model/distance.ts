import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32 } from '../graph/tensor.js';

/** 1 − cos over channels at each position: [N, C, H, W] twice → [N, H, W]. Sums over channels are products with ones, which is faster. */
export function channelDistance(graph: Graph, a: Value, b: Value): Value {
	const [n, c, h, w] = a.shape as [number, number, number, number];
	const ones = graph.constant(float32([1, c], new Float32Array(c).fill(1)));
	const dot = (p: Value, q: Value) =>
		graph.apply('MatMul', [ones, graph.reshape(graph.mul(p, q), [n, c, h * w])], {});
	const lengths = graph.mul(graph.sqrt(dot(a, a)), graph.sqrt(dot(b, b)));
	const cosine = graph.div(dot(a, b), graph.apply('Max', [lengths, graph.scalar(1e-8)], {}));
	return graph.reshape(graph.sub(graph.scalar(1), cosine), [n, h, w]);
}
