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

/**
 * The default rule: each good part more that may be rejected must catch so many times its share of spoiled copies more; up to a twentieth of good parts, and beyond
 * it up to an eighth: one unusual part among few would let most defects pass.
 */
const CAUGHT = [
	{ mostRejected: 0.05, times: 2 },
	{ mostRejected: 0.125, times: 3 },
] as const;

/**
 * Which of the highest scores sets the threshold where nobody says, 1 for the highest: the one with the least of spoiled copies that pass and, times what they
 * must catch, good parts that are rejected; of equal ones the higher.
 */
export function usualRank(scores: readonly number[], spoiled: readonly { readonly score: number }[]): number {
	const sorted = [...scores].sort((a, b) => b - a);
	const bands = CAUGHT.map(({ mostRejected, times }) => ({
		most: Math.max(1, Math.floor(mostRejected * (scores.length + 1) + 1e-9)),
		times,
	}));
	const priceOf = (rank: number): number =>
		bands.reduce((sum, { most, times }, i) => {
			const before = bands[i - 1]?.most ?? 0;
			return sum + times * Math.max(0, Math.min(rank, most) - before);
		}, 0) /
		(scores.length + 1);
	const costs = sorted
		.slice(0, bands.at(-1)!.most)
		.map((score, i) => (shareThatPasses(spoiled, score) ?? 0) + priceOf(i + 1));
	return 1 + costs.indexOf(Math.min(...costs));
}
