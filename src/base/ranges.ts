/** Whole numbers from `from` to `to`, both included; `to` may be Infinity. */
export type Range = { readonly from: number; readonly to: number };

/** Rising, and none touches the next. */
export type Ranges = readonly Range[];

/** `ranges` without the numbers of another. */
export function without(ranges: Ranges, gone: Range): Ranges {
	if (!ranges.some(({ from, to }) => from <= gone.to && gone.from <= to)) return ranges;
	return ranges.flatMap(({ from, to }) =>
		[
			{ from, to: Math.min(to, gone.from - 1) },
			{ from: Math.max(from, gone.to + 1), to },
		].filter((part) => part.from <= part.to),
	);
}

/** `ranges` with one more number. */
export function including(ranges: Ranges, n: number): Ranges {
	if (ranges.some(({ from, to }) => from <= n && n <= to)) return ranges;
	const before = ranges.filter(({ to }) => to < n);
	const after = ranges.filter(({ from }) => from > n);
	const [left, right] = [before.at(-1), after[0]];
	const from = left?.to === n - 1 ? left.from : n;
	const to = right?.from === n + 1 ? right.to : n;
	return [
		...before.filter((range) => range.to < from),
		{ from, to },
		...after.filter((range) => range.from > to),
	];
}

/** The part of `ranges` that lies within `window`. */
export function within(ranges: Ranges, window: Range): Ranges {
	return ranges
		.map(({ from, to }) => ({ from: Math.max(from, window.from), to: Math.min(to, window.to) }))
		.filter(({ from, to }) => from <= to);
}

/** How many numbers; Infinity when one is open. */
export function sizeOf(ranges: Ranges): number {
	return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** At most `most` ranges that hold at least what `ranges` hold: the smallest holes are closed. */
export function joined(ranges: Ranges, most: number): Ranges {
	if (ranges.length <= most) return ranges;
	const holes = ranges.slice(1).map(({ from }, i) => ({ i, size: from - ranges[i]!.to }));
	const closed = new Set(
		[...holes]
			.sort((a, b) => a.size - b.size)
			.slice(0, ranges.length - most)
			.map(({ i }) => i),
	);
	const result: Range[] = [];
	for (const [i, range] of ranges.entries()) {
		const before = result.at(-1);
		if (before && closed.has(i - 1)) result[result.length - 1] = { from: before.from, to: range.to };
		else result.push(range);
	}
	return result;
}
