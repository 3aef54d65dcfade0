import type { FailureCode } from '../base/failure.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from './engine-messages.js';
import type { Progress, StrikeRequest, Taught, TeachRequest } from './teach-messages.js';

/** What a job's process can be asked to do: what it is given, what it says while it works, what it ends with. */
export type Jobs = {
	teach: { readonly request: TeachRequest; readonly progress: Progress; readonly result: Taught };
	strike: { readonly request: StrikeRequest; readonly progress: Progress; readonly result: Taught };
	engine: {
		readonly request: EngineRequest;
		readonly progress: EngineProgress;
		readonly result: EngineBuilt;
	};
};

export type JobKind = keyof Jobs;

export type JobDown<K extends JobKind = JobKind> = {
	[One in K]: { readonly kind: One; readonly request: Jobs[One]['request'] };
}[K];

export type JobUp<K extends JobKind = JobKind> =
	| { readonly kind: 'progress'; readonly progress: Jobs[K]['progress'] }
	| { readonly kind: 'done'; readonly result: Jobs[K]['result'] }
	| {
			readonly kind: 'failed';
			readonly code: FailureCode;
			readonly message: string;
			readonly advice?: string;
	  }
	/** A fault of ours. */
	| { readonly kind: 'fault'; readonly stack: string };
