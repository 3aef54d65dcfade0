import { type Spread, spreadOf } from './spread.js';

/** A part that a station has judged. `atMs`: when its verdict stood, `wholeMs`: since its frame was taken. */
export type Judged = { readonly station: string; readonly atMs: number; readonly wholeMs: number };

export type Throughput = {
	/** Of all stations together, and of the slowest. */
	readonly perSecond: number;
	readonly slowestPerSecond: number;
	readonly wholeMs: Spread;
};

/** What was worked in the meantime: shares of all processors, null where that is not told. */
export type Work = { readonly ours: number | null; readonly others: number | null };

/** What `stations` did from one moment on and before another. */
export function throughputOf(
	judged: readonly Judged[],
	stations: readonly string[],
	{ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Throughput {
	const within = judged.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
	const seconds = (toMs - fromMs) / 1000;
	const counts = stations.map((name) => within.filter(({ station }) => station === name).length);
	return {
		perSecond: within.length / seconds,
		slowestPerSecond: Math.min(...counts) / seconds,
		wholeMs: spreadOf(within.map(({ wholeMs }) => wholeMs)),
	};
}
