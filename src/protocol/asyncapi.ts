import { examples } from './examples.js';
import { SCHEMA } from './fields.js';
import { jsonSchemaOf } from './json-schemas.js';
import { type TopicName, topics } from './topics.js';

const levels: Readonly<Record<string, object>> = {
	root: {
		description: 'One to six levels, by the setting `mqtt.root`.',
		default: 'inspectord',
		examples: ['acme/north/press-shop'],
	},
	box: { description: 'Name of the box.', examples: ['cell-4'] },
	station: { description: 'Name of the station.', examples: ['lid'] },
	id: { description: 'The `id` of the verdict.', examples: ['9c1f04d2-20817'] },
	role: { description: 'As whom it is asked: `viewer`, `operator` or `engineer`.', examples: ['viewer'] },
	name: { description: 'Of the request.', examples: ['state'] },
	client: { description: 'Who asks, by a name of its own choice.', examples: ['desk-7'] },
	index: { description: "The picture's place in the verdict's `heatmaps`, from 0.", examples: ['0'] },
};

const contents = { jpeg: 'image/jpeg', text: 'text/plain', request: 'application/json' } as const;

const described = (name: TopicName, make: (topic: (typeof topics)[TopicName]) => object) => [
	name,
	make(topics[name]),
];

/** docs/asyncapi.json: AsyncAPI 3.0, seen from the box. */
export function asyncApiDocument(): unknown {
	const names = Object.keys(topics) as TopicName[];
	const each = (make: (name: TopicName, topic: (typeof topics)[TopicName]) => object) =>
		Object.fromEntries(names.map((name) => described(name, (topic) => make(name, topic))));
	return {
		asyncapi: '3.0.0',
		info: {
			title: 'inspectord',
			version: `${SCHEMA}.0.0`,
			description:
				'What an inspection box says and hears over MQTT. docs/mqtt.md says the same in words, and what may change.',
			license: { name: 'MIT' },
		},
		defaultContentType: 'application/json',
		servers: {
			broker: {
				host: 'localhost:1883',
				protocol: 'mqtt',
				description: 'The setting `mqtt.url`.',
			},
		},
		channels: each((name, { pattern, summary }) => ({
			address: pattern,
			description: summary,
			parameters: Object.fromEntries(
				[...pattern.matchAll(/\{(\w+)\}/g)].map(([, level = '']) => [level, levels[level]]),
			),
			messages: { [name]: { $ref: `#/components/messages/${name}` } },
		})),
		operations: each((name, { direction, qos, retain }) => ({
			action: direction === 'out' ? 'send' : 'receive',
			channel: { $ref: `#/channels/${name}` },
			messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
			bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } },
		})),
		components: {
			messages: each((name, { payload, summary }) => ({
				name,
				summary,
				...(typeof payload === 'string'
					? { contentType: contents[payload], payload: { type: 'string' } }
					: {
							contentType: 'application/json',
							payload: withoutDialect(jsonSchemaOf(name, 'draft-7')),
							examples: [{ payload: examples[name as keyof typeof examples] }],
						}),
			})),
		},
	};
}

function withoutDialect(schema: object): object {
	const { $schema, ...rest } = schema as { readonly $schema?: string };
	return rest;
}
