import { type Detector, driftDetector, type Usual } from '../measure/drift.js';
import type { Manifest } from '../model/manifest.js';
import { instantOf } from '../protocol/fields.js';
import type { StationReport } from '../protocol/states.js';
import { leastDeviation, MEASURES, type Measures } from '../vision/quality.js';

/** The least deviation of scores, as a share of the threshold: good pictures may have been very much alike. */
const LEAST_OF_SCORES = 0.02;

/** What has drifted since the lesson, as far as the parts that were accepted tell. */
export type Drift = {
	/** An accepted part. @returns what has drifted, where that is something else than before */
	add(score: number, measures: Measures | null, atMs: number): StationReport['drift'] | undefined;
};

type Watched = {
	readonly measure: StationReport['drift'][number]['measure'];
	readonly usual: Usual;
	readonly detector: Detector;
	sinceMs: number | undefined;
};

/** By the scores and the pictures of the lesson; `atMs` is wall clock time. */
export function driftBy({
	calibration,
	quality,
	training,
}: Pick<Manifest, 'calibration' | 'quality' | 'training'>): Drift {
	const watched = (measure: Watched['measure'], usual: Usual): Watched => ({
		measure,
		usual,
		detector: driftDetector(usual),
		sinceMs: undefined,
	});
	const scores = watched('score', usualScores(calibration));
	// Of folds each picture was trained on and held out.
	const count = training.folds > 0 ? training.heldOut : training.images + training.heldOut;
	const seen = MEASURES.flatMap((measure) => {
		if (!quality) return [];
		const { mean, deviation } = quality.usual[measure];
		return [watched(measure, { mean, deviation: Math.max(deviation, leastDeviation(measure)), count })];
	});
	return {
		add: (score, measures, atMs) => {
			let hasChanged = false;
			const all = [scores, ...(measures ? seen : [])];
			for (const one of all) {
				one.detector.add(one.measure === 'score' ? score : measures![one.measure]);
				const isFound = one.detector.shift() !== undefined;
				if (isFound === (one.sinceMs !== undefined)) continue;
				one.sinceMs = isFound ? atMs : undefined;
				hasChanged = true;
			}
			if (!hasChanged) return undefined;
			return [scores, ...seen].flatMap(({ measure, usual, detector, sinceMs }) => {
				const shift = detector.shift();
				if (!shift || sinceMs === undefined) return [];
				const deviations = (shift.mean - usual.mean) / usual.deviation;
				return [
					{
						measure,
						window: shift.window,
						usual: rounded(usual.mean),
						mean: rounded(shift.mean),
						deviations: Math.round(deviations * 10) / 10,
						parts: shift.parts,
						since: instantOf(sinceMs),
					},
				];
			});
		},
	};
}

function usualScores({ scores, threshold }: Manifest['calibration']): Usual {
	const count = scores.length;
	const mean = scores.reduce((a, b) => a + b) / count;
	const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
	const deviation = Math.sqrt(squares / Math.max(1, count - 1));
	return { mean, deviation: Math.max(deviation, LEAST_OF_SCORES * Math.abs(threshold)), count };
}

function rounded(value: number): number {
	return Math.round(value * 1e4) / 1e4;
}
