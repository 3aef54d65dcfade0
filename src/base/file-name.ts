/**
 * Names of files as text, also those that are not UTF-8: a byte that belongs to no letter becomes a lone surrogate (U+DC80 to U+DCFF, as
 * Python's PEP 383 does), so that a path stays a text that can be joined, kept and sent, and still leads to its file.
 */
export function nameFrom(bytes: Buffer): string {
	const text = bytes.toString('utf8');
	if (Buffer.from(text).equals(bytes)) return text;
	let name = '';
	for (let at = 0; at < bytes.length; ) {
		const letter = letterAt(bytes, at);
		name += letter ?? String.fromCharCode(0xdc00 + bytes[at]!);
		at += letter === undefined ? 1 : Buffer.byteLength(letter);
	}
	return name;
}

function letterAt(bytes: Buffer, at: number): string | undefined {
	for (let length = 1; length <= 4; length += 1) {
		const part = bytes.subarray(at, at + length);
		const text = part.toString('utf8');
		if (Buffer.from(text).equals(part)) return text;
	}
	return undefined;
}

const LONE = /[\udc80-\udcff]/u;

/** What the file system takes for a path whose names come from `nameFrom`. */
export function filePath(path: string): string | Buffer {
	if (!LONE.test(path)) return path;
	return Buffer.concat(
		Array.from(path, (letter) =>
			LONE.test(letter) ? Buffer.of(letter.charCodeAt(0) - 0xdc00) : Buffer.from(letter),
		),
	);
}

/** A path to be shown: bytes that are no letters, and what would move a cursor, stand as `\xfc`. */
export function shownPath(path: string): string {
	return path.replace(/[\udc80-\udcff\p{Cc}]/gu, (letter) => {
		const code = letter.charCodeAt(0);
		return `\\x${(code < 0x100 ? code : code - 0xdc00).toString(16).padStart(2, '0')}`;
	});
}
