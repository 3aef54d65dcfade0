/** A line as trtexec says it: `[11/30/2026-05:00:00] [I] [TRT] Engine generation completed in 10.6 seconds.` */
export type Line = {
	/** V: what only --verbose shows. Null where trtexec did not print it through its log. */
	readonly severity: 'V' | 'I' | 'W' | 'E' | 'F' | null;
	readonly text: string;
};

/** Longer lines are cut: whatever a program prints must fit into memory. */
export const MOST_LINE = 2000;

/** What colours a terminal, and other signs that would change what stands before them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are meant.
const UNSHOWN = /\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g;

export function lineOf(raw: string): Line {
	const plain = raw.slice(0, MOST_LINE).replace(UNSHOWN, '').trim();
	const [, severity, text] = /^(?:\[\d[^\]]*\] )?\[([VIWEF])\] (?:\[TRT\] )?(.*)$/.exec(plain) ?? [];
	if (severity === undefined || text === undefined) return { severity: null, text: plain };
	return { severity: severity as 'V', text: text.trim() };
}

/** Cuts a stream of bytes into lines, at line feeds and carriage returns; never holds more than one line. */
export function lineCutter(hear: (raw: string) => void): { take(chunk: string): void; end(): void } {
	let open = '';
	const told = () => {
		if (open.trim() !== '') hear(open);
		open = '';
	};
	return {
		take: (chunk) => {
			const [first = '', ...more] = chunk.split(/[\r\n]+/);
			open += first.slice(0, Math.max(0, MOST_LINE - open.length));
			for (const part of more) {
				told();
				open = part.slice(0, MOST_LINE);
			}
		},
		end: told,
	};
}
