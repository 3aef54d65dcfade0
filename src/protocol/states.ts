import type { ModelTold, Verdict } from './verdict.js';

/** Retained: whether the box is there. */
export type BoxState = {
	/** Degraded: it inspects, but the broker keeps something from reaching anybody. */
	readonly state: 'online' | 'degraded' | 'offline';
	readonly version: string;
	readonly stations: readonly string[];
	/** Messages that did not fit into the outbox while the broker was away, or that the broker refused. */
	readonly dropped: { readonly verdicts: number; readonly heatmaps: number };
	/** Kinds of topic of which the broker refused messages, the last reason, and how many. */
	readonly refused: readonly { readonly topic: string; readonly reason: string; readonly messages: number }[];
	/** What the broker does not offer: retained messages, QoS 1, a last will, refusals aloud (3.1.1), a certificate that is verified. */
	readonly lacks: readonly ('retain' | 'qos1' | 'will' | 'refusals' | 'verification')[];
	readonly at: string;
};

/** What a station counts since the daemon started. */
export type Counts = {
	readonly parts: number;
	readonly accepted: number;
	readonly rejected: number;
	readonly errors: number;
	/** Frames of a live camera that nobody inspected, because newer ones came. */
	readonly droppedFrames: number;
};

/** Retained: whether a station inspects. */
export type StationState = {
	readonly state: 'starting' | 'running' | 'error' | 'finished' | 'stopped';
	readonly recipe: string;
	readonly model: ModelTold | null;
	readonly threshold: number | null;
	readonly counts: Counts;
	readonly error: { readonly code: string; readonly message: string } | null;
	readonly at: string;
};

export const noCounts: Counts = { parts: 0, accepted: 0, rejected: 0, errors: 0, droppedFrames: 0 };

const column = { accept: 'accepted', reject: 'rejected', error: 'errors' } as const;

/** The counts after one more part. */
export function counted(counts: Counts, verdict: Verdict): Counts {
	const kind = column[verdict];
	return { ...counts, parts: counts.parts + 1, [kind]: counts[kind] + 1 };
}

/** What a station's process says of itself: the daemon adds what it counts and when. */
export type StationReport = {
	readonly state: Exclude<StationState['state'], 'stopped'>;
	/** Null before the model is open. */
	readonly model: StationState['model'];
	readonly threshold: number | null;
	readonly error: StationState['error'];
};

/** `atMs` is wall clock time. */
export function stationState(
	{ state, model, threshold, error }: Omit<StationReport, 'state'> & Pick<StationState, 'state'>,
	recipe: string,
	counts: Counts,
	atMs: number,
): StationState {
	return { state, recipe, model, threshold, counts, error, at: new Date(atMs).toISOString() };
}
