import { z } from 'zod';
import { SCHEMA } from './fields.js';
import { type TopicName, topics } from './topics.js';

export type JsonSchema = {
	readonly type?: string | readonly string[];
	readonly const?: unknown;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly JsonSchema[];
	readonly description?: string;
	readonly default?: unknown;
	readonly required?: readonly string[];
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly items?: JsonSchema;
};

/** Topics that carry JSON. */
export const jsonTopics = (Object.keys(topics) as TopicName[]).filter(
	(name) => typeof topics[name].payload !== 'string',
);

/** What a topic carries; what the box says may hold more fields than are known today, what it hears may not. */
export function jsonSchemaOf(name: TopicName, target: 'draft-2020-12' | 'draft-7'): JsonSchema {
	const { payload, direction } = topics[name];
	if (typeof payload === 'string') return {};
	return jsonSchema(payload, direction, target);
}

/** The same of a schema. */
export function jsonSchema(
	schema: z.ZodType,
	direction: 'out' | 'in',
	target: 'draft-2020-12' | 'draft-7',
): JsonSchema {
	return z.toJSONSchema(schema, {
		target,
		io: 'input',
		override: ({ jsonSchema: made }) => {
			if (direction === 'out' && made.additionalProperties === false) delete made.additionalProperties;
			// What every whole number in JSON must keep to is said by none.
			if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
			if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
		},
	}) as JsonSchema;
}

/** docs/schemas: a file for each topic that carries JSON, by its name. */
export function jsonSchemaFiles(): Readonly<Record<string, unknown>> {
	return Object.fromEntries(
		jsonTopics.map((name) => [
			`${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.json`,
			{ title: `inspectord ${name} ${SCHEMA}`, ...jsonSchemaOf(name, 'draft-2020-12') },
		]),
	);
}
