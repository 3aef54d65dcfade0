import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAnswers } from '../../src/mqtt/answers.js';
import type { Outgoing } from '../../src/mqtt/outlet.js';

const answers = suite('answers on their way');

const message = (topic: string, bytes = 1): Outgoing => ({
	topic,
	payload: new Uint8Array(bytes),
	kind: 'answer',
});
const all = () => false;

answers('go in their order, each once, and again after a connection has ended', () => {
	const source = createAnswers();
	const over: string[] = [];
	for (const topic of ['a', 'b', 'c'])
		source.put(message(topic), (isTaken) => over.push(`${topic} ${isTaken}`));
	const first = source.next(all)!;
	assert.is(first.topic, 'a');
	const second = source.next(({ topic }) => topic === 'b')!;
	assert.is(second.topic, 'c');
	source.acknowledge(first);
	source.refuse(second, 'too large');
	source.acknowledge(first);
	const third = source.next(all)!;
	assert.is(source.next(all), undefined);
	source.recall();
	assert.is(source.next(all), third);
	source.postpone(third);
	assert.is(source.next(all), third);
	assert.not.ok(source.settled);
	source.acknowledge(third);
	assert.equal([over, source.settled, source.dropped], [['a true', 'c false', 'b true'], true, 0]);
});

answers('are bounded by count and bytes: the oldest go, and are counted', () => {
	const source = createAnswers();
	for (let i = 0; i < 300; i += 1) source.put(message(`${i}`), () => assert.unreachable());
	assert.equal([source.next(all)!.topic, source.dropped], ['44', 44]);
	for (let i = 0; i < 9; i += 1) source.put(message(`large ${i}`, 1e6), () => assert.unreachable());
	assert.equal([source.next(all)!.topic, source.dropped], ['large 1', 301]);
});

answers.run();
