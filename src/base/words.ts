/** The name that was probably meant: at most two letters off. */
export function nearest(given: string, names: readonly string[]): string | undefined {
	const ranked = names
		.map((name) => ({ name, off: editDistance(given, name) }))
		.sort((a, b) => a.off - b.off);
	return ranked[0] && ranked[0].off <= 2 ? ranked[0].name : undefined;
}

/** Levenshtein's distance. */
export function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, i) => i);
	for (let i = 1; i <= a.length; i += 1) {
		const next = [i];
		for (let j = 1; j <= b.length; j += 1) {
			next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
		}
		row = next;
	}
	return row[b.length]!;
}

/** `1 station`, `2 stations`. */
export function countOf(count: number, name: string): string {
	return `${count} ${name}${count === 1 ? '' : 's'}`;
}
