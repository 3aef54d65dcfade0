/** How sure a promise is. */
const CONFIDENCE = 0.95;

/** Bisections: as many as a double has digits. */
const HALVINGS = 60;

/**
 * The share of good parts that a threshold rejects at most, with 95 % confidence, when `above` of `of` good pictures score above it. Given the
 * pictures, the share is distributed as Beta(above + 1, of − above), if the parts are like them (Vovk 2012; Angelopoulos and Bates 2023,
 * 3.2); its upper quantile is the limit of Clopper and Pearson (1934). 1 where none scores below.
 */
export function rejectedAtMost(above: number, of: number): number {
	if (above >= of) return 1;
	let [low, high] = [0, 1];
	for (let i = 0; i < HALVINGS; i += 1) {
		const middle = (low + high) / 2;
		if (chanceOfAtMost(above, of, middle) > 1 - CONFIDENCE) low = middle;
		else high = middle;
	}
	return high;
}

/** P(X ≤ most) for X of Binomial(n, p). */
function chanceOfAtMost(most: number, n: number, p: number): number {
	const odds = Math.log(p) - Math.log1p(-p);
	let term = n * Math.log1p(-p);
	let sum = Math.exp(term);
	for (let j = 0; j < most; j += 1) {
		term += Math.log((n - j) / (j + 1)) + odds;
		sum += Math.exp(term);
	}
	return sum;
}

/** The same for a threshold that stands: as it was promised, or of older bundles by their scores. */
export function promisedBy({
	threshold,
	scores,
	falseRejectBound95,
}: {
	readonly threshold: number;
	readonly scores: readonly number[];
	readonly falseRejectBound95: number | null;
}): number {
	return (
		falseRejectBound95 ?? rejectedAtMost(scores.filter((score) => score > threshold).length, scores.length)
	);
}

/** "of 100 good parts at most 7 are rejected in the long run, with 95 % confidence"; `share` as rejectedAtMost tells it. */
export function promiseWords(share: number): string {
	return `of 100 good parts at most ${inHundred(share)} are rejected in the long run, with 95 % confidence`;
}

/** Whole parts of 100, none too few. */
export function inHundred(share: number): number {
	return Math.ceil(100 * share - 1e-9);
}
