import type { z } from 'zod';
import type { Told } from './fields.js';

/** Of a message that a peer sends: its bytes, and how deep objects and lists lie in one another. */
export type DecodeLimits = { readonly bytes: number; readonly depth: number };

/** A value, or why it is none, without a word of what was sent. */
export type Decoded<T> = { readonly value: T } | { readonly refusal: string };

/** In characters: names that a peer gave may stand in it. */
const LONGEST_REFUSAL = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: readonly number[] = [0x7b, 0x5b];
const CLOSING: readonly number[] = [0x7d, 0x5d];

/** Reads what a peer sent. Nothing is built of a message beyond the limits, and nothing is thrown. */
export function decodeFrom<S extends z.ZodType>(
	schema: S,
	bytes: Uint8Array,
	limits: DecodeLimits,
): Decoded<Told<S>> {
	if (bytes.length > limits.bytes)
		return { refusal: `it has ${bytes.length} bytes, at most ${limits.bytes} are taken` };
	if (depthOf(bytes) > limits.depth) return { refusal: `it is nested deeper than ${limits.depth}` };
	let read: unknown;
	try {
		read = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
	} catch {
		return { refusal: 'it is no JSON in UTF-8' };
	}
	const result = schema.safeParse(read);
	if (result.success) return { value: result.data as Told<S> };
	const { path, code, message } = result.error.issues[0]!;
	const what = code === 'unrecognized_keys' ? 'it has a key that is not known here' : message;
	const refusal = path.length === 0 ? what : `${path.map(String).join('.')}: ${what}`;
	return { refusal: refusal.slice(0, LONGEST_REFUSAL) };
}

/** How deep objects and lists lie in one another in JSON, counted without building them. */
function depthOf(bytes: Uint8Array): number {
	let depth = 0;
	let deepest = 0;
	let quoted = false;
	for (let i = 0; i < bytes.length; i += 1) {
		const byte = bytes[i]!;
		if (quoted && byte === BACKSLASH) i += 1;
		else if (byte === QUOTE) quoted = !quoted;
		else if (!quoted && OPENING.includes(byte)) {
			depth += 1;
			deepest = Math.max(deepest, depth);
		} else if (!quoted && CLOSING.includes(byte)) depth -= 1;
	}
	return deepest;
}
