import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	decodePayload,
	encodePayload,
	parseTopic,
	type TopicName,
	topicOf,
} from '../../src/protocol/topics.js';

const topics = suite('topics');

const cases: readonly (readonly [name: TopicName, parameters: Record<string, string>, topic: string])[] = [
	['boxState', { box: 'b' }, 'inspectord/b/state'],
	['stationState', { box: 'b', station: 's' }, 'inspectord/b/s/state'],
	['verdict', { box: 'b', station: 's' }, 'inspectord/b/s/verdict'],
	['heatmap', { box: 'b', station: 's', id: 'r-000001', index: '0' }, 'inspectord/b/s/heatmap/r-000001/0'],
];

for (const [name, parameters, topic] of cases) {
	topics(`${name} is written and read as ${topic}`, () => {
		assert.is(topicOf(name, parameters as never), topic);
		assert.equal(parseTopic(topic), { name, parameters });
	});
}

topics('that are not ours are not read', () => {
	for (const other of [
		'inspectord',
		'inspectord/b',
		'inspectord//state',
		'other/b/state',
		'inspectord/b/s/verdict/x',
	]) {
		assert.is(parseTopic(other), undefined, other);
	}
});

topics('carry JSON, or a JPEG as it is', () => {
	const state = {
		state: 'online',
		version: '1',
		stations: ['ü'],
		dropped: { verdicts: 0, heatmaps: 1 },
		refused: [],
		lacks: [],
		at: 'now',
	} as const;
	assert.equal(decodePayload('boxState', encodePayload('boxState', state)), state);
	const jpeg = Uint8Array.of(0xff, 0xd8, 0x00);
	assert.is(decodePayload('heatmap', encodePayload('heatmap', jpeg)), jpeg);
});

topics.run();
