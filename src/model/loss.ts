import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import type { Features } from './networks.js';

/**
 * Σ over scales of the batch mean of 1 − cos, one cosine over the flattened C·H·W of each picture (MODEL.md's contract; the paper's
 * equation 2 averages per position instead, which trains worse). Both features [N, C, H, W] → scalar [1, 1, 1].
 */
export function distillationLoss(graph: Graph, teacher: Features, student: Features): Value {
	const losses = teacher.map((t, i) => {
		const cosine = flatCosine(graph, t, student[i]!);
		return graph.sub(graph.scalar(1), graph.mean(cosine, [0]));
	});
	return losses.reduce((sum, loss) => graph.add(sum, loss));
}

/** Cosine of each picture's whole feature tensor: [N, C, H, W] twice → [N, 1, 1]. */
function flatCosine(graph: Graph, a: Value, b: Value): Value {
	const flat = (v: Value) => graph.reshape(v, [v.shape[0]!, 1, v.shape.slice(1).reduce((p, q) => p * q, 1)]);
	const dot = (p: Value, q: Value) => graph.matMulTransposed(flat(p), flat(q));
	const lengths = graph.mul(graph.sqrt(dot(a, a)), graph.sqrt(dot(b, b)));
	return graph.div(dot(a, b), graph.apply('Max', [lengths, graph.scalar(1e-8)], {}));
}
