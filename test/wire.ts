import { isDeepStrictEqual } from 'node:util';
import { parseTopic, topics } from '../src/protocol/topics.js';

/** A message as a subscriber hears it. */
export type Message = { readonly topic: string; readonly payload: Uint8Array };

/** What of these messages is not as the contract says; a retained message that was taken away says nothing. */
export function breaches(messages: readonly Message[], root = 'inspectord'): string[] {
	return messages.flatMap(({ topic, payload }) => {
		if (payload.length === 0) return [];
		const found = parseTopic(root, topic);
		if (!found) return [`${topic}: no topic of ours`];
		const { payload: kind } = topics[found.name];
		if (kind === 'jpeg') return payload[0] === 0xff && payload[1] === 0xd8 ? [] : [`${topic}: no JPEG`];
		if (kind === 'text') return [];
		const said: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
		const result = kind.safeParse(said);
		if (!result.success)
			return result.error.issues.map(({ path, message }) => `${topic}: ${path.join('.')}: ${message}`);
		return isDeepStrictEqual(result.data, said) ? [] : [`${topic}: is read as something else`];
	});
}
