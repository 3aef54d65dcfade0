import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import {
	type AddressInfo,
	createConnection,
	createServer as createTcpServer,
	type Server,
	type Socket,
} from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { Failure } from '../../src/base/failure.js';
import { type Probe, probeBroker } from '../../src/mqtt/probe.js';
import { freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { type Habits, startStrictBroker } from '../strict-broker.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { together } from '../together.js';

const all = suite('trying a broker');
const probing = together(all);

const publish = ['inspectord/t/state', 'inspectord/t/s/state', 'inspectord/t/s/verdict'];
const patient = new AbortController().signal;
type Login = Parameters<typeof probeBroker>[0];

const probe = (url: string, login: Partial<Login> = {}, subscribe: readonly string[] = []): Promise<Probe> =>
	probeBroker(
		{ url, clientId: 'inspectord-t', version: 5, ...login },
		'inspectord/t/check',
		{ publish, subscribe },
		patient,
	);

async function reasonFor(url: string, login: Partial<Login> = {}): Promise<string> {
	try {
		await probe(url, login);
		return 'it works';
	} catch (thrown) {
		assert.instance(thrown, Failure);
		return (thrown as Failure).message;
	}
}

/** Runs mosquitto with these lines; `allowed` is an ACL for everybody. */
async function withMosquitto(
	lines: (folder: string) => Promise<readonly string[]> | readonly string[],
	work: (port: number, url: string) => Promise<void>,
): Promise<void> {
	await using folder = await temporaryFolder();
	const port = await freePort();
	await using broker = await startMosquitto(port, folder.path, await lines(folder.path));
	await work(port, broker.url);
}

async function acl(folder: string, ...rules: string[]): Promise<string[]> {
	const file = join(folder, 'acl');
	await writeFile(file, `${rules.join('\n')}\n`);
	await chmod(file, 0o600);
	return [`acl_file ${file}`];
}

/** A certificate that nobody signed but itself, for 127.0.0.1. */
function selfSigned(folder: string): string[] {
	const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
	const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
	const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2'];
	execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' });
	return [`certfile ${cert}`, `keyfile ${key}`];
}

probing('says yes where the box may speak, and nobody hears it', async () => {
	if (!hasMosquitto()) return;
	await withMosquitto(
		() => [],
		async (_, url) => {
			await using subscriber = await listen(url);
			const found = await probe(url);
			assert.equal(found, { version: '5', refused: [], notes: [] });
			await new Promise((resolve) => setTimeout(resolve, 300));
			assert.equal(
				subscriber.heard.filter(({ topic }) => topic !== 'inspectord/t/check'),
				[],
			);
			assert.equal((await probe(url, { version: 4 })).refused, undefined);
		},
	);
});

probing('names each topic that an ACL refuses, whether the box may read or not', async () => {
	if (!hasMosquitto()) return;
	for (const more of [[], ['topic readwrite inspectord/t/check']])
		await withMosquitto(
			(folder) => acl(folder, 'topic write inspectord/t/+/verdict', ...more),
			async (_, url) => {
				const { refused } = await probe(url);
				assert.equal(refused, [
					{ topic: 'inspectord/t/state', reason: 'not authorised (0x87)' },
					{ topic: 'inspectord/t/s/state', reason: 'not authorised (0x87)' },
				]);
			},
		);
});

probing('says that a password is wrong', async () => {
	if (!hasMosquitto()) return;
	await withMosquitto(
		async (folder) => {
			const file = join(folder, 'passwords');
			execFileSync('mosquitto_passwd', ['-c', '-b', file, 'box', 'right'], { stdio: 'ignore' });
			await chmod(file, 0o644);
			return ['allow_anonymous false', `password_file ${file}`];
		},
		async (port, url) => {
			const wrong = { username: 'box', password: 'wrong' };
			const line = new RegExp(`^Cannot log in to broker "127.0.0.1:${port}": not authorised \\(0x87\\)$`);
			assert.match(await reasonFor(url, wrong), line);
			assert.match(await reasonFor(url, { ...wrong, version: 4 }), line);
			assert.match(await reasonFor(url), line);
			assert.is(await reasonFor(url, { username: 'box', password: 'right' }), 'it works');
			assert.is(await reasonFor(`mqtt://box:right@127.0.0.1:${port}`), 'it works');
		},
	);
});

probing(
	'tells TLS from plain MQTT, each on the port of the other, and what a certificate lacks',
	async () => {
		if (!hasMosquitto()) return;
		await withMosquitto(
			() => [],
			async (port) => {
				const cannot = `Cannot reach broker "127.0.0.1:${port}"`;
				for (const scheme of ['mqtts', 'wss', 'ws'])
					assert.is(
						await reasonFor(`${scheme}://127.0.0.1:${port}`),
						`${cannot}: it speaks MQTT without TLS: write mqtt://`,
					);
			},
		);
		if (!existsSync('/usr/bin/openssl')) return console.log('skipped: openssl is not installed');
		await withMosquitto(selfSigned, async (port) => {
			const cannot = `Cannot reach broker "127.0.0.1:${port}"`;
			assert.is(await reasonFor(`mqtt://127.0.0.1:${port}`), `${cannot}: it speaks TLS: write mqtts://`);
			assert.is(
				await reasonFor(`mqtts://127.0.0.1:${port}`),
				`${cannot}: its certificate is signed by itself and unknown to this box`,
			);
		});
	},
);

probing('tells a WebSocket port from a plain one', async () => {
	await using broker = await startStrictBroker();
	const sockets = new Set<WebSocket>();
	const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'mqtt' });
	server.on('connection', (socket) => {
		sockets.add(socket);
		const stream = createWebSocketStream(socket);
		stream.pipe(createConnection(broker.port, '127.0.0.1')).pipe(stream);
		stream.on('error', () => {});
	});
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address() as AddressInfo;
	try {
		assert.is(await reasonFor(`ws://127.0.0.1:${port}`), 'it works');
		assert.is(
			await reasonFor(`mqtt://127.0.0.1:${port}`),
			`Cannot reach broker "127.0.0.1:${port}": it speaks HTTP, not MQTT: a WebSocket port wants ws:// or wss://`,
		);
		assert.is(
			await reasonFor(`mqtts://127.0.0.1:${port}`),
			`Cannot reach broker "127.0.0.1:${port}": it speaks HTTP without TLS: a WebSocket port wants ws://`,
		);
	} finally {
		for (const socket of sockets) socket.terminate();
		server.close();
	}
});

