import { Failure } from '../base/failure.js';
import { rejectedAtMost } from '../measure/promise.js';
import { median } from '../measure/statistics.js';

/** Where rejecting begins, and how often a good part will be rejected at most. */
export type Threshold = {
	readonly threshold: number;
	readonly rule: 'max' | 'rank' | 'quantile';
	/** On average over all pictures that could have been taken. */
	readonly falseRejectBound: number;
	/** With 95 % confidence, for the pictures that were taken. */
	readonly falseRejectBound95: number;
};

/** What somebody wants of the threshold: a rate of false rejects, or a rank among the highest scores, 1 for the highest. */
export type Wanted = { readonly falseRejects?: number; readonly thresholdRank?: number };

/**
 * The threshold from scores of good pictures that were not learnt from: their maximum, unless somebody wants another. The next good
 * part is as likely to take any rank among n + 1, so it is rejected with a probability of at most r / (n + 1) when the threshold is
 * the r-th highest score (split conformal prediction, Vovk et al. 2005).
 */
export function thresholdOf(scores: readonly number[], wanted: Wanted = {}): Threshold {
	const { falseRejects, thresholdRank = 1 } = wanted;
	const n = scores.length;
	const allowed = falseRejects === undefined ? thresholdRank : Math.floor((n + 1) * falseRejects + 1e-9);
	const r = Math.min(Math.max(allowed, 1), n);
	return {
		threshold: [...scores].sort((a, b) => b - a)[r - 1]!,
		rule: falseRejects !== undefined ? 'quantile' : r === 1 ? 'max' : 'rank',
		...boundsOf(r, n),
	};
}

/** How often good parts are rejected at most, where the r-th highest of n scores is the threshold. */
export function boundsOf(r: number, n: number): Pick<Threshold, 'falseRejectBound' | 'falseRejectBound95'> {
	return { falseRejectBound: r / (n + 1), falseRejectBound95: rejectedAtMost(r - 1, n) };
}

/** Among fewer scores a high one says little. */
const FEWEST_TO_COMPARE = 8;

/**
 * The score that sets the maximum of these good pictures alone, and the next: the highest, when it is at least twice as far above
 * the middle as the next. Undefined when none stands so far apart.
 */
export function outlierAmong(
	scores: readonly number[],
): { index: number; score: number; next: number } | undefined {
	if (scores.length < FEWEST_TO_COMPARE) return undefined;
	const sorted = [...scores].sort((a, b) => b - a);
	const middle = median(sorted);
	const [score, next] = [sorted[0]!, sorted[1]!];
	if (score === next || score - middle < 2 * (next - middle)) return undefined;
	return { index: scores.indexOf(score), score, next };
}

/**
 * n pictures cannot support a rate below 1 / (n + 1), nor a rank among fewer than n.
 * @throws Failure images-missing saying how many more pictures the wanted rate needs, when `share` of them is held out; usage for a rank
 */
export function assertSupported(
	heldOut: number,
	{ falseRejects, thresholdRank: rank }: Wanted,
	share: number,
): void {
	if (rank !== undefined && rank > heldOut)
		throw new Failure(
			'usage',
			`Cannot take rank ${rank} for the threshold: ${heldOut} pictures set it`,
			'Choose one of the highest, or hold more out by a larger --holdout.',
		);
	if (falseRejects === undefined || falseRejects >= 1 / (heldOut + 1) - 1e-9) return;
	const needed = Math.ceil(1 / falseRejects - 1e-9) - 1;
	const more = Math.ceil((needed - heldOut) / share);
	const percent = (rate: number) => `${Number((100 * rate).toPrecision(2))} %`;
	throw new Failure(
		'images-missing',
		`Cannot promise ${percent(falseRejects)} false rejects with ${heldOut} held-out pictures: they support ${percent(1 / (heldOut + 1))} at best`,
		`Take about ${more} more pictures of good parts (${needed} must be held out), or a larger --holdout, or a higher rate.`,
	);
}
