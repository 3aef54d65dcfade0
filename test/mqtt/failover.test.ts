import { createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { startStrictBroker } from '../strict-broker.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { together } from '../together.js';
import { numbersOf, openLink } from './opened-link.js';

const all = suite('a list of brokers');
const failover = together(all);

const at = (port: number) => `mqtt://127.0.0.1:${port}`;
const wholeNumbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

failover('goes past one that is not there at the start without waiting', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const [first, second, third] = [await freePort(), await freePort(), await freePort()];
	await using _broker = await startMosquitto(third, folder.path);
	await using opened = openLink([at(first), at(second), at(third)]);
	opened.verdicts([1]);
	await eventually('the last of the list takes it', () => opened.outbox.length === 0);
	assert.is(opened.link.connections, 1);
	assert.equal(
		opened.said.map((line) => line.replace(/^\w+ mqtt (no broker at|connected to) "(.*?)".*/, '$1 $2')),
		[`no broker at ${at(first)}`, `no broker at ${at(second)}`, `connected to ${at(third)}`],
	);
});

failover(
	'loses nothing when brokers are killed in turn, and states stand on whichever is there',
	async () => {
		if (!hasMosquitto()) return;
		await using one = await temporaryFolder();
		await using other = await temporaryFolder();
		const [first, second] = [await freePort(), await freePort()];
		const a = await startMosquitto(first, one.path);
		await using b = await startMosquitto(second, other.path);
		await using onFirst = await listen(a.url);
		await using onSecond = await listen(b.url);
		const heard = () => sorted([...new Set([...numbersOf(onFirst.heard), ...numbersOf(onSecond.heard)])]);
		await using opened = openLink([at(first), at(second)]);
		opened.link.retain('inspectord/t/s/state', Buffer.from('running'));
		let next = 0;
		const timer = setInterval(() => opened.verdicts([next++]), 5);
		await using _talking = { [Symbol.asyncDispose]: async () => clearInterval(timer) };
		await eventually('some arrive at the first', () => numbersOf(onFirst.heard).length > 50);
		await a.kill('SIGKILL');
		await eventually('more arrive at the second', () => numbersOf(onSecond.heard).length > 50);
		await using late = await listen(b.url);
		const kept = () => late.heard.filter(({ retain }) => retain);
		await eventually('states are retained there', () => kept().length === 2);
		assert.equal(
			kept()
				.map(({ topic, payload }) => `${topic} ${payload}`)
				.sort(),
			['inspectord/t/s/state running', 'inspectord/t/state online'],
		);
		await using _again = await startMosquitto(first, one.path);
		const before = numbersOf(onFirst.heard).length;
		await b.kill('SIGKILL');
		await eventually('more arrive at the first again', () => numbersOf(onFirst.heard).length > before + 50);
		clearInterval(timer);
		await eventually('all is taken', () => opened.outbox.length === 0);
		await eventually('all arrive', () => heard().length === next);
		assert.equal(heard(), wholeNumbers(next));
	},
);

failover('goes past one that takes connections and says nothing', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const sockets = new Set<Socket>();
	const silent = createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
	});
	const [first, second] = [await freePort(), await freePort()];
	await new Promise<void>((resolve) => silent.listen(first, '127.0.0.1', resolve));
	try {
		await using _broker = await startMosquitto(second, folder.path);
		await using opened = openLink([at(first), at(second)]);
		opened.verdicts([1]);
		await eventually('the second takes it', () => opened.outbox.length === 0);
		assert.is(opened.link.connections, 1);
	} finally {
		for (const socket of sockets) socket.destroy();
		silent.close();
	}
});

failover('leaves one that lets it in and ends each connection at once', async () => {
	await using first = await startStrictBroker({ spanMs: 0 });
	await using second = await startStrictBroker();
	await using opened = openLink([first.url, second.url]);
	opened.verdicts([1]);
	await eventually('the second takes it', () => second.taken.some(({ topic }) => topic.endsWith('verdict')));
	assert.ok(opened.link.connected);
});

failover(
	'speaks with each in its own manner, and does not tell the lacks of one about the other',
	async () => {
		await using first = await startStrictBroker({ knows5: false });
		const port = await freePort();
		await using opened = openLink([first.url, at(port)]);
		await eventually('it speaks 3.1.1 with the first', () => opened.link.connected);
		assert.equal(opened.link.troubles.lacks, ['refusals']);
		if (!hasMosquitto()) return;
		await using folder = await temporaryFolder();
		await using _second = await startMosquitto(port, folder.path);
		await first[Symbol.asyncDispose]();
		await eventually(
			'it speaks 5 with the second',
			() => opened.lines(`connected to "${at(port)}" (MQTT 5)`)[0],
		);
		assert.equal(opened.link.troubles.lacks, []);
	},
);

failover('is gone through by one link alone: the one beside it goes where it goes', async () => {
	await using first = await startStrictBroker();
	const second = await freePort();
	const urls = [first.url, at(second)];
	await using speaking = openLink(urls);
	await using showing = openLink(urls, { beside: () => speaking.link.broker, lookMs: 100 });
	await eventually('both speak with the first', () => showing.link.broker === first.url);
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using _broker = await startMosquitto(second, folder.path);
	await first[Symbol.asyncDispose]();
	await eventually('both speak with the second', () =>
		[speaking, showing].every(({ link }) => link.broker === at(second)),
	);
	assert.is(speaking.link.troubles.broker, at(second));
	showing.heatmaps(2, 100);
	await eventually('pictures arrive there', () => showing.outbox.length === 0);
});

failover('waits between rounds, not between brokers, and says each complaint once', async () => {
	const ports = [await freePort(), await freePort()];
	await using opened = openLink(ports.map(at));
	await eventually('both are missed', () => opened.said.length === 2);
	await new Promise((resolve) => setTimeout(resolve, 2000));
	assert.equal(
		opened.said.map((line) => line.includes('nothing listens there')),
		[true, true],
	);
});

all.run();
