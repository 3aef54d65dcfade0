/** Values counted below fixed bounds, with their sum: what is added never goes again. */
export type Buckets = {
	add(value: number): void;
	/** How many values are not above each bound, in the order of the bounds. */
	readonly upTo: readonly number[];
	readonly sum: number;
	readonly count: number;
};

/** `bounds`: rising; a value above all of them is in `sum` and `count` alone. */
export function createBuckets(bounds: readonly number[]): Buckets {
	/** Not above each bound, and above the one before. */
	const each = bounds.map(() => 0);
	let sum = 0;
	let count = 0;
	return {
		add: (value) => {
			if (Number.isNaN(value)) return;
			const place = bounds.findIndex((bound) => value <= bound);
			if (place >= 0) each[place]! += 1;
			sum += value;
			count += 1;
		},
		get upTo() {
			let upTo = 0;
			return each.map((many) => {
				upTo += many;
				return upTo;
			});
		},
		get sum() {
			return sum;
		},
		get count() {
			return count;
		},
	};
}
