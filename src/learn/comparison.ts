import { setImmediate as breathe } from 'node:timers/promises';
import { randomFrom } from '../base/random.js';
import type { Session } from '../graph/session.js';
import { median } from '../measure/statistics.js';
import type { GateFinding } from '../model/precision.js';
import { scoreWith } from '../model/scored.js';
import type { Size } from '../vision/image.js';
import { chanceSpoil, SPOILS, spoiledBy } from '../vision/spoils.js';
import { type Compared, gate } from './gate.js';
import type { Pictures } from './lesson.js';

/** A picture by which two ways to compute a model are compared. */
export type Probe = {
	/** Labelled ones are a person's; all others were made. */
	readonly kind: 'made' | 'labelled';
	readonly defective: boolean;
	input(): Promise<Uint8Array>;
};

/** Fewer good pictures do not tell how far the scores of good parts lie apart: with one or two, the usual score is the threshold itself. */
const FEWEST_SCORES = 8;

/** Weaker ones score as good pictures do, and which of two equals scores higher says nothing of a way to compute. */
const LEAST_STRENGTH = 0.5;

/** What good parts usually score, below the threshold: differences of scores are measured by the way between the two. */
export function usualOf(scores: readonly number[], mapMedian: number): number {
	return scores.length < FEWEST_SCORES ? Math.min(median(scores), mapMedian) : median(scores);
}

/** Pictures of a person, who says which are defective. */
export type LabelledPictures = Pictures & { defective(index: number): boolean };

export function asShown({ count, input }: Pictures): Probe[] {
	return Array.from({ length: count }, (_, i) => ({ kind: 'made', defective: false, input: () => input(i) }));
}

/** Copies with a defect made into each, of one kind after the other; the `seed` of each is its own. */
export function asSpoiled({ count, input }: Pictures, size: Size, seed: number): Probe[] {
	return Array.from({ length: count }, (_, i) => ({
		kind: 'made',
		defective: true,
		input: async () => {
			const random = randomFrom(seed + i);
			const spoil = chanceSpoil(SPOILS[i % SPOILS.length]!, random, { leastStrength: LEAST_STRENGTH });
			return spoiledBy(await input(i), size, spoil, random);
		},
	}));
}

export function asLabelled(labelled: LabelledPictures | undefined): Probe[] {
	return Array.from({ length: labelled?.count ?? 0 }, (_, i) => ({
		kind: 'labelled',
		defective: labelled!.defective(i),
		input: () => labelled!.input(i),
	}));
}

/** What a model scores each picture; NaN for one whose map holds what is no number. @throws Failure model-failed, the signal's reason */
export async function scoresOf(
	session: Session,
	probes: readonly Probe[],
	size: Size,
	signal: AbortSignal,
	told: (done: number, of: number) => void,
): Promise<number[]> {
	const scores: number[] = [];
	for (const { input } of probes) {
		signal.throwIfAborted();
		scores.push((await scoreWith(session, await input(), size)).score);
		told(scores.length, probes.length);
		await breathe();
	}
	return scores;
}

/** Made pictures and labelled ones are judged apart, and both must hold. */
export function findings(
	probes: readonly Probe[],
	reference: readonly number[],
	candidate: readonly number[],
	{ threshold, usual }: { readonly threshold: number; readonly usual: number },
): GateFinding[] {
	return (['made', 'labelled'] as const).flatMap((kind) => {
		const of = probes.flatMap((probe, i) => (probe.kind === kind ? [i] : []));
		if (of.length === 0) return [];
		const compared: Compared = {
			reference: of.map((i) => reference[i]!),
			candidate: of.map((i) => candidate[i]!),
			defective: of.map((i) => probes[i]!.defective),
		};
		return gate(compared, threshold, usual);
	});
}

export async function closing<T>(session: Session, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} finally {
		await session.close();
	}
}
