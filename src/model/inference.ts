import { Graph } from '../graph/graph.js';
import type { Session } from '../graph/session.js';
import { architectures, type Backbone } from './architecture.js';
import { student, teacher } from './networks.js';
import { anomaly } from './score.js';
import { normalise } from './teacher.js';
import { frozenUnits, NORM_EPSILON, type Units } from './units.js';
import { foldNorm, type Weights } from './weights.js';

/**
 * A picture to its anomaly map and score in one graph: input `image` uint8 RGB [1, size, size, 3], outputs `map` float32
 * [size, size] and `score`, a float32 scalar. `teacherWeights` are folded; `studentWeights` hold parameters and running statistics.
 */
export function inferenceProgram(
	backbone: Backbone,
	teacherWeights: Weights,
	studentWeights: Weights,
	size: number,
): Graph {
	const arch = architectures[backbone];
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, size, size, 3]);
	const features = teacher(graph, frozenUnits(graph, teacherWeights), arch, normalise(graph, image));
	const imitation = student(graph, foldedUnits(graph, studentWeights), arch, features);
	const { map, score } = anomaly(graph, features, imitation, size);
	graph.output(graph.reshape(map, [size, size]), 'map');
	graph.output(graph.reshape(score, []), 'score');
	return graph;
}

/** Frozen units over a trained student: each norm is folded into its convolution on the way. */
export function foldedUnits(graph: Graph, weights: Weights): Units {
	return (x, unit) => {
		const folded = foldNorm(weights, unit.conv, unit.norm, unit.up ? 1 : 0, NORM_EPSILON);
		return frozenUnits(graph, folded)(x, unit);
	};
}

/** One scored picture: `map` is `[size, size]` row-major, `score` its maximum (paper S_AD). */
export type Scored = { readonly map: Float32Array; readonly score: number };

/** Runs an inference graph on one picture `[size, size, 3]`. */
export async function scoreWith(session: Session, input: Uint8Array, size: number): Promise<Scored> {
	const results = await session.run({ image: { dtype: 'uint8', shape: [1, size, size, 3], data: input } });
	return { map: results.map!.data as Float32Array, score: Number(results.score!.data[0]) };
}
