import { median } from '../measure/statistics.js';

/** What the map of one scale usually shows on good parts, and how much a departure from it counts; each [height, width]. */
export type Usual = { readonly mean: Float32Array; readonly weight: Float32Array };

/** For each map: three scales, or six with an overview. */
export type Normality = readonly Usual[];

/** The maps of one picture, one a scale (and six with an overview), each [height, width]. */
export type ScaleMaps = readonly Float32Array[];

/** From fewer pictures the spread at a place cannot be told. */
export const FEWEST_FOR_NORMALITY = 8;

/**
 * What good parts usually show, place by place, from pictures that were not trained on. A departure u − mean counts by
 * c / (σ + σ̄): σ is the spread at the place, σ̄ over the whole scale, which keeps places that never varied from counting without
 * bound; c brings the sum back to the size of a cosine distance.
 */
export function normalityOf(pictures: readonly ScaleMaps[]): Normality {
	return fromSums(sumsOf(pictures), pictures.length);
}

/**
 * The score that each picture would have had, if it had not been among those that say what is usual: the maximum of its map
 * under the normality of all others (leave one out). Otherwise a threshold set by these scores would be too low.
 */
export function leaveOneOutScores(pictures: readonly ScaleMaps[]): { score: number; middle: number }[] {
	const sums = sumsOf(pictures);
	return pictures.map((maps) => {
		const others = sums.map(({ first, second }, k) => ({
			first: first.map((v, p) => v - maps[k]![p]!),
			second: second.map((v, p) => v - maps[k]![p]! ** 2),
		}));
		const map = mapUnder(maps, fromSums(others, pictures.length - 1));
		return { score: map.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY), middle: median(map) };
	});
}

/** The combined map of one picture: Σ weight·(u − mean). */
export function mapUnder(maps: ScaleMaps, normality: Normality): Float32Array {
	const map = new Float32Array(maps[0]!.length);
	normality.forEach(({ mean, weight }, k) => {
		const u = maps[k]!;
		for (let p = 0; p < map.length; p += 1) map[p]! += weight[p]! * (u[p]! - mean[p]!);
	});
	return map;
}

type Sums = { readonly first: Float64Array; readonly second: Float64Array };

function sumsOf(pictures: readonly ScaleMaps[]): Sums[] {
	return pictures[0]!.map((_, k) => {
		const first = new Float64Array(pictures[0]![k]!.length);
		const second = new Float64Array(first.length);
		for (const maps of pictures) {
			maps[k]!.forEach((v, p) => {
				first[p]! += v;
				second[p]! += v * v;
			});
		}
		return { first, second };
	});
}

function fromSums(sums: readonly Sums[], count: number): Normality {
	const spreads = sums.map(({ first, second }) =>
		Float64Array.from(first, (v, p) => Math.max(0, (second[p]! - (v * v) / count) / (count - 1))),
	);
	const overall = spreads.map((variance) => Math.sqrt(variance.reduce((a, b) => a + b, 0) / variance.length));
	const unit = (2 * overall.reduce((a, b) => a + b, 0)) / overall.length;
	return sums.map(({ first }, k) => ({
		mean: Float32Array.from(first, (v) => v / count),
		weight: Float32Array.from(spreads[k]!, (variance) => unit / (Math.sqrt(variance) + overall[k]! + 1e-12)),
	}));
}
