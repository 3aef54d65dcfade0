import { mean as average } from '../measure/statistics.js';
import { sumsOf, sumsWithout } from './normality.js';

/** Maps of one picture, one after the other: where each group of places that are alike begins and ends, as squares and an overview. */
export type Groups = readonly (readonly [from: number, to: number])[];

/** What is usual: for all places of a group alike, or at each place (as far as so many pictures tell). */
export const COMMONS = ['overall', 'place'] as const;
export type Common = (typeof COMMONS)[number];

/**
 * How far the highest place of each picture is from what the good ones show, in their standard deviations; each under all good pictures but the one
 * that it is (a copy of). @param copies `of`: of which good one
 */
export function departures(
	good: readonly Float32Array[],
	copies: readonly { readonly of: number; readonly map: Float32Array }[],
	groups: Groups,
	common: Common,
): { readonly good: number[]; readonly copies: number[] } {
	const length = good[0]!.length;
	const sums = sumsOf(good.map((map) => [map]));
	const under = good.map((left) => {
		const { count, of } = sumsWithout(sums, [left]);
		const { first, second } = of[0]!;
		const mean = first.map((v) => v / count);
		const variance = second.map((v, p) => Math.max(0, v / count - mean[p]! ** 2));
		const spread = new Float64Array(length);
		for (const [from, to] of groups) {
			const [m, v] = [average(mean.subarray(from, to)), average(variance.subarray(from, to))];
			if (common === 'place') {
				// As in model/normality: what never varied does not count without bound.
				for (let p = from; p < to; p += 1) spread[p] = Math.sqrt(variance[p]!) + Math.sqrt(v);
				continue;
			}
			const all = mean.subarray(from, to).reduce((sum, u) => sum + (u - m) ** 2, 0) / (to - from) + v;
			mean.fill(m, from, to);
			spread.fill(Math.sqrt(all), from, to);
		}
		return { mean, spread };
	});
	const score = (map: Float32Array, of: number) => {
		const { mean, spread } = under[of]!;
		return map.reduce(
			(most, v, p) => Math.max(most, (v - mean[p]!) / (spread[p]! + 1e-12)),
			Number.NEGATIVE_INFINITY,
		);
	};
	return { good: good.map(score), copies: copies.map(({ of, map }) => score(map, of)) };
}
