/** Values counted in buckets of growing width: quantiles within 2.5 %, in the same memory for any number of values. */
export type Histogram = {
	/** Of values from 0 on; what is no number is not counted. */
	add(value: number): void;
	/** The value that a share of the others does not exceed; null of none. */
	quantile(share: number): number | null;
	readonly count: number;
};

/** Lesser values are one bucket, as are larger ones. */
const RANGE = { least: 1e-3, most: 1e9 } as const;

/** Of a bucket's upper end to its lower one. */
const GROWTH = 1.05;

const LOG_GROWTH = Math.log(GROWTH);
const BUCKETS = Math.ceil(Math.log(RANGE.most / RANGE.least) / LOG_GROWTH) + 1;

export function createHistogram(): Histogram {
	const buckets = new Uint32Array(BUCKETS);
	let count = 0;
	let least = Number.POSITIVE_INFINITY;
	let most = Number.NEGATIVE_INFINITY;
	return {
		add: (value) => {
			if (Number.isNaN(value)) return;
			const place = Math.ceil(Math.log(value / RANGE.least) / LOG_GROWTH);
			buckets[value <= RANGE.least ? 0 : Math.min(BUCKETS - 1, place)]! += 1;
			count += 1;
			least = Math.min(least, value);
			most = Math.max(most, value);
		},
		quantile: (share) => {
			if (count === 0) return null;
			const rank = Math.max(1, Math.ceil(share * count));
			let place = 0;
			for (let below = buckets[0]!; below < rank; below += buckets[place]!) place += 1;
			// In the middle of the bucket, but nowhere where no value was.
			const middle = RANGE.least * GROWTH ** (place - 0.5);
			return Math.min(most, Math.max(least, middle));
		},
		get count() {
			return count;
		},
	};
}
