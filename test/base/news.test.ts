import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createNews } from '../../src/base/news.js';

const news = suite('news');

news('wakes all who wait, each once', async () => {
	const { tell, next } = createNews();
	const { signal } = new AbortController();
	const woken: string[] = [];
	const waits = ['a', 'b'].map((name) => next(signal).then(() => woken.push(name)));
	tell();
	await Promise.all(waits);
	tell();
	assert.equal(woken, ['a', 'b']);
});

news('lets go of who gives up, also before it began', async () => {
	const { next } = createNews();
	const over = new AbortController();
	const waiting = next(over.signal);
	over.abort();
	await waiting;
	await next(over.signal);
});

news.run();
