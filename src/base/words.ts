/** Of a name that is none, so many letters are looked at and shown; of those that there are, so many are named. */
const LONGEST = 64;
const MOST_NAMED = 12;

/** The name that was probably meant: at most two letters off, or the same in other cases. */
export function nearest(given: string, names: readonly string[]): string | undefined {
	if (given.length > 4 * LONGEST) return undefined;
	const plain = given.toLowerCase();
	const ranked = names
		.map((name) => ({ name, off: name.toLowerCase() === plain ? 0.5 : editDistance(given, name) }))
		.sort((a, b) => a.off - b.off);
	return ranked[0] && ranked[0].off <= 2 ? ranked[0].name : undefined;
}

/** Of a name that is none: `, did you mean "lid"?`, or which there are. */
export function didYouMean(given: string, names: readonly string[]): string {
	const near = nearest(given, names);
	if (near !== undefined) return `, did you mean "${near}"?`;
	if (names.length === 0) return ': there are none';
	const more = names.length - MOST_NAMED;
	return `: there are ${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `there is no station "lld", did you mean "lid"?`; what cannot be seen of the name is written out. */
export function noneSuch(kind: string, given: string, names: readonly string[]): string {
	return `there is no ${kind} ${quoted(given)}${didYouMean(given, names)}`;
}

/** A text as somebody else gave it: short, and letters that look like Latin ones, or like nothing, written out. */
export function quoted(given: string): string {
	const shown = given.length > LONGEST ? `${given.slice(0, LONGEST - 1)}…` : given;
	return JSON.stringify(shown).replace(
		/[^\x20-\x7e\xa1-\u024f…]/g,
		(letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
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

/** `62 s`, `12 min 5 s`. */
export function duration(seconds: number): string {
	if (seconds < 99.5) return `${Math.round(seconds)} s`;
	const whole = Math.round(seconds);
	return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A name of `most` letters at most: a longer one loses its middle. */
export function shortened(name: string, most: number): string {
	if (name.length <= most) return name;
	const half = Math.floor((most - 1) / 2);
	return `${name.slice(0, half)}…${name.slice(-half)}`;
}
