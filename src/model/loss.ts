import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { channelDistance } from './distance.js';
import type { Features } from './networks.js';

/**
 * Σ over scales of the batch mean of 1 − cos, one cosine over the flattened C·H·W of each picture (as the published code computes it; the
 * paper's equation 2 averages per position instead, which trains worse). Both features [N, C, H, W] → scalar [1, 1, 1].
 * With a `hardness` above 0 that share of the gradient at each position grows with how far the student is off there.
 */
export function distillationLoss(
	graph: Graph,
	teacher: Features,
	student: Features,
	hardness: number,
): Value {
	const losses = teacher.map((t, i) => {
		const cosine = flatCosine(graph, t, student[i]!, hardness);
		return graph.sub(graph.scalar(1), graph.mean(cosine, [0]));
	});
	return losses.reduce((sum, loss) => graph.add(sum, loss));
}

/**
 * Cosine of each picture's whole feature tensor, the teacher's `t` and the student's `s`: [N, C, H, W] twice → [N, 1, 1]. A region,
 * because the gradient of a dot product, as a product of matrices, would be a column times a row; and to weigh it by `hardness`.
 */
function flatCosine(graph: Graph, t: Value, s: Value, hardness: number): Value {
	const count = t.shape[0]!;
	const flat = (v: Value) => graph.reshape(v, [count, 1, v.shape.slice(1).reduce((p, q) => p * q, 1)]);
	const dot = (p: Value, q: Value) => graph.matMulTransposed(flat(p), flat(q));
	return graph.region([s], () => {
		const square = graph.apply('Max', [dot(s, s), graph.scalar(1e-12)], {});
		const lengths = graph.apply(
			'Max',
			[graph.mul(graph.sqrt(dot(t, t)), graph.sqrt(square)), graph.scalar(1e-8)],
			{},
		);
		const cosine = graph.div(dot(t, s), lengths);
		return {
			output: cosine,
			// ∂s = ∂y·(t/(|t||s|) − cos·s/|s|²)
			pullback: (d) => {
				const factor = (v: Value) => graph.reshape(v, [count, 1, 1, 1]);
				const along = graph.mul(t, factor(graph.div(d, lengths)));
				const gradient = graph.sub(along, graph.mul(s, factor(graph.div(graph.mul(d, cosine), square))));
				return [hardness === 0 ? gradient : graph.mul(gradient, emphasis(graph, t, s, hardness))];
			},
		};
	});
}

/**
 * 1 − h + h·δ/δ̄ at each position [N, 1, H, W]: δ is the cosine distance over channels there, δ̄ its mean over the batch. What is hard to
 * reproduce is learnt sooner, in the spirit of hard feature mining (EfficientAD, Batzner et al. 2024) but without a cut.
 */
function emphasis(graph: Graph, t: Value, s: Value, hardness: number): Value {
	const distance = channelDistance(graph, t, s);
	const mean = graph.apply('Max', [graph.mean(distance, [0, 1, 2]), graph.scalar(1e-8)], {});
	const relative = graph.div(distance, mean);
	const weight = graph.add(graph.mul(relative, graph.scalar(hardness)), graph.scalar(1 - hardness));
	const [n, h, w] = distance.shape as [number, number, number];
	return graph.reshape(weight, [n, 1, h, w]);
}
