import { execFileSync } from 'node:child_process';
import { chmod, copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configSchema } from '../../src/config/schema.js';
import { credentialsOf } from '../../src/daemon/credentials.js';
import type { Troubles } from '../../src/mqtt/link.js';
import { createAuthority, hasOpenssl, type Pair } from '../certificates.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { numbersOf, type OpenedLink, openLink } from '../mqtt/opened-link.js';
import { temporaryFolder } from '../tiny-bundle.js';

const rotation = suite('certificates and passwords that change while it runs');

const server = { use: 'serverAuth', names: 'IP:127.0.0.1' } as const;
const LOOK_MS = 100;

/** A link that reads its credentials as the daemon does. */
function linkOf(mqtt: { readonly url: string } & Record<string, unknown>): OpenedLink {
	const config = configSchema.parse({
		box: 't',
		mqtt,
		stations: { s: { camera: { source: '0' }, recipe: 'r' } },
		recipes: { r: { model: 'm' } },
	});
	const payload = (state: string, { lacks }: Troubles) => [state, ...lacks].join(' ');
	return openLink(mqtt.url, { credentials: () => credentialsOf(config, {}), lookMs: LOOK_MS, payload });
}

/** Says a verdict every few milliseconds, until it is told to stop. @returns how many */
function talkThrough(opened: OpenedLink): () => number {
	let next = 0;
	const timer = setInterval(() => opened.verdicts([next++]), 5);
	return () => {
		clearInterval(timer);
		return next;
	};
}

/** As who renews certificates does: each file whole, one after the other. */
async function replace(file: string, by: string): Promise<void> {
	await copyFile(by, `${file}.new`);
	await rename(`${file}.new`, file);
}

async function replacePair(pair: Pair, by: Pair): Promise<void> {
	await replace(pair.cert, by.cert);
	await replace(pair.key, by.key);
}

const wholeNumbers = (count: number) => Array.from({ length: count }, (_, i) => i);

rotation('take effect on a new connection, with a goodbye, and nothing is lost', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const good = createAuthority(join(folder.path, 'good'), 'good');
	const shown = good.sign('server', 'localhost', server);
	const own = good.sign('box', 'box');
	const later = good.sign('later', 'box');
	const [plain, port] = [await freePort(), await freePort()];
	const lines = [
		`listener ${plain} 127.0.0.1`,
		`listener ${port} 127.0.0.1`,
		...[`certfile ${shown.cert}`, `keyfile ${shown.key}`, `cafile ${good.cert}`, 'require_certificate true'],
	];
	await using _broker = await startMosquitto(port, folder.path, lines);
	await using subscriber = await listen(`mqtt://127.0.0.1:${plain}`);
	const tls = { ca: good.cert, ...own };
	await using opened = linkOf({ url: `mqtts://127.0.0.1:${port}`, tls });
	const stop = talkThrough(opened);
	try {
		await eventually('some arrive', () => numbersOf(subscriber.heard).length > 20);
		await replacePair(own, later);
		await eventually('it connects again', () => opened.link.connections === 2);
		await eventually('more arrive', () => numbersOf(subscriber.heard).length > 150);
	} finally {
		stop();
	}
	const said = stop();
	await eventually('all arrive', () => numbersOf(subscriber.heard).length === said);
	assert.equal(
		numbersOf(subscriber.heard).sort((a, b) => a - b),
		wholeNumbers(said),
	);
	assert.is(opened.lines('the credentials have changed').length, 1);
	assert.is(opened.lines('connected to').length, 2);
	assert.equal(
		subscriber.heard.filter(({ topic, payload }) => topic.endsWith('t/state') && `${payload}` !== 'online'),
		[],
		'a goodbye takes the last will back',
	);
	// The content counts, not the time of a file.
	await replacePair(own, later);
	await new Promise((resolve) => setTimeout(resolve, 5 * LOOK_MS));
	assert.is(opened.link.connections, 2);
});

