import { float32 } from '../graph/tensor.js';
import { paperAdam } from './adam.js';
import { architectures, type Backbone } from './architecture.js';
import { stepProgram } from './step.js';
import { initialWeights, Weights } from './weights.js';

/** What published checkpoints hold beside the networks that we use: a fourth fusion branch and counters. */
const UNUSED = /(^|\.)(bn\.(conv4|bn4)\.|num_batches_tracked$)/;

/**
 * The student out of a published checkpoint (two parts, `bn` and `decoder`, in their own names; `module.` of parallel training is cut
 * off), checked against the backbone.
 * @throws Error in words naming the first tensor that is missing, has another shape or is not of this network
 */
export function checkStudent(found: Weights, backbone: Backbone): Weights {
	const { parameters, statistics } = stepProgram(architectures[backbone], paperAdam, 2, 64);
	const given = new Map(
		[...found.entries()].map(([name, tensor]) => [name.replace(/(^|\.)module\./, '$1'), tensor]),
	);
	const student = new Weights();
	const wanted = [
		...parameters.map(({ name, shape }) => ({ name, shape })),
		...statistics.map(({ name, length }) => ({ name, shape: [length] })),
	];
	for (const { name, shape } of wanted) {
		const tensor = given.get(name);
		if (!tensor) throw new Error(`it has no tensor "${name}", which the student of a ${backbone} has`);
		if (`${tensor.shape}` !== `${shape}`)
			throw new Error(`its "${name}" is [${tensor.shape}], not the [${shape}] of a ${backbone}`);
		student.set(name, tensor);
		given.delete(name);
	}
	const stranger = [...given.keys()].find((name) => !UNUSED.test(name));
	if (stranger !== undefined)
		throw new Error(`it has a tensor "${stranger}", which no student of a ${backbone} has`);
	return student;
}

/** One that nobody trained: as much work as a trained one. */
export function untrainedStudent(backbone: Backbone, seed: number): Weights {
	const { parameters, statistics } = stepProgram(architectures[backbone], paperAdam, 2, 64);
	const student = initialWeights(parameters, seed);
	for (const { name, length } of statistics) {
		student.set(name, float32([length], new Float32Array(length).fill(name.endsWith('var') ? 1 : 0)));
	}
	return student;
}
