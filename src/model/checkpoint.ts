import type { Weights } from './weights.js';

/** How far a lesson has come: everything that its next step needs. */
export type Checkpoint = {
	/** What the lesson is; only the same may be gone on with. */
	readonly lesson: string;
	/** One a step that was done. */
	readonly losses: readonly number[];
	/** Parameters, their moments and the running statistics, by the step graph's names. */
	readonly state: Weights;
};
