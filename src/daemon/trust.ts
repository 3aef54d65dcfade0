import { Failure } from '../base/failure.js';
import type { StationReport } from '../protocol/states.js';

type Trouble = NonNullable<StationReport['error']>;

/** What a station has shown since it began. */
export type Shown = Pick<StationReport, 'state' | 'error' | 'degraded'> & {
	/** With which it computes, null without one. */
	readonly engine: string | null;
	/** Parts with a verdict that is none of an error. */
	readonly judged: number;
	readonly errors: number;
	/** Of the last part that was an error. */
	readonly lastError: Trouble | null;
	/** New processes after the first. */
	readonly restarts: number;
	/** How long ago it was ready to inspect, or told why it is not; it began to run; and it judged its first part. Negative: not yet. */
	readonly begunMs: number;
	readonly runningMs: number;
	readonly judgedMs: number;
};

export type Expected = {
	/** Parts become due by themselves, and soon. */
	readonly partsCome: boolean;
	/** Code of the failure that it was in before: what fails in the same way is no worse. */
	readonly failingBefore: string | undefined;
	/** The engine that it is moved to: computing with anything else is no work. */
	readonly engine: string | undefined;
	readonly steadyMs: number;
	/** A camera that was let go of a moment ago may need a while. */
	readonly patienceMs: number;
};

/** It computes, but not with the engine that it was given. */
export function strayed(engine: string, degraded: StationReport['degraded']): Failure {
	const why = degraded?.message ?? 'it computes without it';
	return new Failure('engine-failed', `it does not run with engine ${engine.slice(0, 8)}: ${why}`);
}

/** So many errors, and no part that was judged, are enough. */
const MOST_ERRORS = 5;

/** Whether a station that has begun does its work; undefined while that is to be seen, a failure where it does not. */
export function trustIn(
	shown: Shown,
	{ partsCome, failingBefore, engine, steadyMs, patienceMs }: Expected,
): true | Failure | undefined {
	const { state, error, judged, errors, lastError, restarts, begunMs, runningMs, judgedMs } = shown;
	const ill = ({ code, message }: Trouble): true | Failure =>
		code === failingBefore ? true : new Failure(code as Failure['code'], message);
	if (state === 'finished') return judged === 0 && lastError ? ill(lastError) : true;
	if (restarts > 0 && error) return ill(error);
	const isReady = state === 'running' || state === 'resting';
	if (isReady && engine !== undefined && shown.engine !== engine) return strayed(engine, shown.degraded);
	// It has proven its bundle, and looks at nothing for hours.
	if (state === 'resting') return true;
	if (error && error.code === failingBefore) return true;
	if (lastError && judged === 0 && errors >= MOST_ERRORS) return ill(lastError);
	if (state === 'running') {
		if (judgedMs >= steadyMs) return lastError && errors - 1 > judged ? ill(lastError) : true;
		if (!partsCome && runningMs >= steadyMs) return true;
	}
	if (begunMs < patienceMs) return undefined;
	const why = error ?? lastError;
	return why
		? ill(why)
		: new Failure('camera-silent', `it has judged no part for ${Math.round(patienceMs / 1000)} s`);
}
