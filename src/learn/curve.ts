import type { CurvePoint } from '../model/manifest.js';
import { boundsOf, outlierAmong } from './threshold.js';

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

/** What a person should know of the good pictures around a threshold: one that sets it alone, and those above it. `isAsked`: somebody wanted those there. */
export function remarksOn(
	scored: readonly { readonly name: string; readonly score: number }[],
	spoiled: readonly { readonly score: number }[],
	{ threshold, isAsked }: { readonly threshold: number; readonly isAsked: boolean },
	remedy: string,
): string[] {
	const scores = scored.map(({ score }) => score);
	const outlier = outlierAmong(scores);
	if (outlier?.score === threshold) {
		const [own, next] = [outlier.score.toFixed(3), outlier.next.toFixed(3)];
		const name = scored[outlier.index]!.name;
		return [
			`"${name}" alone sets the threshold: it scores ${own}, the next good picture ${next}; look at it, and ${remedy}`,
		];
	}
	const above = [...scored].sort((a, b) => b.score - a.score).filter(({ score }) => score > threshold);
	if (isAsked || above.length === 0 || spoiled.length === 0) return [];
	const share = (at: number) => `${Math.round(100 * shareThatPasses(spoiled, at)!)} %`;
	const named = above.slice(0, HIGHEST).map(({ name }) => `"${name}"`);
	const more = above.length > named.length ? ` and ${above.length - named.length} more` : '';
	return [
		`good pictures above the threshold: ${named.join(', ')}${more}; with them below it ${share(Math.max(...scores))} of the spoiled copies would pass, not ${share(threshold)}; look at them, and ${remedy}`,
	];
}

/** Null of none. */
export function shareThatPasses(
	spoiled: readonly { readonly score: number }[],
	threshold: number,
): number | null {
	if (spoiled.length === 0) return null;
	return spoiled.filter(({ score }) => score <= threshold).length / spoiled.length;
}

/** The default rule: each good part more that may be rejected must catch so many times its share of spoiled copies more, up to this share of good parts; */
const USUAL = { mostRejected: 0.05, caught: 2 } as const;

/** and so many times beyond it, up to this one: one unusual part among few would let most defects pass. */
const BEYOND = { mostRejected: 0.125, caught: 3 } as const;

/**
 * Which of the highest scores sets the threshold where nobody says, 1 for the highest: the one with the least of spoiled copies that pass and, times what they
 * must catch, good parts that are rejected; of equal ones the higher.
 */
export function usualRank(scores: readonly number[], spoiled: readonly { readonly score: number }[]): number {
	const sorted = [...scores].sort((a, b) => b - a);
	const parts = scores.length + 1;
	const mostOf = (share: number) => Math.max(1, Math.floor(share * parts + 1e-9));
	const usual = mostOf(USUAL.mostRejected);
	const priceOf = (rank: number) =>
		(USUAL.caught * Math.min(rank, usual) + BEYOND.caught * Math.max(0, rank - usual)) / parts;
	const costs = sorted
		.slice(0, mostOf(BEYOND.mostRejected))
		.map((score, i) => (shareThatPasses(spoiled, score) ?? 0) + priceOf(i + 1));
	return 1 + costs.indexOf(Math.min(...costs));
}
