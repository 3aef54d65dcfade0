import { createServer } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realPace } from '../../src/base/retry.js';
import { listenPlace } from '../../src/config/listen.js';
import { startEndpoint, tryToListen } from '../../src/prometheus/endpoint.js';
import { failureOf } from '../failure-of.js';
import { eventually, freePort } from '../free-port.js';

const endpoint = suite('where Prometheus reads');

const hasty = { ...realPace, pause: (_: number, signal: AbortSignal) => realPace.pause(5, signal) };

function startAt(listen: string, text: () => Promise<string> = async () => 'a 1\n') {
	const lines: string[] = [];
	const log = (_level: string, _about: string, line: string) => void lines.push(line);
	return { service: startEndpoint(listen, { text, pace: hasty, log }), lines };
}

endpoint('answers what is asked for, and nothing else', async () => {
	const { service } = startAt('127.0.0.1:0');
	const url = await eventually('it listens', () => service.url);
	const read = await fetch(url);
	assert.equal([read.status, await read.text()], [200, 'a 1\n']);
	assert.is(read.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
	assert.is((await fetch(url.replace('metrics', 'other'))).status, 404);
	assert.is((await fetch(url, { method: 'POST', body: 'x' })).status, 405);
	await service[Symbol.asyncDispose]();
	assert.ok(await fetch(url).catch(() => 'gone'));
});

endpoint('looks once for all who ask meanwhile, and says when it could not', async () => {
	const looks: { resolve(text: string): void; reject(thrown: Error): void }[] = [];
	const { service, lines } = startAt(
		'127.0.0.1:0',
		() => new Promise((resolve, reject) => looks.push({ resolve, reject })),
	);
	const url = await eventually('it listens', () => service.url);
	const reads = [fetch(url), fetch(url)].map(async (read) => (await read).status);
	await eventually('it looks', () => looks.length === 1);
	// Whichever came too late for the first look has one of its own.
	const settled = Promise.all(reads);
	const over = { is: false };
	void settled.then(() => {
		over.is = true;
	});
	await eventually('both are answered', () => {
		for (const { resolve } of looks) resolve('b 2\n');
		return over.is;
	});
	assert.equal(await settled, [200, 200]);
	const before = looks.length;
	const failing = fetch(url);
	await eventually('it looks again', () => looks.length > before);
	looks.at(-1)!.reject(new Error('nobody knows'));
	assert.is((await failing).status, 503);
	assert.ok(lines.some((line) => line.includes('nobody knows')));
	await service[Symbol.asyncDispose]();
});

endpoint('waits for a port that another program has', async () => {
	const listen = `127.0.0.1:${await freePort()}`;
	const other = createServer();
	const { port } = listenPlace(listen)!;
	await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
	const failure = await failureOf(tryToListen(listen));
	assert.is(failure.code, 'port-busy');
	const { service, lines } = startAt(listen);
	await eventually('it says so', () => lines.some((line) => line.includes('EADDRINUSE')));
	assert.is(service.url, undefined);
	await new Promise((resolve) => other.close(resolve));
	const url = await eventually('it listens', () => service.url);
	assert.is((await fetch(url)).status, 200);
	assert.is(lines.filter((line) => line.includes('EADDRINUSE')).length, 1);
	await service[Symbol.asyncDispose]();
	assert.is(await tryToListen(listen), `"${listen}" can be listened on`);
});

const places: readonly (readonly [text: string, place: object | undefined])[] = [
	['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
	['[::1]:9464', { host: '::1', port: 9464 }],
	['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
	['localhost:9464', undefined],
	['127.0.0.1', undefined],
	['256.0.0.1:1', undefined],
	['127.0.0.1:65536', undefined],
	[':9464', undefined],
	['', undefined],
];

for (const [text, place] of places)
	endpoint(`reads ${JSON.stringify(text)} as ${JSON.stringify(place)}`, () => {
		assert.equal(listenPlace(text), place);
	});

endpoint.run();
