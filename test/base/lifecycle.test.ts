import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backoffMs } from '../../src/base/retry.js';
import { Services } from '../../src/base/service.js';
import { nearest } from '../../src/base/words.js';

const lifecycle = suite('what everything stands on');

lifecycle('waits double up to their bound and are shortened by half at most', () => {
	const backoff = { firstMs: 100, mostMs: 1000 };
	assert.equal(
		[1, 2, 3, 4, 5, 99].map((n) => backoffMs(backoff, n, 0)),
		[100, 200, 400, 800, 1000, 1000],
	);
	assert.is(backoffMs(backoff, 2, 1), 100);
});

lifecycle('services end in reverse order, all of them, even when one fails to', async () => {
	const ended: string[] = [];
	const service = (name: string, fails = false) => ({
		name,
		[Symbol.asyncDispose]: async () => {
			ended.push(name);
			if (fails) throw new Error(name);
		},
	});
	const services = new Services();
	await services.start(() => service('a'));
	await services.start(() => service('b', true));
	await services.start(() => service('c'));
	await services[Symbol.asyncDispose]().then(
		() => assert.unreachable(),
		(error: AggregateError) => assert.is(error.errors.length, 1),
	);
	assert.equal(ended, ['c', 'b', 'a']);
});

lifecycle('a service that does not start ends those before it', async () => {
	const ended: string[] = [];
	const services = new Services();
	await services.start(() => ({ name: 'a', [Symbol.asyncDispose]: async () => void ended.push('a') }));
	await services
		.start(() => Promise.reject(new Error('no')))
		.then(
			() => assert.unreachable(),
			(error: Error) => assert.is(error.message, 'no'),
		);
	assert.equal(ended, ['a']);
});

lifecycle('a mistyped name finds the one that was meant, a strange one none', () => {
	assert.is(nearest('sorce', ['source', 'loop']), 'source');
	assert.is(nearest('xyz', ['source', 'loop']), undefined);
});

lifecycle.run();
