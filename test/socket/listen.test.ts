import { mkdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askLocally } from '../../src/socket/ask.js';
import { listenLocally } from '../../src/socket/listen.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const sockets = suite('the socket of the box');

const { signal } = new AbortController();

/** Says back what it is asked, after a line of progress. */
const echo = {
	onRequest: async (name: string, bytes: Uint8Array, onProgress: (line: string) => void) => {
		onProgress('half');
		return name === 'nothing' ? undefined : `${name}:${Buffer.from(bytes)}`;
	},
	log: () => {},
};

async function asked(path: string, name: string, json: string): Promise<string[]> {
	const lines: string[] = [];
	await askLocally(path, name, json, (line) => lines.push(line), signal);
	return lines;
}

for (const [what, deep] of [
	['at a path', ''],
	['at a path that is too long for the system', 'x'.repeat(200)],
] as const) {
	sockets(`answers ${what}, in place of what a daemon left there, to its owner alone`, async () => {
		await using folder = await temporaryFolder();
		await mkdir(join(folder.path, deep), { recursive: true });
		const path = join(folder.path, deep, 'a.sock');
		await writeFile(path, 'left');
		await using _listening = await listenLocally(path, echo);
		assert.is((await stat(path)).mode & 0o777, 0o600);
		assert.equal(await asked(path, 'state', '{"a":"ü b"}'), ['half', 'state:{"a":"ü b"}']);
		assert.equal(await asked(path, 'nothing', ''), ['half']);
		const large = JSON.stringify('y'.repeat(200_000));
		assert.is((await asked(path, 'large', large))[1], `large:${large}`);
	});
}

sockets('says that it cannot be there, and that nobody listens', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'a.sock');
	await mkdir(path);
	const failure = await failureOf(listenLocally(path, echo));
	assert.is(failure.code, 'file-unwritable');
	for (const nowhere of [path, join(folder.path, 'b.sock'), join(folder.path, 'c'.repeat(150), 'b.sock')])
		assert.is((await failureOf(asked(nowhere, 'state', '{}'))).code, 'daemon-unreachable');
});

sockets('ends with its clients, whatever they do', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'a.sock');
	const listening = await listenLocally(path, { ...echo, onRequest: () => new Promise(() => {}) });
	const clients = [connect(path), connect(path)];
	for (const client of clients) client.on('error', () => {});
	clients[1]!.write('state {}\n');
	const ended = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
	await Promise.all(clients.map((client) => new Promise((resolve) => client.once('connect', resolve))));
	await listening[Symbol.asyncDispose]();
	await Promise.all(ended);
	assert.is((await failureOf(asked(path, 'state', '{}'))).code, 'daemon-unreachable');
});

sockets.run();
