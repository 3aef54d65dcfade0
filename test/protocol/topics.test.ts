import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	encodePayload,
	parseTopic,
	reservedLevels,
	type TopicName,
	topicOf,
} from '../../src/protocol/topics.js';

const topics = suite('topics');

const cases: readonly (readonly [name: TopicName, parameters: Record<string, string>, topic: string])[] = [
	['boxState', { box: 'b' }, 'b/state'],
	['stationState', { box: 'b', station: 's' }, 'b/s/state'],
	['verdict', { box: 'b', station: 's' }, 'b/s/verdict'],
	['heatmap', { box: 'b', station: 's', id: 'r-1', index: '0' }, 'b/s/heatmap/r-1/0'],
	['gap', { box: 'b', station: 's' }, 'b/s/gap'],
	['health', { box: 'b' }, 'b/health'],
	['check', { box: 'b' }, 'b/check'],
	['receipt', { box: 'b' }, 'b/ack'],
	['request', { box: 'b', role: 'viewer', name: 'state' }, 'b/request/viewer/state'],
	['answer', { box: 'b', client: 'c' }, 'b/answer/c'],
	['progress', { box: 'b', client: 'c' }, 'b/answer/c/progress'],
];

const roots = ['inspectord', 'acme/north/press-shop/line 3/cell/x', 'heatmap/verdict', 'Süd', 'b/s', 'state'];

for (const root of roots)
	for (const [name, parameters, topic] of cases) {
		topics(`${name} is written and read as ${root}/${topic}`, () => {
			assert.is(topicOf(name, { root, ...parameters } as never), `${root}/${topic}`);
			assert.equal(parseTopic(root, `${root}/${topic}`), { name, parameters: { root, ...parameters } });
		});
	}

topics('that are not ours are not read', () => {
	for (const other of [
		'inspectord',
		'inspectord/b',
		'inspectord//state',
		'other/b/state',
		'inspectord/b/s/verdict/x',
		'inspectordb/s/state',
		'acme/inspectord/b/state',
		'',
	]) {
		assert.is(parseTopic('inspectord', other), undefined, other);
	}
	assert.is(parseTopic('acme/north', 'acme/b/state'), undefined);
});

topics('keep each of their own words from boxes and stations', () => {
	for (const word of [
		'state',
		'verdict',
		'gap',
		'health',
		'heatmap',
		'check',
		'request',
		'answer',
		'config',
		'ack',
		'progress',
	])
		assert.ok(reservedLevels.has(word), word);
	for (const other of ['root', '{root}', 'box', 'station', 'id', 'index', 'lid'])
		assert.not.ok(reservedLevels.has(other), other);
});

topics('carry JSON, a text, or a JPEG as it is', () => {
	const gap = { station: 'lid', sequence: 7 };
	assert.equal(JSON.parse(new TextDecoder().decode(encodePayload('receipt', gap))), gap);
	const jpeg = Uint8Array.of(0xff, 0xd8, 0x00);
	assert.is(encodePayload('heatmap', jpeg), jpeg);
	assert.equal(encodePayload('check', 'check'), new TextEncoder().encode('check'));
});

topics.run();
