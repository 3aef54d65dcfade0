import { Graph } from '../graph/graph.js';
import { type Normalisation, normalise } from '../graph/picture.js';
import { float32, type Shape } from '../graph/tensor.js';
import { type Architecture, architectures, type Backbone } from './architecture.js';
import { type Features, teacher } from './networks.js';
import { convolve, frozenKernels, frozenUnits, NORM_EPSILON, type Unit, type Units } from './units.js';
import { foldNorm, initialWeights, type Parameter, Weights } from './weights.js';

/** The ImageNet statistics that torchvision's weights were trained with, for RGB in [0, 1]. */
export const IMAGENET: Normalisation = {
	mean: [0.485, 0.456, 0.406],
	deviation: [0.229, 0.224, 0.225],
};

/** The convolutions of a teacher with their norms and shapes, in the order of the network. */
export function teacherUnits(arch: Architecture): { readonly unit: Unit; readonly shape: Shape }[] {
	const graph = new Graph();
	const found: { unit: Unit; shape: Shape }[] = [];
	const units: Units = (x, unit) => {
		const shape = [unit.channels, x.shape[1]!, unit.kernel, unit.kernel];
		found.push({ unit, shape });
		return convolve(
			graph,
			[x, graph.input(`${unit.conv}.weight`, 'float32', shape)],
			unit.kernel,
			unit.stride,
		);
	};
	teacher(graph, units, arch, graph.input('image', 'float32', [1, 3, 64, 64]));
	return found;
}

/**
 * A teacher's weights with every norm folded into its convolution, checked against the backbone: what frozenUnits wants.
 * @throws Error in words naming the first tensor that is missing or has another shape
 */
export function foldTeacher(weights: Weights, backbone: Backbone): Weights {
	const folded = new Weights();
	for (const { unit, shape } of teacherUnits(architectures[backbone])) {
		const name = `${unit.conv}.weight`;
		if (!weights.has(name)) throw new Error(`it has no tensor "${name}", which a ${backbone} has`);
		const found = weights.get(name).shape;
		if (`${found}` !== `${shape}`)
			throw new Error(`its "${name}" is [${found}], not the [${shape}] of a ${backbone}`);
		const hasNorm = weights.has(`${unit.norm}.running_mean`);
		if (!hasNorm && !weights.has(`${unit.conv}.bias`)) {
			throw new Error(`it has neither a norm "${unit.norm}" nor a bias "${unit.conv}.bias"`);
		}
		const source = hasNorm ? foldNorm(weights, unit.conv, unit.norm, 0, NORM_EPSILON) : weights;
		for (const part of ['weight', 'bias'])
			folded.set(`${unit.conv}.${part}`, source.get(`${unit.conv}.${part}`));
	}
	return folded;
}

/** A teacher that nobody trained: seeded kernels and no bias. Features of chance, good for demonstrations and tests only. */
export function seededTeacher(backbone: Backbone, seed: number): Weights {
	const units = teacherUnits(architectures[backbone]);
	const kernels: Parameter[] = units.map(({ unit, shape }) => ({
		name: `${unit.conv}.weight`,
		shape,
		role: 'kernel',
	}));
	const weights = initialWeights(kernels, seed);
	for (const { unit, shape } of units) {
		weights.set(`${unit.conv}.bias`, float32([shape[0]!], new Float32Array(shape[0]!)));
	}
	return weights;
}

/** Images → the teacher's features: input `image` uint8 [batch, size, size, 3], outputs `teacher1` to `teacher3`. */
export function featureProgram(backbone: Backbone, weights: Weights, batch: number, size: number): Graph {
	const { graph, features } = teacherGraph(backbone, weights, batch, size);
	features.forEach((feature, i) => {
		graph.output(feature, `teacher${i + 1}`);
	});
	return graph;
}

/** The teacher over images, input `image` uint8 [batch, size, size, 3], for whoever goes on from its features. */
export function teacherGraph(
	backbone: Backbone,
	weights: Weights,
	batch: number,
	size: number,
): { readonly graph: Graph; readonly features: Features } {
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [batch, size, size, 3]);
	const units = frozenUnits(graph, frozenKernels(weights));
	const features = teacher(graph, units, architectures[backbone], normalise(graph, image, IMAGENET));
	return { graph, features };
}
