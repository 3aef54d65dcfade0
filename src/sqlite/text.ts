/** As a database keeps a text: the inside of a JSON string, so that lone surrogates and NUL come back too, and equal texts stay equal. */
export function stored(text: string): string {
	return JSON.stringify(text).slice(1, -1);
}

/** The text that was stored. @throws SyntaxError for what `stored` never made */
export function restored(text: string): string {
	return JSON.parse(`"${text}"`) as string;
}
