/** One map [C, side, side], row-major. */
export type Plain = { readonly data: ArrayLike<number>; readonly channels: number; readonly side: number };

/** What stands at a place of a map; 0 beyond its edges. */
function at({ data, side }: Plain, c: number, y: number, x: number): number {
	return y < 0 || x < 0 || y >= side || x >= side ? 0 : data[(c * side + y) * side + x]!;
}

/** Joined features in loops and double precision: at each position of the third stage, row by row, one vector [C2 + C3]. */
export function plainJoined(second: Plain, third: Plain): number[][] {
	const direction = (map: Plain, y: number, x: number): number[] => {
		const around = [-1, 0, 1];
		const vector = Array.from({ length: map.channels }, (_, c) =>
			around.reduce((sum, dy) => sum + around.reduce((row, dx) => row + at(map, c, y + dy, x + dx), 0), 0),
		);
		const length = Math.hypot(...vector);
		return vector.map((v) => (length === 0 ? 0 : v / length));
	};
	return Array.from({ length: third.side ** 2 }, (_, p) => {
		const [y, x] = [Math.floor(p / third.side), p % third.side];
		const four = [0, 1].flatMap((dy) => [0, 1].map((dx) => direction(second, 2 * y + dy, 2 * x + dx)));
		const mean = four[0]!.map((_v, c) => four.reduce((sum, vector) => sum + vector[c]! / 4, 0));
		return [...mean, ...direction(third, y, x)];
	});
}

/** Mean [D] and covariance [D][D] of vectors, in two passes. */
export function plainMoments(vectors: readonly (readonly number[])[]): {
	mean: number[];
	covariance: number[][];
} {
	const mean = vectors[0]!.map((_, i) => vectors.reduce((sum, v) => sum + v[i]!, 0) / vectors.length);
	const away = vectors.map((v) => v.map((x, i) => x - mean[i]!));
	const covariance = mean.map((_, i) =>
		mean.map((__, j) => away.reduce((sum, v) => sum + v[i]! * v[j]!, 0) / vectors.length),
	);
	return { mean, covariance };
}
