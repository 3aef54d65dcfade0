/** The middle value, the upper one of two; NaN of none. */
export function median(values: ArrayLike<number>): number {
	const sorted = Float64Array.from(values).sort();
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** NaN of none. */
export function mean(values: ArrayLike<number>): number {
	let sum = 0;
	for (let i = 0; i < values.length; i += 1) sum += values[i]!;
	return sum / values.length;
}

/** The value below which a share of the others lies, NaN when one of them is none. */
export function quantile(values: readonly number[], share: number): number {
	if (values.some(Number.isNaN)) return Number.NaN;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
