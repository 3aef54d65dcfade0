import { quantile } from './statistics.js';

/** What measurements of one thing were: the middle, a lower end and two upper ones. */
export type Spread = {
	readonly count: number;
	readonly p10: number;
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
};

/** NaN throughout of none. */
export function spreadOf(values: readonly number[]): Spread {
	const at = (share: number) => quantile(values, share);
	return { count: values.length, p10: at(0.1), p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** How much more the middle of the last third is than that of the first, as a share of it; null of fewer than 30. */
export function driftOf(values: readonly number[]): number | null {
	if (values.length < 30) return null;
	const third = Math.floor(values.length / 3);
	const first = quantile(values.slice(0, third), 0.5);
	return quantile(values.slice(-third), 0.5) / first - 1;
}