probing('reaches a broker by IPv6', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	if (!Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1')))
		return console.log('skipped: no IPv6 here');
	await using _broker = await startMosquitto(port, folder.path, [], '::1');
	assert.is(await reasonFor(`mqtt://[::1]:${port}`), 'it works');
	assert.match(await reasonFor('mqtt://[::1]:1'), /Cannot reach broker "\[::1\]:1": nothing listens there/);
});

probing('tells what takes connections and says nothing, and what answers as a page of the web', async () => {
	const sockets = new Set<Socket>();
	const silent = createTcpServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
	});
	const pages = createHttpServer((_, response) => response.writeHead(404).end());
	const portOf = (server: Server) => (server.address() as AddressInfo).port;
	for (const server of [silent, pages])
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		const reasons = await Promise.all(
			['mqtt', 'mqtts', 'ws', 'wss'].map((scheme) => reasonFor(`${scheme}://127.0.0.1:${portOf(silent)}`)),
		);
		for (const reason of reasons) assert.match(reason, /: it takes connections and says nothing$/);
		assert.match(
			await reasonFor(`ws://127.0.0.1:${portOf(pages)}/wrong`),
			/it answers 404 over HTTP, no WebSocket: is the path of the address right\?$/,
		);
	} finally {
		for (const socket of sockets) socket.destroy();
		for (const server of [silent, pages]) server.close();
	}
});

const strict: readonly (readonly [what: string, habits: Habits, found: Probe | RegExp])[] = [
	[
		'bad credentials',
		{ admit: () => 0x86 },
		/^Cannot log in to broker ".*": bad user name or password \(0x86\)$/,
	],
	['a ban', { admit: () => 0x8a }, /this client is banned \(0x8a\)/],
	['a broker that ends every connection', { spanMs: 0 }, /^Cannot stay with broker ".*": .*\(0x80\)$/],
	[
		'a broker that ends the connection over a topic',
		{ treat: ({ topic }) => (topic.endsWith('/verdict') ? [0x87] : 0) },
		/^Cannot stay with broker ".*": not authorised \(0x87\)$/,
	],
	['another server', { admit: () => 0x9c }, /use another server \(0x9c\)/],
	[
		'3.1.1 alone',
		{ knows5: false },
		{
			version: '3.1.1',
			refused: undefined,
			notes: ['it does not speak MQTT 5', 'with MQTT 3.1.1 it cannot be known whether it takes messages'],
		},
	],
	[
		'a broker that delivers before the release: it is not asked',
		{ deliversAtOnce: true },
		{
			version: '5',
			refused: undefined,
			notes: ['whether it takes messages cannot be known without disturbing who listens'],
		},
	],
	[
		'limits',
		{ retainAvailable: false, maximumPacketSize: 4000, maximumQoS: 0 },
		{
			version: '5',
			refused: undefined,
			notes: [
				'it keeps no retained messages',
				'it takes QoS 0 at most',
				'it takes messages of 4000 bytes at most',
				'whether it takes messages cannot be known without disturbing who listens',
			],
		},
	],
	[
		'a filter that it does not grant',
		{ grant: (filter) => (filter.endsWith('cmd') ? 0x87 : 1) },
		{
			version: '5',
			refused: [{ topic: 'inspectord/t/cmd', reason: 'not authorised (0x87)' }],
			notes: [],
		},
	],
	[
		'a topic',
		{ treat: ({ topic }) => (topic.endsWith('verdict') ? 0x90 : 0) },
		{
			version: '5',
			refused: [{ topic: 'inspectord/t/s/verdict', reason: 'topic name invalid (0x90)' }],
			notes: [],
		},
	],
];

for (const [what, habits, found] of strict) {
	probing(`tells ${what}`, async () => {
		await using broker = await startStrictBroker(habits);
		if (found instanceof RegExp) assert.match(await reasonFor(broker.url), found);
		else assert.equal(await probe(broker.url, {}, ['inspectord/t/cmd']), found);
		assert.ok(
			broker.connects.every(({ will, clientId }) => !will && clientId.startsWith('inspectord-t-check')),
		);
		assert.equal(
			broker.taken.filter(({ topic }) => topic !== 'inspectord/t/check'),
			[],
		);
	});
}

probing('says that nothing listens, and what listens there instead', async () => {
	assert.match(
		await reasonFor(`mqtt://127.0.0.1:${await freePort()}`),
		/^Cannot reach broker "127\.0\.0\.1:\d+": nothing listens there$/,
	);
	assert.match(
		await reasonFor('mqtt://no-such-host.invalid'),
		/Cannot reach broker "no-such-host.invalid:1883"/,
	);
});

all.run();
