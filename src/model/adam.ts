import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';

export type AdamSettings = {
	readonly learningRate: number;
	readonly beta1: number;
	readonly beta2: number;
	readonly epsilon: number;
};

/** What the published training uses. */
export const paperAdam: AdamSettings = { learningRate: 0.005, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

/** The two numbers of a step that depend on its count; the rest of Adam is fixed in the graph. */
export type AdamSchedule = { readonly rate: number; readonly floor: number };

/**
 * Adam (Kingma and Ba 2015) over moments kept without their factors (1 − β), which saves two passes over every weight:
 * m ← β₁m + g, v ← β₂v + g², w ← w − rate·m/(√v + floor). `step` counts from 1.
 */
export function adamSchedule(
	{ learningRate, beta1, beta2, epsilon }: AdamSettings,
	step: number,
): AdamSchedule {
	const spread = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
	return { rate: ((learningRate * (1 - beta1)) / (1 - beta1 ** step)) * spread, floor: epsilon * spread };
}

/** One step for one weight: the new weight and moments. `rate` and `floor` are scalars of the graph. */
export function adamUpdate(
	graph: Graph,
	{ beta1, beta2 }: AdamSettings,
	weight: Value,
	gradient: Value,
	moments: { readonly first: Value; readonly second: Value },
	schedule: { readonly rate: Value; readonly floor: Value },
): { weight: Value; first: Value; second: Value } {
	const first = graph.add(graph.mul(moments.first, graph.scalar(beta1)), gradient);
	const second = graph.add(graph.mul(moments.second, graph.scalar(beta2)), graph.mul(gradient, gradient));
	const step = graph.div(graph.mul(first, schedule.rate), graph.add(graph.sqrt(second), schedule.floor));
	return { weight: graph.sub(weight, step), first, second };
}

/** What a step takes off a weight, by its new moments: adamUpdate in numbers. */
export function adamStep(first: number, second: number, { rate, floor }: AdamSchedule): number {
	return (rate * first) / (Math.sqrt(second) + floor);
}
