import type { Rect } from '../vision/image.js';

export const VERDICTS = ['accept', 'reject', 'error'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One connected region of the map above the threshold, in frame pixels, with the highest map value in it. */
export type Region = { readonly box: Rect; readonly peak: number };

/** What a subscriber gets for one part. Scores are unclamped; null where there is none (verdict 'error'). */
export type VerdictMessage = {
	readonly id: string;
	readonly box: string;
	readonly station: string;
	readonly recipe: string;
	/** Counts the station process's parts from 1; a gap is a lost message. */
	readonly sequence: number;
	/** Identifies the run of the station process that `sequence` counts in. */
	readonly run: string;
	readonly verdict: Verdict;
	readonly score: number | null;
	readonly threshold: number | null;
	/** score − threshold. */
	readonly margin: number | null;
	readonly takenAt: string;
	readonly monotonicMs: number;
	readonly frame: string | null;
	readonly model: { readonly name: string; readonly sha256: string; readonly provider: string } | null;
	readonly times: { readonly prepareMs: number; readonly modelMs: number; readonly totalMs: number } | null;
	/** One for each picture published; `topic` is where its JPEG goes. */
	readonly heatmaps: readonly (Region & { readonly topic: string; readonly bytes: number })[];
	readonly error: { readonly code: string; readonly message: string } | null;
};
