/** The middle value, the upper one of two; NaN of none. */
export function median(values: ArrayLike<number>): number {
	const sorted = Float64Array.from(values).sort();
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The value below which a share of the others lies, NaN when one of them is none. */
export function quantile(values: readonly number[], share: number): number {
	if (values.some(Number.isNaN)) return Number.NaN;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
