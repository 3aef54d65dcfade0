import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAnswers } from '../../src/mqtt/answers.js';
import { inOrder } from '../../src/mqtt/in-order.js';

const order = suite('two sources as one');

const message = (topic: string) => ({ topic, payload: new Uint8Array(), kind: 'answer' }) as const;

order('say first what waits in the first, and hear each of its own', () => {
	const [first, second] = [createAnswers(), createAnswers()];
	const over: string[] = [];
	for (const [source, topic] of [
		[second, 'b'],
		[first, 'a'],
		[second, 'c'],
	] as const)
		source.put(message(topic), (isTaken) => over.push(`${topic} ${isTaken}`));
	const both = inOrder(first, second);
	const [a, b, c] = [both.next(() => false)!, both.next(() => false)!, both.next(() => false)!];
	assert.equal(
		[a, b, c].map(({ topic }) => topic),
		['a', 'b', 'c'],
	);
	assert.is(
		both.next(() => false),
		undefined,
	);
	both.postpone(b);
	assert.is(both.next(() => false)!, b);
	both.recall();
	assert.is(both.next((one) => one === a)!, b);
	both.acknowledge(a);
	assert.not(both.holds(a));
	assert.ok(both.holds(c));
	assert.not(both.settled);
	both.refuse(b, 'no');
	both.acknowledge(c);
	assert.ok(both.settled);
	// It may have gone meanwhile because too much waited.
	both.acknowledge(a);
	assert.equal(over, ['a true', 'b false', 'c true']);
});

order.run();
