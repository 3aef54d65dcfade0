/** Retained: whether the box is there. */
export type BoxState = {
	readonly state: 'online' | 'offline';
	readonly version: string;
	readonly stations: readonly string[];
	/** Messages that did not fit into the outbox while the broker was away, or that the broker refused. */
	readonly dropped: { readonly verdicts: number; readonly heatmaps: number };
	readonly at: string;
};

/** What a station counts since its process started. */
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
	readonly model: { readonly name: string; readonly sha256: string; readonly provider: string } | null;
	readonly threshold: number | null;
	readonly counts: Counts;
	readonly error: { readonly code: string; readonly message: string } | null;
	readonly at: string;
};
