import { type Backoff, backoffMs, type Pace } from '../base/retry.js';
import type { EngineNotes, EngineTold } from '../protocol/engines.js';
import { instantOf } from '../protocol/fields.js';

export type EngineFailure = NonNullable<EngineTold['error']>;

/** Builds that failed, by the names of their engines: why, and when each is tried again. */
export type EngineFailures = {
	/** Null where it did not fail, or that is forgotten. */
	of(id: string): EngineFailure | null;
	/** A build failed just now. */
	remember(id: string, failed: FailedBuild): EngineFailure;
	/** Never, where the same would fail again or nothing is built unasked. */
	isDue(id: string): boolean;
	/** It lies there now, or was taken away. */
	forget(id: string): void;
	/** A former daemon noted them. */
	resume(noted: EngineNotes['failed']): void;
	/** For the next daemon: what nobody else has noted. */
	readonly notes: EngineNotes['failed'];
};

export type FailedBuild = Pick<EngineFailure, 'code' | 'message' | 'tail'> & {
	/** Whether it may pass. */
	readonly mayPass: boolean;
	/** Whether it is among the notes: whoever built has noted nothing. */
	readonly isNoted: boolean;
};

/** A build that failed for a reason that may pass is tried again after so long: it takes minutes of a processor that stations share. */
const BUILD_AGAIN: Backoff = { firstMs: 300_000, mostMs: 21_600_000 };

/** Builds that failed, and are remembered. */
const MOST_FAILED = 100;

/** `build`: whether anything is tried again unasked. `changed`: the notes are others. */
export function createEngineFailures(
	{ build }: { readonly build: boolean },
	{ pace, wallClock }: { readonly pace: Omit<Pace, 'pause'>; readonly wallClock: () => number },
	changed: () => void,
): EngineFailures {
	/** `dueMs` is on our clock; null: never. */
	const known = new Map<string, { error: EngineFailure; isNoted: boolean; dueMs: number | null }>();
	const put = (id: string, told: Omit<EngineFailure, 'againAt'>, isNoted: boolean, mayPass: boolean) => {
		const waitMs = backoffMs(BUILD_AGAIN, told.times, pace.chance());
		const isRepeated = build && mayPass;
		const error = { ...told, againAt: isRepeated ? instantOf(wallClock() + waitMs) : null };
		known.delete(id);
		known.set(id, { error, isNoted, dueMs: isRepeated ? pace.now() + waitMs : null });
		if (known.size > MOST_FAILED) known.delete(known.keys().next().value!);
		return error;
	};
	return {
		of: (id) => known.get(id)?.error ?? null,
		remember: (id, { code, message, tail, mayPass, isNoted }) => {
			const before = known.get(id);
			// What was not to be tried again has not failed in a row.
			const times = before && before.dueMs !== null ? before.error.times + 1 : 1;
			const told = { code, message, tail, at: instantOf(wallClock()), times };
			const error = put(id, told, isNoted, mayPass);
			changed();
			return error;
		},
		isDue: (id) => pace.now() >= (known.get(id)?.dueMs ?? Number.POSITIVE_INFINITY),
		forget: (id) => {
			if (known.delete(id)) changed();
		},
		resume: (noted) => {
			for (const { id, ...told } of noted) put(id, told, true, true);
		},
		get notes() {
			return [...known].flatMap(([id, { error, isNoted }]) => {
				const { againAt: _, ...told } = error;
				return isNoted ? [{ id, ...told }] : [];
			});
		},
	};
}
