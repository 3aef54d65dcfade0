import { Failure } from '../base/failure.js';
import { median } from '../measure/statistics.js';

/** Where rejecting begins, and how often a good part will be rejected at most. */
export type Threshold = {
	readonly threshold: number;
	readonly rule: 'max' | 'quantile';
	readonly falseRejectBound: number;
};

/**
 * The threshold from scores of good pictures that were not learnt from. Without a wanted rate it is their maximum. The next good
 * part is as likely to take any rank among n + 1, so it is rejected with a probability of at most (n + 1 − k) / (n + 1) when the
 * threshold is the k-th smallest score (split conformal prediction, Vovk et al. 2005); the maximum has k = n.
 */
export function thresholdOf(scores: readonly number[], falseRejects?: number): Threshold {
	const sorted = [...scores].sort((a, b) => a - b);
	const n = sorted.length;
	const k = falseRejects === undefined ? n : Math.min(n, Math.ceil((n + 1) * (1 - falseRejects) - 1e-9));
	return {
		threshold: sorted[k - 1]!,
		rule: falseRejects === undefined ? 'max' : 'quantile',
		falseRejectBound: (n + 1 - k) / (n + 1),
	};
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
 * n pictures cannot support a rate below 1 / (n + 1).
 * @throws Failure images-missing saying how many more pictures the wanted rate needs, when `share` of them is held out
 */
export function assertSupported(heldOut: number, falseRejects: number | undefined, share: number): void {
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
