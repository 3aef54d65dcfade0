import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/parse.js';
import { probeBroker } from '../../src/mqtt/probe.js';
import { hasOpenssl, type Pair, tlsOf } from '../certificates.js';
import { failureOf } from '../failure-of.js';
import { eventually, freePort } from '../free-port.js';
import { type Heard, hasMosquitto, type Mosquitto, runMosquitto } from '../mosquitto.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { together } from '../together.js';
import { numbersOf, openLink } from './opened-link.js';

const all = suite('the files for mosquitto');
const files = together(all);

const source = fileURLToPath(new URL('../../../docs/mosquitto', import.meta.url));
const shipped = (name: string) => readFile(join(source, name), 'utf8');

/** The certificates as README.md has them made: the names in its commands stand for others. */
type Makings = { readonly ca: string; pair(name: string): Pair; revoke(name: string): string };

async function makeCertificates(folder: string, names: readonly string[]): Promise<Makings> {
	const commands = [...(await shipped('README.md')).matchAll(/^```sh\n(.*?)^```$/gms)].map(
		([, text]) => text!,
	);
	assert.is(commands.length, 4);
	const [authority, broker, client, revocation] = commands as [string, string, string, string];
	const run = (text: string) =>
		execFileSync('bash', ['-euo', 'pipefail', '-c', text], {
			cwd: folder,
			stdio: ['ignore', 'ignore', 'pipe'],
		});
	run(authority);
	run(broker.replace(/^NAMES=.*$/m, 'NAMES=DNS:localhost,IP:127.0.0.1'));
	for (const name of names) run(client.replace(/^NAME=.*$/m, `NAME=${name}`));
	const at = (name: string) => join(folder, name);
	return {
		ca: at('ca.pem'),
		pair: (name) => ({ cert: at(`${name}.pem`), key: at(`${name}.key`) }),
		revoke: (name) => {
			run(revocation.replace(/^NAME=.*$/m, `NAME=${name}`));
			return at('revoked.pem');
		},
	};
}

type Site = {
	readonly port: number;
	readonly web: number;
	readonly makings: Makings;
	/** Resolves when its store has not been written for a second: what was acknowledged stands there. */
	settled(): Promise<void>;
	/** Starts it, or starts it again; `bridgeTo`: the port of the broker of the site. */
	start(options?: { readonly bridgeTo?: number; readonly hasRevoked?: boolean }): Promise<Mosquitto>;
};

