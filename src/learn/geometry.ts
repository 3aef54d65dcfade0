import { type Grid, oneTile, type Tiling, tileCount, tilingFor } from '../model/tiling.js';
import type { Size } from '../vision/image.js';

/** What may be asked for: a side and a grid, or either of them as good parts show it to be best. */
export type AskedGeometry = { readonly size: number | 'auto'; readonly tiles: Grid };

/** Sides of one square for the whole picture; the first is what is usual, and the side of the squares of a grid. */
const SIDES = [256, 384, 512] as const;

/** `auto` tries the grid that keeps the resolution of the picture, and those that keep these shares of it. */
const SHARES = [1, 0.5] as const;

/** The three highest scores of good pictures take turns as the threshold: one alone is chance. */
const THRESHOLDS = 3;

/** What costs more than the cheapest must let this share fewer spoiled copies pass, and by so many standard errors. */
const LEAST_GAIN = 0.2;
const STANDARD_ERRORS = 2;

/** Good parts that say what is usual, and others that are judged with their spoiled copies: the first numbers that the time allows. */
const EFFORTS = [
	{ usual: 24, judged: 16 },
	{ usual: 16, judged: 12 },
	{ usual: 16, judged: 8 },
] as const;

/** Nobody waits longer for the choice of a geometry. */
const MOST_MS = 60_000;

/** Fewer good parts are too few to compare by; of few, so many times as many say what is usual as are judged. */
export const FEWEST_TO_JUDGE = 18;
const MORE_USUAL = 2;

/** How a geometry did: scores of good pictures, and of spoiled copies of them (`of`: whose copy), each under what the other good ones show. */
export type Judged = {
	readonly tiling: Tiling;
	/** A part on this box, in milliseconds. */
	readonly ms: number;
	readonly good: readonly number[];
	readonly spoiled: readonly { readonly of: number; readonly score: number }[];
};

/**
 * Geometries that are worth a comparison for pictures of a size, the plainest first: one square, larger ones as long as the picture has
 * more to show, and squares with an overview. One where nothing is left open.
 */
export function geometriesFor({ size, tiles }: AskedGeometry, picture: Size): Tiling[] {
	const [usual] = SIDES;
	if (tiles !== 'auto' && tileCount(oneGrid(tiles)) > 1)
		return [tilingFor(size === 'auto' ? usual : size, tiles, picture)];
	const longest = Math.max(picture.width, picture.height);
	const sides = size === 'auto' ? SIDES.filter((side) => side === usual || side <= longest) : [size];
	const squares = sides.map(oneTile);
	if (tiles !== 'auto') return squares;
	const grids = SHARES.map((share) =>
		tilingFor(sides[0]!, 'auto', { width: share * picture.width, height: share * picture.height }),
	).filter((tiling) => tileCount(tiling) > 1);
	const counts = grids.map(tileCount);
	return [...squares, ...grids.filter((_, i) => counts.indexOf(counts[i]!) === i).reverse()];
}

function oneGrid(grid: { readonly rows: number; readonly columns: number }): Tiling {
	return { ...oneTile(0), ...grid };
}

/** The share of spoiled copies that pass under the highest good scores of other pictures, those of `without` left out. */
export function passing({ good, spoiled }: Pick<Judged, 'good' | 'spoiled'>, without?: number): number {
	const highest = (of: number) =>
		good
			.filter((_, i) => i !== of && i !== without)
			.sort((a, b) => b - a)
			.slice(0, THRESHOLDS);
	const thresholds = good.map((_, i) => highest(i));
	const counted = spoiled.filter(({ of }) => of !== without);
	const shares = counted.map(({ of, score }) => {
		const over = thresholds[of]!;
		return over.filter((threshold) => score <= threshold).length / over.length;
	});
	return shares.reduce((a, b) => a + b, 0) / shares.length;
}

/** How many fewer copies pass with `other` than with `plain`, and its standard error (jackknife over pictures, Tukey 1958). */
export function gainOf(plain: Judged, other: Judged): { readonly gain: number; readonly error: number } {
	const gain = passing(plain) - passing(other);
	const n = plain.good.length;
	const left = plain.good.map((_, i) => passing(plain, i) - passing(other, i));
	const mean = left.reduce((a, b) => a + b, 0) / n;
	const error = Math.sqrt(((n - 1) / n) * left.reduce((sum, v) => sum + (v - mean) ** 2, 0));
	return { gain, error };
}

/**
 * The cheapest geometry, unless others let clearly fewer spoiled copies pass: then the best of those, or a cheaper one within a standard error of it.
 * @param judged at least one
 */
export function bestOf(judged: readonly Judged[]): Judged {
	const [plain, ...dearer] = [...judged].sort((a, b) => a.ms - b.ms);
	const better = dearer.filter((other) => {
		const { gain, error } = gainOf(plain!, other);
		return gain > Math.max(LEAST_GAIN * passing(plain!), STANDARD_ERRORS * error);
	});
	if (better.length === 0) return plain!;
	const best = better.reduce((a, b) => (passing(b) < passing(a) ? b : a));
	return better.find((one) => {
		const { gain, error } = gainOf(one, best);
		return gain <= error;
	})!;
}

/** How many parts are looked at, and with which of the geometries (`kept`: their indices). */
export type Effort = {
	readonly usual: number;
	readonly judged: number;
	readonly kept: readonly number[];
};

/**
 * What can be looked at in time. Where few parts are too many, the dearest geometries are left out. @param costsMs of a picture,
 * in each geometry @param looks at each part that is judged: itself and its copies @returns undefined where there are too few parts
 */
export function effortFor(
	costsMs: readonly number[],
	count: number,
	looks: number,
	mostMs = MOST_MS,
): Effort | undefined {
	if (count < FEWEST_TO_JUDGE) return undefined;
	const kept = [...costsMs.keys()].sort((a, b) => costsMs[a]! - costsMs[b]!);
	const efforts = EFFORTS.map((effort) => {
		const judged = Math.min(effort.judged, Math.floor(count / (1 + MORE_USUAL)));
		return { judged, usual: Math.min(effort.usual, count - judged) };
	});
	const tookMs = ({ usual, judged }: (typeof efforts)[number]) =>
		(usual + judged * looks) * kept.reduce((sum, k) => sum + costsMs[k]!, 0);
	const least = efforts.at(-1)!;
	while (kept.length > 1 && tookMs(least) > mostMs) kept.pop();
	const effort = efforts.find((one) => tookMs(one) <= mostMs) ?? least;
	return { ...effort, kept: kept.sort((a, b) => a - b) };
}
