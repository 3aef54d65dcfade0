import { float32 } from '../src/graph/tensor.js';
import { paperAdam } from '../src/model/adam.js';
import { architectures, type Backbone } from '../src/model/architecture.js';
import type { Pair } from '../src/model/inference.js';
import { stepProgram } from '../src/model/step.js';
import { seededTeacher } from '../src/model/teacher.js';
import { oneTile } from '../src/model/tiling.js';
import { initialWeights } from '../src/model/weights.js';

/** A pair that nobody trained: as much work as a trained one. */
export function untrainedPair(backbone: Backbone, size: number): Pair {
	const { parameters, statistics } = stepProgram(architectures[backbone], paperAdam, 2, size);
	const student = initialWeights(parameters, 1);
	for (const { name, length } of statistics) {
		student.set(name, float32([length], new Float32Array(length).fill(name.endsWith('var') ? 1 : 0)));
	}
	return { backbone, teacher: seededTeacher(backbone, 1), student, tiling: oneTile(size) };
}
