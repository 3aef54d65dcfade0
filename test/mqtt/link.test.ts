import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startEmbeddedBroker } from '../../src/mqtt/embedded-broker.js';
import { type BrokerLink, openBrokerLink } from '../../src/mqtt/link.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { Outbox } from './outbox.js';

const link = suite('the broker link');

function open(url: string, outbox: Outbox, said: string[] = [], version: '5' | '3.1.1' = '5'): BrokerLink {
	const presence = {
		topic: 'inspectord/t/state',
		payload: (state: string) => Buffer.from(state),
	};
	return openBrokerLink(
		{
			urls: [url],
			root: 'inspectord',
			version,
			clientId: `link-${Math.random()}`,
			credentials: async () => ({}),
			presence,
		},
		outbox,
		(level, about, message) => {
			said.push(`${level} ${about} ${message}`);
		},
	);
}

const put = (outbox: Outbox, i: number) =>
	outbox.put({ topic: 'inspectord/t/s/verdict', payload: Buffer.from(`${i}`), kind: 'verdict' });
const verdicts = (heard: readonly { topic: string; payload: Buffer }[]) =>
	heard.filter(({ topic }) => topic.endsWith('verdict')).map(({ payload }) => payload.toString());

link('delivers what was said before there was a broker, in order', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	const outbox = new Outbox({ messages: 1000, bytes: 1e6 });
	const said: string[] = [];
	await using opened = open(`mqtt://127.0.0.1:${port}`, outbox, said);
	for (let i = 0; i < 200; i += 1) put(outbox, i);
	opened.wake();
	await eventually('it says that there is no broker', () =>
		said.some((line) => line.includes('inspecting goes on')),
	);
	await using broker = await startMosquitto(port, folder.path);
	await using subscriber = await listen(broker.url);
	await eventually('all arrive', () => outbox.length === 0);
	for (let i = 200; i < 300; i += 1) put(outbox, i);
	opened.wake();
	await eventually('the later ones arrive', () => verdicts(subscriber.heard).includes('299'));
	const after = verdicts(subscriber.heard).map(Number);
	assert.equal(
		after,
		[...after].sort((a, b) => a - b),
	);
});

link('loses nothing when the broker is killed and comes back; repetitions are the same message', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	const outbox = new Outbox({ messages: 10_000, bytes: 1e7 });
	const first = await startMosquitto(port, folder.path);
	await using subscriber = await listen(first.url);
	await using opened = open(first.url, outbox);
	let next = 0;
	const talk = setInterval(() => {
		for (let i = 0; i < 5; i += 1) put(outbox, next++);
		opened.wake();
	}, 5);
	try {
		await eventually('some arrive', () => verdicts(subscriber.heard).length > 50);
		await first.kill('SIGTERM');
		await new Promise((resolve) => setTimeout(resolve, 300));
		await using second = await startMosquitto(port, folder.path);
		const reached = next;
		await eventually(
			'more arrive',
			() => verdicts(subscriber.heard).some((v) => Number(v) > reached + 50),
			60_000,
		);
		clearInterval(talk);
		await eventually('the outbox is empty', () => outbox.length === 0);
		await eventually('all arrive', () => new Set(verdicts(subscriber.heard)).size === next);
		assert.ok(second.url);
	} finally {
		clearInterval(talk);
	}
	const distinct = [...new Set(verdicts(subscriber.heard).map(Number))].sort((a, b) => a - b);
	assert.equal(
		distinct,
		Array.from({ length: next }, (_, i) => i),
	);
	assert.equal(outbox.dropped, { verdicts: 0, heatmaps: 0 });
});

link('keeps states retained, says them again to a broker that forgot, and says goodbye', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	const outbox = new Outbox({ messages: 10, bytes: 1000 });
	{
		await using opened = open(broker.url, outbox);
		opened.retain('inspectord/t/s/state', Buffer.from('running'));
		await eventually('it is connected', () => opened.connected);
		await using subscriber = await listen(broker.url);
		await eventually(
			'states are there for who comes later',
			() => subscriber.heard.filter(({ retain }) => retain).length === 2,
		);
	}
	await using subscriber = await listen(broker.url);
	await eventually('the last word stays', () =>
		subscriber.heard.some(
			({ topic, payload }) => topic === 'inspectord/t/state' && payload.toString() === 'offline',
		),
	);
});

link('speaks 3.1.1 to a broker that knows no other, and says so', async () => {
	await using broker = await startEmbeddedBroker(await freePort());
	const outbox = new Outbox({ messages: 10, bytes: 1000 });
	const said: string[] = [];
	await using opened = open(`mqtt://127.0.0.1:${broker.port}`, outbox, said);
	await using subscriber = await listen(`mqtt://127.0.0.1:${broker.port}`);
	put(outbox, 1);
	opened.wake();
	await eventually('it arrives', () => verdicts(subscriber.heard).includes('1'));
	assert.ok(
		said.some((line) => line.startsWith('warning') && line.includes('does not speak MQTT 5')),
		said.join('\n'),
	);
});

link('finds the next free port for the embedded broker', async () => {
	await using first = await startEmbeddedBroker(await freePort());
	await using second = await startEmbeddedBroker(first.port);
	assert.ok(second.port > first.port);
});

link.run();
