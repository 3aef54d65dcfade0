import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { examples } from '../../src/protocol/examples.js';
import { jsonSchemaFiles, jsonTopics } from '../../src/protocol/json-schemas.js';
import { topicOf } from '../../src/protocol/topics.js';
import { breaches } from '../wire.js';

const schemas = suite('the schemas of messages');

const at = { root: 'inspectord', box: 'cell-4', station: 'lid', id: 'a-1', index: '0', client: 'desk-7' };

const heard = (name: keyof typeof examples, change: object = {}) => [
	{
		topic: topicOf(name, at),
		payload: new TextEncoder().encode(JSON.stringify({ ...examples[name], ...change })),
	},
];

for (const name of Object.keys(examples) as (keyof typeof examples)[]) {
	schemas(`fit what the box makes for ${name}, and nothing else`, () => {
		assert.equal(breaches(heard(name)), []);
		assert.is(breaches(heard(name, { more: 1 })).length, name === 'receipt' ? 2 : 1);
		for (const key of Object.keys(examples[name]))
			assert.ok(breaches(heard(name, { [key]: undefined })).length >= 2, `without ${key}`);
		for (const key of Object.keys(examples[name]))
			assert.ok(breaches(heard(name, { [key]: [[]] })).length >= 2, `with another ${key}`);
	});
}

schemas('are published for every topic that carries JSON', () => {
	assert.equal(Object.keys(jsonSchemaFiles()).length, jsonTopics.length);
	assert.equal(Object.keys(examples).sort(), [...jsonTopics].sort());
});

schemas.run();
