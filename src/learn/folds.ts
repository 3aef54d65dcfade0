import { Failure } from '../base/failure.js';
import { permutation, randomFrom } from '../base/random.js';
import { FEWEST_FOR_NORMALITY } from '../model/normality.js';
import type { TeachSettings } from './lesson.js';

/** Which pictures are trained on, and which set the threshold, in this order. */
export type Split = {
	readonly train: readonly number[];
	readonly heldOut: readonly number[];
	/** Where pictures are too few to keep any from training: parts, each judged by a student of its own that was taught the others. */
	readonly folds: readonly Omit<Split, 'folds'>[];
};

/** Each is a student more to train; fewer would be taught much less than the one that judges in the end. */
const USUAL_FOLDS = 4;

/**
 * Pictures that are kept from training set the threshold. Where they would be too few to tell what is usual, none is kept, and each sets it by a
 * student of other pictures instead (cross-conformal prediction, Vovk 2015); the paper's preset keeps some in any case.
 * @throws Failure usage for one fold
 */
export function splitOf(
	count: number,
	{
		holdout,
		folds: asked = 'auto',
		preset,
		seed,
	}: Pick<TeachSettings, 'holdout' | 'folds' | 'preset' | 'seed'>,
	groups: readonly (readonly number[])[] = [],
): Split {
	const split = holdOut(count, holdout, seed, groups);
	const isFew = preset !== 'paper' && split.heldOut.length < FEWEST_FOR_NORMALITY;
	const parts = asked === 'auto' ? (isFew ? USUAL_FOLDS : 0) : asked;
	if (parts === 1)
		throw new Failure(
			'usage',
			'Cannot judge by 1 fold: it would leave no picture to learn from',
			'Take 2 or more, or 0 to hold some pictures out.',
		);
	if (parts === 0) return { ...split, folds: [] };
	const sides: number[][] = Array.from({ length: Math.min(parts, count) }, () => []);
	for (const group of drawn(count, seed, groups))
		sides.reduce((least, side) => (side.length < least.length ? side : least)).push(...group);
	const sorted = (chosen: readonly number[]) => [...chosen].sort((a, b) => a - b);
	// All of one part, or of too few: nobody could be judged by others.
	if (groups.length > 0 && sides.some(({ length }) => length === 0 || length > count - 2))
		return splitOf(count, { holdout, folds: asked, preset, seed });
	const folds = sides.map((side) => ({
		train: sorted(sides.filter((other) => other !== side).flat()),
		heldOut: sorted(side),
	}));
	return { train: sorted(sides.flat()), heldOut: folds.flatMap(({ heldOut }) => heldOut), folds };
}

/**
 * Which pictures are trained on and which set the threshold: at least two of each, drawn by the seed. Those of a group stay on one side,
 * so that the share is met as nearly as groups allow; a single group that leaves fewer than two others is none.
 */
export function holdOut(
	count: number,
	share: number,
	seed: number,
	groups: readonly (readonly number[])[] = [],
): { train: number[]; heldOut: number[] } {
	const wanted = Math.min(Math.max(Math.round(count * share), 2), count - 2);
	const heldOut = new Set<number>();
	const left: (readonly number[])[] = [];
	for (const group of drawn(count, seed, groups)) {
		if (heldOut.size + group.length <= wanted) for (const i of group) heldOut.add(i);
		else left.push(group);
	}
	const missing = wanted - heldOut.size;
	const nearest = left.reduce<readonly number[]>(
		(best, group) => (best.length === 0 || group.length < best.length ? group : best),
		[],
	);
	if (nearest.length - missing < missing || heldOut.size < 2) for (const i of nearest) heldOut.add(i);
	if (count - heldOut.size < 2) return holdOut(count, share, seed);
	const all = Array.from({ length: count }, (_, i) => i);
	return { heldOut: all.filter((i) => heldOut.has(i)), train: all.filter((i) => !heldOut.has(i)) };
}

/** Each picture with those of its group, in the order in which the seed draws them. */
function drawn(count: number, seed: number, groups: readonly (readonly number[])[]): Set<readonly number[]> {
	const groupOf = new Map(groups.flatMap((group) => group.map((i) => [i, group] as const)));
	return new Set(permutation(count, randomFrom(seed)).map((i) => groupOf.get(i) ?? [i]));
}
