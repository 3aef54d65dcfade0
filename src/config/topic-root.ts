/** Longest root, in bytes of UTF-8: some brokers take topics of 256 bytes at most. */
const MOST_BYTES = 128;

const MOST_LEVELS = 6;

/** Control characters and non-characters, which a broker may refuse (MQTT 5, section 1.5.4), and halves of characters. */
const unspeakable = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;

/** What is wrong with the first levels of every topic, an ISA-95 path like `acme/north/press-shop`; undefined when nothing is. */
export function topicRootFault(root: string): string | undefined {
	const levels = root.split('/');
	if (levels.length > MOST_LEVELS) return `has ${levels.length} levels, at most ${MOST_LEVELS} are allowed`;
	if (levels.includes(''))
		return 'has an empty level: write levels with one "/" between them, and none at the ends';
	if (/[+#]/.test(root)) return 'has a wildcard: "+" and "#" stand in filters only';
	if (root.startsWith('$')) return 'starts with "$", which is the broker\'s own';
	if (unspeakable.test(root)) return 'has a character that topics must not hold';
	if (levels.some((level) => level !== level.trim())) return 'has a blank at an end of a level';
	const bytes = new TextEncoder().encode(root).length;
	return bytes > MOST_BYTES ? `has ${bytes} bytes, at most ${MOST_BYTES} are allowed` : undefined;
}
