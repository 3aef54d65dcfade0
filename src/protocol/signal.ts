import { z } from 'zod';
import { decodeFrom } from './decode.js';
import { metadataField, partField, type Trigger } from './verdict.js';

/** What a signal says of the part that it makes due. */
export type Signal = { readonly part: string | null; readonly metadata: Trigger['metadata'] };

/** Of what stands in a file. */
export const MOST_SIGNAL_BYTES = 4096;

const DEPTH = 2;

const schema = z.strictObject({ part: partField.optional(), metadata: metadataField.optional() });

/** What the content of a file says: nothing, the name of the part in a line, or a JSON object. @returns in words why it is none of these */
export function signalIn(content: Uint8Array): Signal | { readonly refusal: string } {
	if (content.length > MOST_SIGNAL_BYTES)
		return { refusal: `it has more than the ${MOST_SIGNAL_BYTES} bytes that are taken` };
	let text: string;
	try {
		text = new TextDecoder('utf-8', { fatal: true }).decode(content).replace(/\r?\n$/, '');
	} catch {
		return { refusal: 'it is no text in UTF-8' };
	}
	if (text === '') return { part: null, metadata: {} };
	if (text.startsWith('{')) {
		const read = decodeFrom(schema, new TextEncoder().encode(text), {
			bytes: MOST_SIGNAL_BYTES,
			depth: DEPTH,
		});
		if ('refusal' in read) return read;
		const { part = null, metadata = {} } = read.value;
		return { part, metadata };
	}
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
	if (/[\x00-\x1f\x7f]/.test(text)) return { refusal: 'it is more than the name of a part in one line' };
	if (!partField.safeParse(text).success) return { refusal: 'its name of a part is longer than 256 letters' };
	return { part: text, metadata: {} };
}
