/** A point of a receiver operating characteristic: what a threshold at `threshold` would have done. */
export type RocPoint = { readonly threshold: number; readonly fpr: number; readonly tpr: number };

/** What a threshold did: good parts rejected, defective parts accepted. */
export type Confusion = {
	readonly accepts: number;
	readonly falseRejects: number;
	readonly rejects: number;
	readonly escapes: number;
};

/**
 * Area under the receiver operating characteristic of one score a part; `defective[i]` labels `scores[i]`. Equal
 * scores count half, as mid-ranks do. Null when one of the two classes is absent.
 */
export function auroc(scores: readonly number[], defective: readonly boolean[]): number | null {
	const good = Float64Array.from(scores.filter((_, i) => !defective[i])).sort();
	const bad = scores.filter((_, i) => defective[i]);
	if (good.length === 0 || bad.length === 0) return null;
	return bad.reduce((sum, score) => sum + areaRightOf(rankIn(good, score), 1), 0) / bad.length;
}

/** The curve behind `auroc`, from (0, 0) to (1, 1), one point a distinct score, highest threshold first. */
export function rocCurve(scores: readonly number[], defective: readonly boolean[]): RocPoint[] {
	const bad = defective.filter(Boolean).length;
	const good = defective.length - bad;
	const order = scores.map((_, i) => i).sort((i, j) => scores[j]! - scores[i]!);
	const curve: RocPoint[] = [];
	let falseRejects = 0;
	let found = 0;
	for (const i of order) {
		// A part is rejected when it scores above the threshold, so a threshold at its own score leaves it out.
		if (curve.at(-1)?.threshold !== scores[i]) {
			curve.push({ threshold: scores[i]!, fpr: falseRejects / good, tpr: found / bad });
		}
		if (defective[i]) found += 1;
		else falseRejects += 1;
	}
	curve.push({ threshold: Number.NEGATIVE_INFINITY, fpr: 1, tpr: 1 });
	return curve;
}

/** A part is rejected when its score is above the threshold. */
export function confusionAt(
	threshold: number,
	scores: readonly number[],
	defective: readonly boolean[],
): Confusion {
	const counts = { accepts: 0, falseRejects: 0, rejects: 0, escapes: 0 };
	for (const [i, score] of scores.entries()) {
		const rejected = score > threshold;
		if (defective[i]) counts[rejected ? 'rejects' : 'escapes'] += 1;
		else counts[rejected ? 'falseRejects' : 'accepts'] += 1;
	}
	return counts;
}

/** Where a value stands among others: the shares of them that are above it and equal to it. */
export type Rank = { readonly above: number; readonly equal: number };

/** `sorted` is ascending and not empty. */
export function rankIn(sorted: Float32Array | Float64Array, value: number): Rank {
	const first = partitionPoint(sorted, (other) => other < value);
	const next = sorted[first] === value ? partitionPoint(sorted, (other) => other <= value) : first;
	return { above: (sorted.length - next) / sorted.length, equal: (next - first) / sorted.length };
}

/**
 * What one defective value adds to the area under a curve over the false positive rate, from 0 to `limit`: found
 * once the rate has reached `above`, linearly over the ties. The mean over all defective values is the area.
 */
export function areaRightOf({ above, equal }: Rank, limit: number): number {
	if (above >= limit) return 0;
	if (above + equal <= limit) return limit - above - equal / 2;
	return (limit - above) ** 2 / (2 * equal);
}

/** The first index whose value does not hold; `holds` is true up to there and false from there. */
function partitionPoint(sorted: Float32Array | Float64Array, holds: (value: number) => boolean): number {
	let low = 0;
	let high = sorted.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (holds(sorted[middle]!)) low = middle + 1;
		else high = middle;
	}
	return low;
}