rotation('that do not fit one another are named once, and the connection stays as it is', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const good = createAuthority(join(folder.path, 'good'), 'good');
	const shown = good.sign('server', 'localhost', server);
	const own = good.sign('box', 'box');
	const later = good.sign('later', 'box');
	const port = await freePort();
	const files = [`certfile ${shown.cert}`, `keyfile ${shown.key}`, `cafile ${good.cert}`];
	await using _broker = await startMosquitto(port, folder.path, [...files, 'require_certificate true']);
	await using opened = linkOf({ url: `mqtts://127.0.0.1:${port}`, tls: { ca: good.cert, ...own } });
	await eventually('it connects', () => opened.link.connected);
	await replace(own.cert, later.cert);
	await eventually('it says so', () => opened.lines('it does not belong to the certificate')[0]);
	await new Promise((resolve) => setTimeout(resolve, 5 * LOOK_MS));
	opened.verdicts([1]);
	await eventually('the broker takes it', () => opened.outbox.length === 0);
	assert.is(opened.lines('stays as it is').length, 1);
	assert.is(opened.link.connections, 1);
	await replace(own.key, later.key);
	await eventually('the whole pair is taken', () => opened.link.connections === 2);
});

rotation('let a box in again whose old certificate the broker takes no longer', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const old = createAuthority(join(folder.path, 'old'), 'old');
	const young = createAuthority(join(folder.path, 'young'), 'young');
	const own = old.sign('box', 'box');
	const both = join(folder.path, 'both.pem');
	await writeFile(both, `${await readFile(old.cert, 'utf8')}${await readFile(young.cert, 'utf8')}`);
	const port = await freePort();
	const brokerOf = (authority: typeof old) => {
		const shown = authority.sign('server', 'localhost', server);
		const files = [`certfile ${shown.cert}`, `keyfile ${shown.key}`, `cafile ${authority.cert}`];
		return startMosquitto(port, folder.path, [...files, 'require_certificate true']);
	};
	await using before = await brokerOf(old);
	await using opened = linkOf({ url: `mqtts://127.0.0.1:${port}`, tls: { ca: both, ...own } });
	await eventually('it connects', () => opened.link.connected);
	await before.kill('SIGTERM');
	await using _after = await brokerOf(young);
	opened.verdicts([1, 2, 3]);
	await eventually('it is refused', () => opened.lines('does not know the authority of this box')[0]);
	await replacePair(own, young.sign('box', 'box'));
	await eventually('it is let in', () => opened.link.connected && opened.outbox.length === 0);
});

rotation('that are missing or wrong at the start are waited for', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	execFileSync('mosquitto_passwd', ['-c', '-b', at('passwords'), 'box', 'right'], { stdio: 'ignore' });
	await chmod(at('passwords'), 0o644);
	const port = await freePort();
	const locked = ['allow_anonymous false', `password_file ${at('passwords')}`];
	await using _broker = await startMosquitto(port, folder.path, locked);
	const url = `mqtt://127.0.0.1:${port}`;
	await using opened = linkOf({ url, username: 'box', passwordFile: at('password') });
	opened.verdicts([1]);
	await eventually(
		'it says so',
		() =>
			opened.lines(
				/no connection to broker .*Cannot read password file .*no such file; inspecting goes on/,
			)[0],
	);
	await writeFile(at('password'), 'wrong\n');
	await eventually('it is refused', () => opened.lines('not authorised')[0]);
	await writeFile(at('password'), 'right\n');
	await eventually('it is let in', () => opened.outbox.length === 0);
	assert.is(opened.lines('Cannot read').length, 1);
	assert.not.match(opened.said.join('\n'), /wrong|right/);
});

rotation('or are not verified: the state and a warning say so', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const shown = createAuthority(join(folder.path, 'good'), 'good').sign('server', 'elsewhere', server);
	const [plain, port] = [await freePort(), await freePort()];
	const files = [`certfile ${shown.cert}`, `keyfile ${shown.key}`];
	const listeners = [`listener ${plain} 127.0.0.1`, `listener ${port} 127.0.0.1`];
	await using _broker = await startMosquitto(port, folder.path, [...listeners, ...files]);
	await using subscriber = await listen(`mqtt://127.0.0.1:${plain}`);
	await using opened = linkOf({ url: `mqtts://127.0.0.1:${port}`, tls: { verify: false } });
	await eventually('the state tells it', () =>
		subscriber.heard.some(({ payload }) => `${payload}` === 'degraded verification'),
	);
	assert.is(opened.lines(/^warning mqtt Broker .* is not verified, as mqtt\.tls\.verify is false/).length, 1);
});

rotation.run();
