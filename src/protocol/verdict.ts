import type { Failure } from '../base/failure.js';
import type { Stamp } from '../vision/frame.js';
import type { Rect } from '../vision/image.js';

export const VERDICTS = ['accept', 'reject', 'error'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One connected region of the map above the threshold, in frame pixels, with the highest map value in it. */
export type Region = { readonly box: Rect; readonly peak: number };

/** What scored: the bundle by the name that stays its own, and the SHA-256 of the very bytes that the engine was given. */
export type ModelTold = {
	readonly name: string;
	readonly bundle: string;
	readonly sha256: string;
	readonly provider: string;
};

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
	readonly model: ModelTold | null;
	readonly times: { readonly prepareMs: number; readonly modelMs: number; readonly totalMs: number } | null;
	/** One for each picture published; `topic` is where its JPEG goes. */
	readonly heatmaps: readonly (Region & { readonly topic: string; readonly bytes: number })[];
	readonly error: { readonly code: string; readonly message: string } | null;
};

/** A verdict as a station gives it; the daemon says where its pictures go. */
export type StationVerdict = Omit<VerdictMessage, 'heatmaps'> & {
	readonly heatmaps: readonly (Region & { readonly bytes: number })[];
};

/** Who inspects by what: the same for every part of a station process's run. */
export type Origin = Pick<VerdictMessage, 'box' | 'station' | 'recipe' | 'run' | 'model' | 'threshold'>;

/** A part that is due: its number in the run, when its frame was taken, and the frame's name where it has one. */
export type Part = Pick<VerdictMessage, 'sequence' | 'frame'> & { readonly taken: Stamp };

/** The verdict for a part that could not be inspected. */
export function errorVerdict(
	origin: Origin,
	part: Part,
	{ code, message }: Pick<Failure, 'code' | 'message'>,
): StationVerdict {
	return { ...unjudged(origin, part), verdict: 'error', error: { code, message } };
}

/** What every verdict on a part says, whatever comes of it. */
export function unjudged(
	{ box, station, recipe, run, model, threshold }: Origin,
	{ sequence, taken, frame }: Part,
): Omit<StationVerdict, 'verdict'> {
	return {
		id: `${run}-${String(sequence).padStart(6, '0')}`,
		box,
		station,
		recipe,
		sequence,
		run,
		score: null,
		threshold,
		margin: null,
		takenAt: new Date(taken.wallMs).toISOString(),
		monotonicMs: Math.round(taken.monotonicMs * 100) / 100,
		frame,
		model,
		times: null,
		heatmaps: [],
		error: null,
	};
}
