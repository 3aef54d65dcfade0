import type { WrittenBundle } from '../disk/bundle.js';
import { promisedBy } from '../measure/promise.js';
import type { Taught } from '../protocol/teach-messages.js';

/** What a lesson tells when its bundle is written. */
export function taughtOf(
	{ manifest, dir, isNamed }: WrittenBundle,
	{ seconds, forecast }: Pick<Taught, 'seconds' | 'forecast'>,
): Taught {
	const { training, calibration, precision, architecture } = manifest;
	return {
		bundle: dir,
		isNamed,
		images: training.images,
		heldOut: training.heldOut,
		folds: training.folds,
		iterations: training.iterations,
		seconds,
		forecast,
		provider: training.provider,
		loss: training.losses.at(-1) ?? null,
		threshold: calibration.threshold,
		falseRejectBound: calibration.falseRejectBound,
		falseRejectBound95: promisedBy(calibration),
		spoiledPass: calibration.spoiledPass,
		curve: calibration.curve,
		struck: calibration.struck,
		precision: precision.runs,
		seededTeacher: architecture.teacher.seeded,
	};
}
