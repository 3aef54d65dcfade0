import type { Random } from '../base/random.js';
import { median, quantile } from './statistics.js';

/**
 * How much `y` grows with `x`: the median of the slopes between all pairs (Theil, Sen), which up to 29 % of wild values do not move.
 * NaN of less than two places.
 */
export function theilSen(points: readonly (readonly [x: number, y: number])[]): number {
	const slopes = points.flatMap(([x, y], i) =>
		points.slice(i + 1).flatMap(([x2, y2]) => (x2 === x ? [] : [(y2 - y) / (x2 - x)])),
	);
	return median(slopes);
}

/** So many drawn series say where nine in ten slopes lie. */
const DRAWN = 200;

/**
 * Between which slopes nine in ten lie when chance is drawn anew: residuals are put together from blocks, because neighbours are alike (moving blocks, Künsch 1989), added
 * to the line, and the slope is taken again. Of 60 to 240 places whose noise keeps half of its neighbour's it holds the truth four times in five. NaN of less than three.
 */
export function slopeBand(
	points: readonly (readonly [x: number, y: number])[],
	random: Random,
): readonly [low: number, high: number] {
	if (points.length < 3) return [Number.NaN, Number.NaN];
	const slope = theilSen(points);
	const residuals = points.map(([x, y]) => y - slope * x);
	const block = Math.round(1.5 * Math.cbrt(points.length));
	const slopes = Array.from({ length: DRAWN }, () => {
		const drawn: number[] = [];
		while (drawn.length < points.length) {
			const start = random.below(points.length - block + 1);
			drawn.push(...residuals.slice(start, start + block));
		}
		return theilSen(points.map(([x], i) => [x, slope * x + drawn[i]!]));
	});
	return [quantile(slopes, 0.05), quantile(slopes, 0.95)];
}
