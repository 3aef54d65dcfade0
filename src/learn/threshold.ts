import { Failure } from '../base/failure.js';

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
