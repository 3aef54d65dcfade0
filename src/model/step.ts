import { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { gradients } from '../graph/vjp.js';
import { type AdamSettings, adamUpdate } from './adam.js';
import type { Architecture } from './architecture.js';
import { distillationLoss } from './loss.js';
import { type Features, student } from './networks.js';
import { trainableUnits } from './training-units.js';
import type { Parameter } from './weights.js';

/** A training step as one graph, and what must be fed to it. */
export type StepProgram = {
	readonly graph: Graph;
	readonly parameters: readonly Parameter[];
	/** Names of the norms' running statistics, with their lengths. */
	readonly statistics: readonly { readonly name: string; readonly length: number }[];
};

/** Names of the graph's inputs and outputs: a state's output is its input's name with this behind it. */
export const NEXT = '.next';
export const firstMoment = (parameter: string): string => `${parameter}.m`;
export const secondMoment = (parameter: string): string => `${parameter}.v`;

/** Shapes [N, C, H, W] of the teacher's three features for square inputs of `size`. */
export function featureShapes(
	arch: Architecture,
	batch: number,
	size: number,
): [number, number, number, number][] {
	return [4, 8, 16].map((stride, i) => [batch, arch.outer[i]!, size / stride, size / stride]);
}

/**
 * Forward, gradients and Adam in one graph. Inputs: `teacher1` to `teacher3`, scalars `rate` and `floor` (adamSchedule), and the
 * state: each parameter, its two moments, the running statistics. Outputs: `loss`, and the state with NEXT behind each name.
 * `hardness` is the loss's; 0 is as published.
 */
export function stepProgram(
	arch: Architecture,
	adam: AdamSettings,
	batch: number,
	size: number,
	hardness = 0,
): StepProgram {
	const graph = new Graph();
	const teacher = featureShapes(arch, batch, size).map((shape, i) =>
		graph.input(`teacher${i + 1}`, 'float32', shape),
	) as unknown as Features;
	const rate = graph.input('rate', 'float32', []);
	const floor = graph.input('floor', 'float32', []);
	const { units, parameters, statistics } = trainableUnits(graph);
	const loss = distillationLoss(graph, teacher, student(graph, units, arch, teacher), hardness);
	const found = gradients(
		graph,
		loss,
		parameters.map(({ value }) => value),
	);
	graph.output(graph.reshape(loss, []), 'loss');
	parameters.forEach(({ name, shape, value }, i) => {
		const moments = {
			first: graph.input(firstMoment(name), 'float32', shape),
			second: graph.input(secondMoment(name), 'float32', shape),
		};
		const next = adamUpdate(graph, adam, value, found[i]!, moments, { rate, floor });
		graph.output(next.weight, name + NEXT);
		graph.output(next.first, firstMoment(name) + NEXT);
		graph.output(next.second, secondMoment(name) + NEXT);
	});
	for (const { name, after } of statistics) graph.output(after, name + NEXT);
	return {
		graph,
		parameters: parameters.map(({ name, shape, role }) => ({ name, shape, role })),
		statistics: statistics.map(({ name, before }) => ({ name, length: before.shape[0]! })),
	};
}

/** Loss and gradients alone, for tests: outputs `loss` and each parameter's gradient under `<name>.gradient`. */
export function gradientProgram(arch: Architecture, batch: number, size: number): Graph {
	const graph = new Graph();
	const teacher = featureShapes(arch, batch, size).map((shape, i) =>
		graph.input(`teacher${i + 1}`, 'float32', shape),
	) as unknown as Features;
	const { units, parameters } = trainableUnits(graph);
	const features: Features = student(graph, units, arch, teacher);
	const loss: Value = distillationLoss(graph, teacher, features, 0);
	gradients(
		graph,
		loss,
		parameters.map(({ value }) => value),
	).forEach((gradient, i) => {
		graph.output(gradient, `${parameters[i]!.name}.gradient`);
	});
	graph.output(graph.reshape(loss, []), 'loss');
	features.forEach((feature, i) => {
		graph.output(feature, `student${i + 1}`);
	});
	return graph;
}
