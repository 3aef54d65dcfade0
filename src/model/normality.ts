import { mean as average } from '../measure/statistics.js';
import type { Scoring } from './manifest.js';
import { outlined } from './outline.js';

/** What a map shows: one scale's distance between teacher and student, or how far the teacher's features are from those of good parts. */
export type MapKind = 'scale' | 'features';

/** The maps of one picture, in the order of their kinds, each [height, width]. */
export type Maps = readonly Float32Array[];

/**
 * Which maps a scoring sums, of what it takes mean and spread (of each place, of each map, or of nothing, which leaves the maps as they are), and whether the
 * scales draw what more than they has judged.
 */
type Rule = {
	readonly uses: readonly MapKind[];
	readonly usual: 'place' | 'map' | undefined;
	readonly outlined: boolean;
};

export const scorings: { readonly [S in Scoring]: Rule } = {
	sum: { uses: ['scale'], usual: undefined, outlined: false },
	scales: { uses: ['scale'], usual: 'map', outlined: false },
	places: { uses: ['scale'], usual: 'place', outlined: true },
	'scales+features': { uses: ['scale', 'features'], usual: 'map', outlined: true },
	'places+features': { uses: ['scale', 'features'], usual: 'place', outlined: true },
	features: { uses: ['features'], usual: 'place', outlined: true },
};

/** How much a map counts when it varies as the others do. */
const counts: { readonly [K in MapKind]: number } = { scale: 1, features: 2 };

/** What a map usually shows on good parts, and how much a departure from it counts: each [height, width], or one number for all places. */
export type Usual = { readonly mean: Float32Array; readonly weight: Float32Array };

/** For each map that a scoring uses. */
export type Normality = readonly Usual[];

/** From fewer pictures the spread at a place cannot be told. */
export const FEWEST_FOR_NORMALITY = 8;

/** For each map the sums over pictures of its values and of their squares, place by place. */
export type Sums = {
	readonly count: number;
	readonly of: readonly { readonly first: Float64Array; readonly second: Float64Array }[];
};

/** Of no picture yet: so many maps of so many places. */
export function noSums(maps: number, places: number): Sums {
	const zeros = () => new Float64Array(places);
	return { count: 0, of: Array.from({ length: maps }, () => ({ first: zeros(), second: zeros() })) };
}

/** Adds a picture in place. */
export function joinSums(sums: Sums, maps: Maps): Sums {
	for (const [k, { first, second }] of sums.of.entries()) {
		const map = maps[k]!;
		for (let p = 0; p < map.length; p += 1) {
			const v = map[p]!;
			first[p]! += v;
			second[p]! += v * v;
		}
	}
	return { ...sums, count: sums.count + 1 };
}

export function sumsOf(pictures: readonly Maps[]): Sums {
	return pictures.reduce(joinSums, noSums(pictures[0]!.length, pictures[0]![0]!.length));
}

/**
 * As if a picture that is among them had not been there (leave one out): its own departures are no measure of it, and a threshold that they set
 * would be too low.
 */
export function sumsWithout({ count, of }: Sums, maps: Maps): Sums {
	return {
		count: count - 1,
		of: of.map(({ first, second }, k) => ({
			first: first.map((v, p) => v - maps[k]![p]!),
			second: second.map((v, p) => v - maps[k]![p]! ** 2),
		})),
	};
}

/** Where the maps stand that a scoring uses. */
export function usedBy(scoring: Scoring, kinds: readonly MapKind[]): number[] {
	return kinds.flatMap((kind, k) => (scorings[scoring].uses.includes(kind) ? [k] : []));
}

/**
 * What good parts usually show in the maps that a scoring uses, from pictures that were not trained on. A departure u − mean counts by c / (σ + σ̄): σ is the spread
 * at the place, σ̄ over the whole map, which keeps places that never varied from counting without bound; where all places count alike, by c / 2σ̄. c brings the
 * sum back to the size of the maps themselves. Undefined for the plain sum.
 */
export function normalityOf(sums: Sums, scoring: Scoring, kinds: readonly MapKind[]): Normality | undefined {
	const { usual } = scorings[scoring];
	if (usual === undefined) return undefined;
	const used = usedBy(scoring, kinds);
	const variances = used.map((k) => variancesOf(sums.of[k]!, sums.count));
	const overall = variances.map((variance) => Math.sqrt(average(variance)));
	const sizes = overall.filter((_, i) => kinds[used[i]!] === kinds[used[0]!]);
	const unit = 2 * average(sizes);
	return used.map((k, i) => {
		const { first } = sums.of[k]!;
		const share = unit * counts[kinds[k]!];
		const spread = overall[i]! + LEAST_SPREAD;
		if (usual === 'map')
			return {
				mean: Float32Array.of(average(first) / sums.count),
				weight: Float32Array.of(share / (overall[i]! + spread)),
			};
		return {
			mean: Float32Array.from(first, (v) => v / sums.count),
			weight: Float32Array.from(variances[i]!, (variance) => share / (Math.sqrt(variance) + spread)),
		};
	});
}

/** Maps that never vary count, but not without bound. */
const LEAST_SPREAD = 1e-12;

function variancesOf({ first, second }: Sums['of'][number], count: number): Float64Array {
	return first.map((v, p) => Math.max(0, (second[p]! - (v * v) / count) / (count - 1)));
}

/** What maps a scoring sums or is outlined by. */
export function neededBy(scoring: Scoring): readonly MapKind[] {
	const { uses, outlined } = scorings[scoring];
	return outlined && !uses.includes('scale') ? ['scale', ...uses] : uses;
}

/** Of the maps those of scales. */
export function scalesOf<M>(maps: readonly M[], kinds: readonly MapKind[]): M[] {
	return maps.filter((_, k) => kinds[k] === 'scale');
}

/** By what maps are judged: of what each is, by which scoring, and what is usual in those that it uses. */
export type Judge = {
	readonly kinds: readonly MapKind[];
	readonly scoring: Scoring;
	readonly normality: Normality | undefined;
};

/** All maps of a picture as one: Σ weight·(u − mean) of those that the scoring uses, or Σ u without a normality. Its maximum is the score. */
export function judgedBy({ kinds, scoring, normality }: Judge, maps: Maps): Float32Array {
	const map = new Float32Array(maps[0]!.length);
	for (const [i, k] of usedBy(scoring, kinds).entries()) {
		const u = maps[k]!;
		const usual = normality?.[i];
		if (!usual) {
			for (let p = 0; p < map.length; p += 1) map[p]! += u[p]!;
			continue;
		}
		const { mean, weight } = usual;
		const step = mean.length === 1 ? 0 : 1;
		for (let p = 0; p < map.length; p += 1) map[p]! += weight[p * step]! * (u[p]! - mean[p * step]!);
	}
	return map;
}

/** As it is shown: outlined where the scoring's rule says so, with the same maximum. */
export function shownBy(judge: Judge, maps: Maps): Float32Array {
	const map = judgedBy(judge, maps);
	return scorings[judge.scoring].outlined ? outlined(map, scalesOf(maps, judge.kinds)) : map;
}
