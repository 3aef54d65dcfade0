import type { Backbone } from '../src/model/architecture.js';
import type { Pair } from '../src/model/inference.js';
import { untrainedStudent } from '../src/model/student.js';
import { seededTeacher } from '../src/model/teacher.js';
import { oneTile } from '../src/model/tiling.js';

/** A pair that nobody trained: as much work as a trained one. */
export function untrainedPair(backbone: Backbone, size: number): Pair {
	const student = untrainedStudent(backbone, 1);
	return { backbone, teacher: seededTeacher(backbone, 1), student, tiling: oneTile(size) };
}