/** A place with the files as they are shipped: paths, ports and hosts are of this machine. */
async function siteIn(folder: string, makings: Makings): Promise<Site> {
	const [port, web] = [await freePort(), await freePort()];
	const at = (name: string) => join(folder, name);
	for (const name of ['conf.d', 'store']) await mkdir(at(name), { recursive: true });
	const here = (text: string) =>
		text
			.replaceAll('/etc/mosquitto/certs/', `${join(makings.ca, '..')}/`)
			.replaceAll('/etc/mosquitto/', `${folder}/`)
			.replaceAll('/var/lib/mosquitto/', `${at('store')}/`)
			.replaceAll('/var/log/mosquitto/', `${folder}/`)
			.replaceAll('/run/mosquitto/', `${folder}/`)
			.replace(/^listener 8883$/m, `listener ${port} 127.0.0.1`)
			.replace(/^listener 9883$/m, `listener ${web} 127.0.0.1`);
	await writeFile(at('acl'), await shipped('acl'));
	execFileSync('mosquitto_passwd', ['-c', '-b', at('passwords'), 'viewer', 'geheim'], { stdio: 'ignore' });
	for (const name of ['acl', 'passwords']) await chmod(at(name), 0o600);
	// Whoever is root becomes the user mosquitto, who may not read what lies here.
	const own = process.getuid?.() === 0 ? 'user root\n' : '';
	return {
		port,
		web,
		makings,
		settled: async () => {
			const writtenMs = async () => (await stat(at('store/mosquitto.db'))).mtimeMs;
			for (let last = 0, now = await writtenMs(); now !== last; now = await writtenMs()) {
				last = now;
				await new Promise((resolve) => setTimeout(resolve, 1000));
			}
		},
		start: async ({ bridgeTo, hasRevoked = false } = {}) => {
			const conf = here(await shipped('mosquitto.conf'));
			await writeFile(at('mosquitto.conf'), own + (hasRevoked ? conf.replace(/^#(?=crlfile )/m, '') : conf));
			const bridge = here(await shipped('bridge.conf'));
			if (bridgeTo !== undefined)
				await writeFile(
					at('conf.d/bridge.conf'),
					bridge.replace(/^address .*$/m, `address localhost:${bridgeTo}`),
				);
			return runMosquitto(at('mosquitto.conf'), port);
		},
	};
}

type Member = AsyncDisposable & { readonly client: MqttClient; readonly heard: Heard[] };

/** A client that hears all that it may; by its certificate, or over WebSockets with a password. */
async function memberAt(url: string, options: Parameters<typeof connectAsync>[1]): Promise<Member> {
	const more = { protocolVersion: 5, reconnectPeriod: 50, ...options } as const;
	const client = await connectAsync(url, more, false);
	const heard: Heard[] = [];
	client.on('error', () => {});
	client.on('message', (topic, payload, { retain }) => heard.push({ topic, payload, retain }));
	await client.subscribeAsync('#', { qos: 1 });
	return { client, heard, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

const memberOf = ({ port, makings }: Site, name: string, options: Parameters<typeof connectAsync>[1] = {}) =>
	memberAt(`mqtts://localhost:${port}`, { ...tlsOf(makings.ca, makings.pair(name)), ...options });

const probe = (url: string, makings: Makings, name: string | undefined, publish: readonly string[]) =>
	probeBroker(
		{
			url,
			clientId: `x-${name}`,
			version: 5,
			tls: tlsOf(makings.ca, name === undefined ? undefined : makings.pair(name)),
		},
		`inspectord/${name}/check`,
		{ publish, subscribe: [`inspectord/${name}/ack`] },
		new AbortController().signal,
	);

/** Waits for the numbers from 0 below `count`, and names those that are missing. */
async function allArrive(heard: () => readonly number[], count: number): Promise<void> {
	const missing = () => {
		const arrived = new Set(heard());
		return Array.from({ length: count }, (_, i) => i).filter((i) => !arrived.has(i));
	};
	await eventually('all arrive', () => missing().length === 0).catch(() => assert.equal(missing(), []));
}

const refusal = 'not authorised (0x87)';

files('let a box speak below its own name alone, and nobody in without a certificate', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const makings = await makeCertificates(folder.path, ['press-7', 'press-8', 'viewer']);
	const site = await siteIn(folder.path, makings);
	await using broker = await site.start();
	const url = `mqtts://localhost:${site.port}`;
	const own = [
		'inspectord/press-7/state',
		'inspectord/press-7/lid/verdict',
		'inspectord/press-7/lid/heatmap/a/0',
	];
	assert.equal(await probe(url, makings, 'press-7', own), { version: '5', refused: [], notes: [] });
	const others = [
		'inspectord/press-8/state',
		'inspectord/press-8/lid/verdict',
		'inspectord/press-70',
		'else',
		'inspectord',
	];
	assert.equal(
		(await probe(url, makings, 'press-7', others)).refused,
		others.map((topic) => ({ topic, reason: refusal })),
	);
	await using seven = await memberOf(site, 'press-7');
	await using eight = await memberOf(site, 'press-8');
	await eight.client.publishAsync('inspectord/press-8/state', 'x', { qos: 1, retain: true });
	await eight.client.publishAsync('inspectord/press-8/check', 'x', { qos: 1 });
	await eventually('it hears its own check', () => eight.heard.length === 1);
	assert.equal(seven.heard, []);
	assert.match(
		(await failureOf(probe(url, makings, undefined, own))).message,
		/it wants a certificate of this box/,
	);
	makings.revoke('viewer');
	await broker.kill('SIGTERM');
	await using _again = await site.start({ hasRevoked: true });
	assert.equal((await probe(url, makings, 'press-7', own)).refused, []);
	makings.revoke('press-7');
	process.kill(Number(await readFile(join(folder.path, 'mosquitto.pid'), 'utf8')), 'SIGHUP');
	const revoked = await eventually('the list is read again', () =>
		probe(url, makings, 'press-7', own).then(
			() => undefined,
			({ message }: Error) => message,
		),
	);
	assert.match(revoked, /this box's certificate was revoked/);
	assert.equal((await probe(url, makings, 'press-8', ['inspectord/press-8/state'])).refused, []);
});

files('let a viewer hear everything and say nothing, and SCADA say what it has', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const makings = await makeCertificates(folder.path, ['press-7', 'viewer', 'scada']);
	const site = await siteIn(folder.path, makings);
	await using _broker = await site.start();
	await using box = await memberOf(site, 'press-7');
	await using viewer = await memberOf(site, 'viewer');
	await using scada = await memberOf(site, 'scada');
	const web = { ca: tlsOf(makings.ca).ca, username: 'viewer', password: 'geheim' };
	await using browser = await memberAt(`wss://localhost:${site.web}`, web);
	await box.client.publishAsync('inspectord/press-7/lid/verdict', '1', { qos: 1 });
	for (const member of [viewer, scada, browser])
		await eventually('it hears the verdict', () =>
			member.heard.some(({ topic }) => topic.endsWith('verdict')),
		);
	const codeOf = (member: Member, topic: string) =>
		member.client.publishAsync(topic, 'x', { qos: 1 }).then(
			() => 0,
			({ code }: { code: number }) => code,
		);
	const ack = 'inspectord/press-7/ack';
	for (const topic of [
		'inspectord/press-7/lid/verdict',
		'inspectord/viewer/state',
		'bridges/viewer',
		ack,
		'x',
	])
		for (const member of [viewer, browser]) assert.is(await codeOf(member, topic), 0x87, topic);
	assert.is(await codeOf(scada, 'inspectord/scada/state'), 0x87);
	assert.is(await codeOf(scada, 'inspectord/press-7/state'), 0x87);
	assert.is(await codeOf(scada, ack), 0);
	await eventually('the box hears it', () => box.heard.some(({ topic }) => topic === ack));
	for (const wrong of [{ password: 'wrong' }, { username: 'other' }, { username: '', password: '' }])
		assert.is(
			await memberAt(`wss://localhost:${site.web}`, { ...web, ...wrong }).then(
				() => 'in',
				() => 'out',
			),
			'out',
		);
});

files('let everybody ask in his own role alone, and the box itself be asked by nobody else', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const makings = await makeCertificates(folder.path, ['press-7', 'press-8', 'viewer', 'operator', 'scada']);
	const site = await siteIn(folder.path, makings);
	await using _broker = await site.start();
	await using box = await memberOf(site, 'press-7');
	await using other = await memberOf(site, 'press-8');
	const may: Readonly<Record<string, readonly string[]>> = {
		viewer: ['viewer'],
		operator: ['viewer', 'operator'],
		scada: [],
		'press-8': [],
	};
	const allowed: string[] = [];
	for (const [name, asks] of Object.entries(may)) {
		await using member = await memberOf(site, name);
		for (const role of ['viewer', 'operator', 'engineer']) {
			const topic = `inspectord/press-7/request/${role}/state`;
			const code = await member.client.publishAsync(topic, name, { qos: 1 }).then(
				() => 0,
				({ code: refused }: { code: number }) => refused,
			);
			assert.is(code, asks.includes(role) ? 0 : 0x87, `${name} as ${role}`);
			if (code === 0) allowed.push(`${topic} ${name}`);
			const answer = 'inspectord/press-7/answer/x';
			await member.client.publishAsync(answer, 'false', { qos: 1 }).then(
				() => assert.unreachable(),
				({ code: refused }: { code: number }) => assert.is(refused, 0x87),
			);
		}
	}
	const asked = () => box.heard.map(({ topic, payload }) => `${topic} ${payload}`);
	await eventually('the box hears them', () => asked().length === 3);
	assert.equal(asked(), allowed);
	assert.equal(other.heard, []);
});

files('keep what was acknowledged through a kill, but for the last moment before it', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const makings = await makeCertificates(folder.path, ['t', 'viewer']);
	const site = await siteIn(folder.path, makings);
	const before = await site.start();
	const session = { clientId: 'watch', clean: false, properties: { sessionExpiryInterval: 600 } };
	const viewer = await memberOf(site, 'viewer', session);
	await viewer[Symbol.asyncDispose]();
	await using opened = openLink(`mqtts://localhost:${site.port}`, {
		credentials: async () => ({ tls: tlsOf(makings.ca, makings.pair('t')) }),
	});
	const numbers = Array.from({ length: 300 }, (_, i) => i);
	opened.verdicts(numbers);
	await eventually('all is acknowledged', () => opened.outbox.length === 0);
	await site.settled();
	await before.kill('SIGKILL');
	await using _after = await site.start();
	await using again = await memberOf(site, 'viewer', session);
	await allArrive(() => numbersOf(again.heard), numbers.length);
});

files('carry verdicts and states on to the site, through kills on both sides', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using here = await temporaryFolder();
	await using there = await temporaryFolder();
	const makings = await makeCertificates(here.path, ['t', 'viewer', 'scada', 'line-bridge']);
	const line = await siteIn(here.path, makings);
	const site = await siteIn(there.path, makings);
	const siteBroker = await site.start();
	const lineBroker = await line.start({ bridgeTo: site.port });
	await using viewer = await memberOf(site, 'viewer', {
		clientId: 'watch',
		clean: false,
		properties: { sessionExpiryInterval: 600 },
	});
	await using opened = openLink(`mqtts://localhost:${line.port}`, {
		credentials: async () => ({ tls: tlsOf(makings.ca, makings.pair('t')) }),
	});
	opened.link.retain('inspectord/t/s/state', Buffer.from('running'));
	let next = 0;
	let isQuiet = false;
	const timer = setInterval(() => isQuiet || opened.verdicts([next++]), 10);
	await using _talking = { [Symbol.asyncDispose]: async () => clearInterval(timer) };
	/** Kills a broker after a moment of quiet, and goes on talking. */
	const kill = async (broker: Mosquitto, place: Site) => {
		isQuiet = true;
		await eventually('all is acknowledged', () => opened.outbox.length === 0);
		await place.settled();
		await broker.kill('SIGKILL');
		isQuiet = false;
	};
	const heard = () => numbersOf(viewer.heard);
	await eventually('verdicts arrive at the site', () => heard().length > 20);
	await kill(siteBroker, site);
	await new Promise((resolve) => setTimeout(resolve, 1000));
	await using _siteAgain = await site.start();
	const atSite = next;
	await eventually('they arrive again', () => heard().some((number) => number > atSite));
	await kill(lineBroker, line);
	await using _lineAgain = await line.start({ bridgeTo: site.port });
	const atLine = next;
	await eventually('they arrive once more', () => heard().some((number) => number > atLine));
	clearInterval(timer);
	await using scada = await memberOf(site, 'scada');
	await using box = await memberOf(line, 't');
	await eventually('a receipt comes back', async () => {
		await scada.client.publishAsync('inspectord/t/ack', '1', { qos: 1 });
		return box.heard.some(({ topic }) => topic.endsWith('/ack'));
	});
	await using desk = await memberOf(site, 'viewer', { clientId: 'desk' });
	const wanted = 'inspectord/t/request/viewer/state';
	await eventually('a request comes from the site', async () => {
		await desk.client.publishAsync(wanted, '{}', { qos: 1 });
		return box.heard.some(({ topic }) => topic === wanted);
	});
	await allArrive(heard, next);
	await using late = await memberOf(site, 'viewer', { clientId: 'late' });
	const kept = () =>
		late.heard.filter(({ retain }) => retain).map(({ topic, payload }) => `${topic} ${payload}`);
	await eventually('states are retained at the site', () => kept().length === 3);
	assert.equal(kept().sort(), [
		'bridges/line-bridge 1',
		'inspectord/t/s/state running',
		'inspectord/t/state online',
	]);
});

files('speak of settings that a box has', async () => {
	const pieces = [...(await shipped('README.md')).matchAll(/^```yaml\n(.*?)^```$/gms)];
	assert.is(pieces.length, 2);
	const yaml = pieces.map(([, piece]) => piece).join('');
	const rest = 'stations: { s: { camera: { source: "0" }, recipe: r } }\nrecipes: { r: { model: m } }\n';
	const parsed = parseConfig(`${yaml}${rest}`);
	assert.ok('config' in parsed, JSON.stringify(parsed));
	assert.is(parsed.config.mqtt.tls?.key, 'credential:mqtt-key');
});

all.run();
