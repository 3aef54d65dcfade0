/** A whole number that stands alone in a file of /sys; null where it is none. */
export function integerOf(text: string | null): number | null {
	const trimmed = text?.trim() ?? '';
	return /^[+-]?\d{1,15}$/.test(trimmed) ? Number(trimmed) : null;
}
