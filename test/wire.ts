import { isDeepStrictEqual } from 'node:util';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { jsonSchemaOf } from '../src/protocol/json-schemas.js';
import { parseTopic, type TopicName, topics } from '../src/protocol/topics.js';

/** A message as a subscriber hears it. */
export type Message = { readonly topic: string; readonly payload: Uint8Array };

const ajv = new Ajv2020({ allErrors: true, validateFormats: false, strictTypes: false });

const published = new Map<TopicName, ValidateFunction>();

function asPublished(name: TopicName): ValidateFunction {
	const known = published.get(name) ?? ajv.compile(jsonSchemaOf(name, 'draft-2020-12'));
	published.set(name, known);
	return known;
}

/**
 * What of these messages is not as the contract says: neither more nor less than our own schemas have, and as the schemas say
 * that others check with. A retained message that was taken away says nothing.
 */
export function breaches(messages: readonly Message[], root = 'inspectord'): string[] {
	return messages.flatMap(({ topic, payload }) => {
		if (payload.length === 0) return [];
		const found = parseTopic(root, topic);
		if (!found) return [`${topic}: no topic of ours`];
		const { payload: kind } = topics[found.name];
		if (kind === 'jpeg') return payload[0] === 0xff && payload[1] === 0xd8 ? [] : [`${topic}: no JPEG`];
		if (kind === 'text' || kind === 'request') return [];
		const said: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
		const valid = asPublished(found.name);
		const faults = valid(said) ? [] : [`${topic}: ${ajv.errorsText(valid.errors)}`];
		const result = kind.safeParse(said);
		if (!result.success)
			return [
				...faults,
				...result.error.issues.map(({ path, message }) => `${topic}: ${path.join('.')}: ${message}`),
			];
		return isDeepStrictEqual(result.data, said) ? faults : [...faults, `${topic}: is read as something else`];
	});
}
