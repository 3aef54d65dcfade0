import type { Precision } from '../base/precision.js';

/** An engine to build; everything that decides what comes out, but for the machine. */
export type EngineRequest = {
	/** A folder. */
	readonly bundle: string;
	/** Without one: what the bundle runs in. */
	readonly precision: Precision | undefined;
	/** Where engines are kept. */
	readonly cache: string;
	readonly limitMs: number;
	/** Also where it stands already, or failed before. */
	readonly again: boolean;
	/** A data set of labelled images, which the engine must tell apart as well as float32. */
	readonly labelled?: string;
};

/** What a build says while it works. `share` of the phase, 0 to 1, null where trtexec does not tell. */
export type EngineProgress = {
	readonly phase: 'exporting' | 'building' | 'comparing';
	readonly share: number | null;
	/** What trtexec said last, in one line. */
	readonly line: string | null;
};

/** What a build ends with. */
export type EngineBuilt = {
	readonly id: string;
	/** SHA-256 of the engine, as verdicts and states name it. */
	readonly engine: string;
	readonly seconds: number;
	/** False where it stood there already. */
	readonly isNew: boolean;
};
