/** Parts that were decided: their scores, and which of them were accepted (1) then. */
export type Decided = { readonly scores: Float64Array; readonly accepted: Uint8Array };

/** What a threshold would have decided on them. */
export type Tried = {
	readonly threshold: number;
	readonly accepts: number;
	readonly rejects: number;
	/** That were rejected then. */
	readonly newAccepts: number;
	/** That were accepted then. */
	readonly newRejects: number;
	/** The scores next to it: between them every threshold decides the same. Null where there is none. */
	readonly below: number | null;
	readonly above: number | null;
};

/** How scores lie, and what each threshold would have decided; a score above it is rejected. */
export type Tally = {
	readonly parts: number;
	/** Least, greatest, and what a share of the others does not exceed; null of none. */
	readonly scores: Readonly<Record<'least' | 'p50' | 'p90' | 'p99' | 'greatest', number>> | null;
	/** Between equal steps; the last one also holds the few that lie far away. */
	readonly histogram: readonly { readonly from: number; readonly to: number; readonly parts: number }[];
	readonly thresholds: readonly Tried[];
};

const BINS = 20;

/** Scores above this share of the others do not widen the steps. */
const ORDINARY = 0.995;

/** Scores that are no numbers must not be among them. */
export function tally({ scores, accepted }: Decided, thresholds: readonly number[]): Tally {
	const sorted = scores.slice().sort();
	const parts = sorted.length;
	const at = (share: number) => sorted[Math.min(parts - 1, Math.floor(share * parts))]!;
	const [least, greatest] = [sorted[0], sorted.at(-1)];
	if (least === undefined || greatest === undefined)
		return { parts, scores: null, histogram: [], thresholds: thresholds.map(triedOnNone) };
	return {
		parts,
		scores: { least, p50: at(0.5), p90: at(0.9), p99: at(0.99), greatest },
		histogram: histogramOf(sorted, at(ORDINARY)),
		thresholds: thresholds.map((threshold) => {
			const first = firstAbove(sorted, threshold);
			let newAccepts = 0;
			let newRejects = 0;
			for (let i = 0; i < parts; i += 1) {
				const accepts = scores[i]! <= threshold;
				if (accepts && accepted[i] === 0) newAccepts += 1;
				if (!accepts && accepted[i] === 1) newRejects += 1;
			}
			const [below = null, above = null] = [sorted[first - 1], sorted[first]];
			return { threshold, accepts: first, rejects: parts - first, newAccepts, newRejects, below, above };
		}),
	};
}

const triedOnNone = (threshold: number): Tried => ({
	threshold,
	accepts: 0,
	rejects: 0,
	newAccepts: 0,
	newRejects: 0,
	below: null,
	above: null,
});

function histogramOf(sorted: Float64Array, ordinary: number): Tally['histogram'] {
	const [least, greatest] = [sorted[0]!, sorted.at(-1)!];
	const step = (ordinary - least) / BINS;
	if (!(step > 0) || !Number.isFinite(step)) return [{ from: least, to: greatest, parts: sorted.length }];
	const ends = Array.from({ length: BINS }, (_, i) => (i === BINS - 1 ? greatest : least + step * (i + 1)));
	let from = least;
	let counted = 0;
	return ends.map((to) => {
		const upTo = firstAbove(sorted, to);
		const bin = { from, to, parts: upTo - counted };
		from = to;
		counted = upTo;
		return bin;
	});
}

/** The place of the first value above a limit, of values in rising order. */
function firstAbove(sorted: Float64Array, limit: number): number {
	let [low, high] = [0, sorted.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (sorted[middle]! <= limit) low = middle + 1;
		else high = middle;
	}
	return low;
}
