import { Failure } from '../base/failure.js';
import type { DuePart } from '../protocol/station-messages.js';
import { errorVerdict, type Origin, type Part, type StationVerdict } from '../protocol/verdict.js';
import type { Frame, FrameFailure, Stamp } from '../vision/frame.js';
import type { Measures } from '../vision/quality.js';
import { type Inspected, type Inspection, inspectFrame } from './frame.js';
import { goldenBy } from './golden.js';

/** What becomes of parts. */
export type PartsWorld = {
	/** What they are inspected with now: settings may change between two of them. */
	readonly inspection: () => Inspection;
	/** A part is due: its verdict follows unless this process dies. Resolves when that is on its way. Not called for those that were told. */
	readonly begin: (part: Part, origin: Origin) => Promise<void>;
	/** Resolves when the verdict is on its way, so that a reader that is slow slows the loop and not the memory. `exposed`: of a part that was told, when its frame was. */
	readonly emit: (inspected: Inspected, exposed: Exposure | null) => Promise<void>;
	/** A part whose verdict was emitted, and its frame, which is released afterwards: what is kept of it. */
	readonly keep: (frame: Frame, verdict: StationVerdict) => Promise<void>;
	/** A part was accepted: what there is to be learnt of it. */
	readonly accepted?: (score: number, measures: Measures | null) => void;
	/** What the station does now; `failure` says why it is in error. */
	readonly report: (state: 'running' | 'resting' | 'error' | 'finished', failure?: Failure) => void;
	readonly wallClock: () => number;
};

/** A frame was exposed after the one and before the other moment of the clock that frames are stamped with. */
export type Exposure = { readonly sinceMs: number; readonly byMs: number };

/** A part that was told, and when its frame was exposed; null where nobody knows. */
export type Awaited = { readonly due: DuePart; readonly exposed: Exposure | null };

/** A model that fails so many times on end needs a new process. */
const MOST_FAILED_RUNS = 5;

export type Parts = ReturnType<typeof partsOf>;

/** Gives each part its number, unless it was told with one, and exactly one verdict. */
export function partsOf({ inspection, begin, emit, keep, accepted, report, wallClock }: PartsWorld) {
	const golden = goldenBy(inspection);
	let runSequence = 0;
	let failedRuns = 0;
	/** The last part could not be inspected. */
	let troubled = false;
	/** Its camera gives nothing, as was told then; what was taken before is no sign that it does again. */
	let blindSinceMs: number | undefined;
	const regains = ({ taken }: Frame): boolean => {
		if (blindSinceMs === undefined || taken.monotonicMs <= blindSinceMs) return false;
		blindSinceMs = undefined;
		return true;
	};
	/** A part is inspected by the settings of this moment, whatever is told meanwhile. */
	const next = async (of: Pick<Part, 'taken' | 'frame'>, awaited: Awaited | undefined) => {
		const by = inspection();
		if (awaited) {
			const { run, runSequence: number, part, trigger } = awaited.due;
			return {
				part: { ...of, runSequence: number, part, trigger },
				by: { ...by, origin: { ...by.origin, run } },
			};
		}
		runSequence += 1;
		const part: Part = { ...of, runSequence, part: null, trigger: null };
		await begin(part, by.origin);
		return { part, by };
	};
	const fail = async (
		of: Pick<Part, 'taken' | 'frame'>,
		failure: Failure,
		awaited: Awaited | undefined,
	): Promise<void> => {
		const { part, by } = await next(of, awaited);
		await emit({ verdict: errorVerdict(by.origin, part, failure), pictures: [] }, awaited?.exposed ?? null);
	};
	return {
		/** Releases the frame. @throws Failure model-failed when it has failed too often */
		inspect: async (frame: Frame, awaited?: Awaited): Promise<void> => {
			try {
				const { part, by } = await next({ taken: frame.taken, frame: frame.name ?? null }, awaited);
				const exposed = awaited?.exposed ?? null;
				golden.used();
				const inspected = await outcomeOf(inspectFrame(frame, part, by, awaited?.due.atMs));
				if ('failure' in inspected) {
					const { failure } = inspected;
					await emit({ verdict: errorVerdict(by.origin, part, failure), pictures: [] }, exposed);
					troubled = true;
					report('error', failure);
					failedRuns = failure.code === 'model-failed' ? failedRuns + 1 : 0;
					if (failedRuns === MOST_FAILED_RUNS) throw failure;
					return;
				}
				if (regains(frame) || (troubled && blindSinceMs === undefined)) report('running');
				troubled = false;
				failedRuns = 0;
				await emit(inspected.value, exposed);
				const { verdict, measures = null } = inspected.value;
				if (verdict.verdict === 'accept' && verdict.score !== null) accepted?.(verdict.score, measures);
				await keep(frame, verdict);
			} finally {
				frame.release();
			}
		},
		/** A camera was opened: one that is to prove itself runs from its first frame on. */
		opened: (isToProve: boolean): void => {
			troubled = false;
			blindSinceMs = isToProve ? Number.NEGATIVE_INFINITY : undefined;
			if (!isToProve) report('running');
		},
		/** Its camera gives nothing, or nothing that can be read. */
		blind: (failure: Failure): void => {
			blindSinceMs = inspection().now();
			report('error', failure);
		},
		get isBlind() {
			return blindSinceMs !== undefined;
		},
		/** It gave a frame, of a part or of none. */
		sees: (frame: Frame): void => {
			if (regains(frame) && !troubled) report('running');
		},
		/** For when no part waits. @throws Failure bundle-golden, model-failed */
		between: (): Promise<void> => golden.between(),
		/** A picture that is there and cannot be read. */
		unreadable: (failure: FrameFailure, due?: DuePart): Promise<void> => {
			const taken = { wallMs: wallClock(), monotonicMs: inspection().now() };
			return fail({ taken, frame: failure.frame }, failure, due && { due, exposed: null });
		},
		/** A part that was told and has no frame: it counts as taken when it was due. */
		miss: (due: DuePart, failure: Failure): Promise<void> => {
			if (failure.code !== 'part-missed') {
				troubled = true;
				report('error', failure);
			}
			const taken: Stamp = { wallMs: Date.parse(due.trigger.at), monotonicMs: due.atMs };
			return fail({ taken, frame: null }, failure, { due, exposed: null });
		},
	};
}

export type Outcome<T> = { readonly value: T } | { readonly failure: Failure };

/** A failure of the world as a value; a fault of ours is thrown on. */
export async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
	try {
		return { value: await work };
	} catch (thrown) {
		if (thrown instanceof Failure) return { failure: thrown };
		throw thrown;
	}
}
