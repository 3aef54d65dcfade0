import type { Range, Ranges } from '../base/ranges.js';

/** An outlet that leaves more holes than this is given what lies between the oldest of them once more. */
const MOST_RANGES = 1000;

/** Ranges as they are kept: of whole numbers, rising, apart from one another, and not too many. */
export function orderly(ranges: Ranges): Ranges {
	const whole = ranges.filter(
		({ from, to }) =>
			Number.isSafeInteger(from) &&
			(Number.isSafeInteger(to) || to === Number.POSITIVE_INFINITY) &&
			from <= to,
	);
	const rising = whole.sort((a, b) => a.from - b.from);
	const apart: Range[] = [];
	for (const range of rising) {
		const last = apart.at(-1);
		if (last && range.from <= last.to + 1)
			apart[apart.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
		else apart.push(range);
	}
	const extra = apart.length - MOST_RANGES;
	if (extra <= 0) return apart;
	return [{ from: apart[0]!.from, to: apart[extra]!.to }, ...apart.slice(extra + 1)];
}
