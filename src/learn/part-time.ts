import { setImmediate as breathe } from 'node:timers/promises';
import { encodeOnnx } from '../graph/onnx.js';
import { median } from '../measure/statistics.js';
import type { Backbone } from '../model/architecture.js';
import { inferenceProgram } from '../model/inference.js';
import { untrainedStudent } from '../model/student.js';
import type { Tiling } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import type { TeachWorld } from './lesson.js';

/** Runs that tell, until they have taken so long. */
const RUNS = 3;
const MOST_MS = 1500;

/**
 * What a part takes on the processor in float32, in milliseconds, by running whole models that nobody trained; the first run of each does not count.
 * @throws Failure model-failed, the signal's reason
 */
export function partTimes(
	{ backbone, weights }: { readonly backbone: Backbone; readonly weights: Weights },
	{ threads }: { readonly threads: number },
	{ openSession, now, signal }: Pick<TeachWorld, 'openSession' | 'now' | 'signal'>,
): (tiling: Tiling) => Promise<number> {
	let student: Weights | undefined;
	return async (tiling) => {
		student ??= untrainedStudent(backbone, 1);
		const program = inferenceProgram({ backbone, teacher: weights, student, tiling });
		const session = await openSession(encodeOnnx(program, 'untrained'), { threads });
		const shape = [1, tiling.height, tiling.width, 3];
		const data = Uint8Array.from({ length: tiling.height * tiling.width * 3 }, (_, i) => (37 * i) % 251);
		const took: number[] = [];
		const started = now();
		try {
			while (took.length < 2 || (took.length <= RUNS && now() - started < MOST_MS)) {
				signal.throwIfAborted();
				const begun = now();
				await session.run({ image: { dtype: 'uint8', shape, data } });
				took.push(now() - begun);
				await breathe();
			}
		} finally {
			await session.close();
		}
		return median(took.slice(1));
	};
}
