import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outgoing } from '../../src/mqtt/outlet.js';
import { Outbox } from './outbox.js';

const outbox = suite('the outbox');

const message = (topic: string, kind: Outgoing['kind'] = 'verdict', bytes = 1): Outgoing => ({
	topic,
	kind,
	payload: new Uint8Array(bytes),
});
const drain = (box: Outbox) => {
	const topics: string[] = [];
	for (let next = box.next(); next; next = box.next()) topics.push(next.topic);
	return topics;
};

outbox(
	'gives messages in order, each once, until the connection is gone; then again in the old order',
	() => {
		const box = new Outbox({ messages: 10, bytes: 100 });
		for (const topic of ['a', 'b', 'c']) box.put(message(topic));
		const first = box.next()!;
		assert.equal(drain(box), ['b', 'c']);
		box.acknowledge(first);
		box.recall();
		assert.equal(drain(box), ['b', 'c']);
		assert.is(box.length, 2);
	},
);

outbox('drops the oldest heatmaps first, then the oldest verdicts, and counts both', () => {
	const box = new Outbox({ messages: 3, bytes: 100 });
	box.put(message('v1'));
	box.put(message('h1', 'heatmap'));
	box.put(message('h2', 'heatmap'));
	box.put(message('v2'));
	box.put(message('v3'));
	box.put(message('v4'));
	assert.equal(drain(box), ['v2', 'v3', 'v4']);
	assert.equal(box.dropped, { verdicts: 1, heatmaps: 2 });
});

outbox('is bounded in bytes too', () => {
	const box = new Outbox({ messages: 100, bytes: 10 });
	box.put(message('h', 'heatmap', 8));
	box.put(message('v', 'verdict', 3));
	assert.equal(drain(box), ['v']);
	assert.equal(box.dropped, { verdicts: 0, heatmaps: 1 });
});

outbox('forgets and counts what the broker refuses', () => {
	const box = new Outbox({ messages: 10, bytes: 100 });
	box.put(message('v'));
	box.refuse(box.next()!);
	assert.is(box.length, 0);
	assert.equal(box.dropped, { verdicts: 1, heatmaps: 0 });
});

outbox.run();
