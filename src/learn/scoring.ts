import { SCORINGS, type Scoring } from '../model/manifest.js';
import { FEWEST_FOR_NORMALITY, scorings } from '../model/normality.js';
import type { Spoil } from '../vision/spoils.js';
import type { TeachSettings } from './lesson.js';

/** A copy of a held-out picture with a defect: `of` which one, and its score as if that picture had not said what is usual. */
export type SpoiledScore = { readonly of: number; readonly spoil: Spoil; readonly score: number };

/** How one scoring scored the held-out pictures, each left out in its turn, and spoiled copies of them. */
export type Candidate = {
	readonly scoring: Scoring;
	readonly good: readonly number[];
	readonly spoiled: readonly Pick<SpoiledScore, 'score'>[];
};

/** So many of the highest good scores are thresholds in turn: one picture alone says little, and the very highest may be of a part that is not good, which speaks for what overlooks it. */
const THRESHOLDS = 3;

/** Shares that differ by less are of chance. */
const NOISE = 0.02;

/** By features alone a defect is judged in a grid of 16 pixels and shown worse: so many more spoiled copies must be caught by it. */
const COARSE = 0.03;

/** What loses least where it is not the best comes first. */
const SAFEST: readonly Scoring[] = [
	'places+features',
	'places',
	'features',
	'scales+features',
	'scales',
	'sum',
];

/** The scorings that a lesson may choose among. */
export function scoringsFor(
	{ preset, scoring: asked = 'auto' }: Pick<TeachSettings, 'preset' | 'scoring'>,
	heldOut: number,
	hasFeatures: boolean,
): readonly Scoring[] {
	if (heldOut < FEWEST_FOR_NORMALITY) return ['sum'];
	if (asked !== 'auto') return [asked];
	if (preset === 'paper') return ['sum'];
	return SCORINGS.filter((scoring) => hasFeatures || !usesFeatures(scoring));
}

export function usesFeatures(scoring: Scoring): boolean {
	return scorings[scoring].uses.includes('features');
}

/** The share of spoiled copies that score no more than a good picture does: the mean over thresholds at each of the next to highest good scores. NaN without copies. */
export function passing({ good, spoiled }: Candidate): number {
	const sorted = [...good].sort((a, b) => b - a);
	const next = sorted.length > 1 ? sorted.slice(1, 1 + THRESHOLDS) : sorted;
	const passes = next.map(
		(threshold) => spoiled.filter(({ score }) => score <= threshold).length / spoiled.length,
	);
	return passes.reduce((a, b) => a + b, 0) / passes.length;
}

/** The scoring by which the fewest spoiled copies pass; of those that cannot be told from it the safest. `passes`: by each of them. */
export function chosenScoring(candidates: readonly Candidate[]): {
	readonly chosen: Scoring;
	readonly passes: Readonly<Partial<Record<Scoring, number>>>;
} {
	const shares = new Map(candidates.map((candidate) => [candidate.scoring, passing(candidate)]));
	const known = [...shares].filter(([, share]) => Number.isFinite(share));
	const costs = new Map(
		known.map(([scoring, share]) => [scoring, share + (scoring === 'features' ? COARSE : 0)]),
	);
	const least = Math.min(...costs.values());
	const near = SAFEST.filter((scoring) => (costs.get(scoring) ?? Number.NaN) <= least + NOISE);
	return { chosen: near[0] ?? candidates[0]!.scoring, passes: Object.fromEntries(known) };
}
