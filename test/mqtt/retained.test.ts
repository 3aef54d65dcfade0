import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRetained } from '../../src/mqtt/retained.js';

const states = suite('what shall stand on the broker');

const bytes = (text: string) => new TextEncoder().encode(text);
const all = () => false;

/** Sends whatever may go now; a `taken` one is acknowledged at once. @returns the payloads in their order */
function sent(retained: ReturnType<typeof createRetained>, taken = true): string[] {
	const said: string[] = [];
	for (let message = retained.next(all); message; message = retained.next(all)) {
		said.push(new TextDecoder().decode(message.payload));
		if (taken) retained.acknowledge(message);
	}
	return said;
}

states('is said value after value while one is on its way', () => {
	const retained = createRetained();
	retained.set('t', bytes('running'));
	const first = retained.next(all)!;
	for (const state of ['error', 'running again', 'stopped']) retained.set('t', bytes(state));
	assert.is(retained.next(all), undefined);
	retained.acknowledge(first);
	assert.not.ok(retained.settled || retained.stands('t'));
	assert.equal(sent(retained), ['error', 'running again', 'stopped']);
	assert.ok(retained.settled && retained.stands('t'));
});

states('is the newest value alone on a new connection', () => {
	const retained = createRetained();
	for (const state of ['starting', 'running', 'stopped']) retained.set('t', bytes(state));
	retained.sayAgain();
	assert.equal(sent(retained), ['stopped']);
	retained.set('t', bytes('one'));
	assert.equal(sent(retained, false), ['one']);
	for (const state of ['two', 'three']) retained.set('t', bytes(state));
	retained.recall();
	assert.equal(sent(retained), ['three']);
	assert.ok(retained.stands('t'));
});

states('keeps a bounded number of values that wait', () => {
	const retained = createRetained();
	retained.set('t', bytes('first'));
	const first = retained.next(all)!;
	for (let i = 0; i < 1000; i += 1) retained.set('t', bytes(`${i}`));
	retained.acknowledge(first);
	const said = sent(retained);
	assert.is(said.length, 9);
	assert.is(said.at(-1), '999');
});

states('leaves out an earlier value that shall come later, and sends what is newer', () => {
	const retained = createRetained();
	retained.set('t', bytes('a'));
	const first = retained.next(all)!;
	retained.set('t', bytes('b'));
	retained.set('t', bytes('c'));
	retained.acknowledge(first);
	retained.postpone(retained.next(all)!);
	assert.equal(sent(retained), ['c']);
	assert.ok(retained.settled);
});

states.run();
