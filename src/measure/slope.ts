import { median } from './statistics.js';

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
