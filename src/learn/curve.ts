import type { CurvePoint } from '../model/manifest.js';
import { boundsOf } from './threshold.js';

/** So many of the highest scores are looked at. */
export const HIGHEST = 8;

/**
 * What the threshold would be without the highest of the good pictures that set it, one point a picture, the highest first: that of a
 * point is the next score, which is what taking one rank lower gives. `spoiled`: scores of copies with a defect, of which some pass there.
 */
export function curveOf(
	scored: readonly { readonly name: string; readonly score: number }[],
	spoiled: readonly { readonly score: number }[],
	highest = HIGHEST,
): CurvePoint[] {
	const sorted = [...scored].sort((a, b) => b.score - a.score);
	return sorted.slice(0, Math.min(highest, sorted.length - 1)).map(({ name, score }, i) => {
		const threshold = sorted[i + 1]!.score;
		return {
			picture: name,
			score,
			threshold,
			...boundsOf(i + 2, sorted.length),
			spoiledPass: shareThatPasses(spoiled, threshold),
		};
	});
}

/** Null of none. */
export function shareThatPasses(
	spoiled: readonly { readonly score: number }[],
	threshold: number,
): number | null {
	if (spoiled.length === 0) return null;
	return spoiled.filter(({ score }) => score <= threshold).length / spoiled.length;
}

/** The default rule: of good parts no more than this share may be rejected, where a lower threshold than the highest score is taken. */
const MOST_REJECTED = 0.05;

/** And each further one must catch so many more spoiled copies, share for share. */
const LEAST_CAUGHT = 2;

/**
 * Which of the highest scores sets the threshold where nobody says, 1 for the highest: the one with the least of spoiled copies that pass and, twice, good
 * parts that are rejected; of equal ones the higher.
 */
export function usualRank(scores: readonly number[], spoiled: readonly { readonly score: number }[]): number {
	const sorted = [...scores].sort((a, b) => b - a);
	const most = Math.max(1, Math.floor(MOST_REJECTED * (scores.length + 1) + 1e-9));
	const costs = sorted
		.slice(0, most)
		.map(
			(score, i) => (shareThatPasses(spoiled, score) ?? 0) + (LEAST_CAUGHT * (i + 1)) / (scores.length + 1),
		);
	return 1 + costs.indexOf(Math.min(...costs));
}
