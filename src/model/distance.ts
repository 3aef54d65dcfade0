import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { float32 } from '../graph/tensor.js';

/** 1 − cos over channels at each position: [N, C, H, W] twice → [N, H, W]. */
export function channelDistance(graph: Graph, a: Value, b: Value): Value {
	const [n, c, h, w] = a.shape as [number, number, number, number];
	// Before anything is computed of them, so that ONNX Runtime brings each out of its convolutions' layout once.
	const [p, q] = [graph.reshape(a, [n, c, h * w]), graph.reshape(b, [n, c, h * w])];
	const length = (x: Value) => graph.sqrt(channelProduct(graph, x, x));
	const lengths = graph.apply('Max', [graph.mul(length(p), length(q)), graph.scalar(1e-8)], {});
	const cosine = graph.div(channelProduct(graph, p, q), lengths);
	return graph.reshape(graph.sub(graph.scalar(1), cosine), [n, h, w]);
}

/** Products summed over channels: [N, C, positions] twice → [N, 1, positions]. A product with ones is faster than a sum. */
export function channelProduct(graph: Graph, p: Value, q: Value): Value {
	const channels = p.shape[1]!;
	const ones = graph.constant(float32([1, channels], new Float32Array(channels).fill(1)));
	return graph.apply('MatMul', [ones, graph.mul(p, q)], {});
}
