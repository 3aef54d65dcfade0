/** The value below which so large a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The middle of some measurements, with the tenth and ninetieth percentile as their spread. */
export function summary(values: readonly number[]): { median: number; low: number; high: number } {
	const at = (share: number) => percentile(values, share);
	return { median: at(0.5), low: at(0.1), high: at(0.9) };
}

export function shown(label: string, unit: string, values: readonly number[]): string {
	const { median, low, high } = summary(values);
	return `${label.padEnd(34)} ${median.toFixed(2).padStart(9)} ${unit}  (${low.toFixed(2)} to ${high.toFixed(2)}, n = ${values.length})`;
}
