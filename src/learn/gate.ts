import { auroc } from '../measure/metrics.js';
import { quantile } from '../measure/statistics.js';
import type { GateFinding } from '../model/precision.js';

/** Pictures as both precisions scored them. */
export type Compared = {
	readonly reference: readonly number[];
	readonly candidate: readonly number[];
	/** Labels, one a picture. */
	readonly defective: readonly boolean[];
};

/** Of 19 in 20 scores, as a share of the way from what good parts usually score to the threshold, or to the score if that is higher. */
const MOST_DIFFERENCE = 0.25;
const LEAST_CORRELATION = 0.98;
/** Share of verdicts that may change, those within rounding of the threshold. */
const MOST_FLIPS = 0.02;
/** 0.2 points. */
const MOST_DROP = 0.002;

/**
 * Whether a precision scores like float32, at the threshold that float32 found. It fails closed: a number that cannot be computed
 * is a failed one. `usual` is the median score of good parts.
 */
export function gate(compared: Compared, threshold: number, usual: number): GateFinding[] {
	const { reference, candidate, defective } = compared;
	const differences = reference.map(
		(score, i) => Math.abs(score - candidate[i]!) / (Math.max(score, threshold) - usual),
	);
	const flips = reference.filter((score, i) => score > threshold !== candidate[i]! > threshold).length;
	const drop = (auroc(reference, defective) ?? Number.NaN) - (auroc(candidate, defective) ?? Number.NaN);
	const atMost = (measure: GateFinding['measure'], value: number, limit: number): GateFinding => ({
		measure,
		value,
		limit,
		ok: value <= limit,
	});
	const correlation = rankCorrelation(reference, candidate);
	return [
		atMost('score difference', quantile(differences, 0.95), MOST_DIFFERENCE),
		{
			measure: 'rank correlation',
			value: correlation,
			limit: LEAST_CORRELATION,
			ok: correlation >= LEAST_CORRELATION,
		},
		atMost('verdict flips', flips / reference.length, MOST_FLIPS),
		atMost('auroc drop', drop, MOST_DROP),
	];
}

/** Spearman's rank correlation, equal values sharing their mean rank. NaN when one side is constant. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
	const [p, q] = [ranks(a), ranks(b)];
	const mean = (a.length - 1) / 2;
	const dot = (x: readonly number[], y: readonly number[]) =>
		x.reduce((sum, v, i) => sum + (v - mean) * (y[i]! - mean), 0);
	return dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q));
}

function ranks(values: readonly number[]): number[] {
	if (values.some(Number.isNaN)) return values.map(() => Number.NaN);
	const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
	const result = new Array<number>(values.length);
	for (let first = 0; first < order.length; ) {
		let last = first;
		while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last += 1;
		for (let k = first; k <= last; k += 1) result[order[k]!] = (first + last) / 2;
		first = last + 1;
	}
	return result;
}
