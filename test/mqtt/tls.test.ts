import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tls } from '../../src/mqtt/connection.js';
import { probeBroker } from '../../src/mqtt/probe.js';
import { type Authority, createAuthority, hasOpenssl, type Pair, tlsOf } from '../certificates.js';
import { failureOf } from '../failure-of.js';
import { freePort } from '../free-port.js';
import { hasMosquitto, startMosquitto } from '../mosquitto.js';
import { temporaryFolder } from '../tiny-bundle.js';

const encrypted = suite('TLS with a broker');

const names = 'DNS:localhost,IP:127.0.0.1';
const server = { use: 'serverAuth', names } as const;

type Makings = { readonly good: Authority; readonly other: Authority };
type Case = {
	readonly title: string;
	/** What the broker shows. */
	readonly shows?: (makings: Makings) => Pair;
	/** More lines of its configuration. */
	readonly lines?: (makings: Makings) => readonly string[];
	readonly tls: (makings: Makings) => Tls | undefined;
	/** What is said of it, and what is advised; by default it works. */
	readonly fault?: RegExp;
	readonly advice?: RegExp;
	/** What mosquitto does not look at for WebSockets. */
	readonly plainAlone?: boolean;
};

const wantsOwn = ({ good }: Makings) => [`cafile ${good.cert}`, 'require_certificate true'];
const knows = ({ good }: Makings) => tlsOf(good.cert);

const cases: readonly Case[] = [
	{ title: 'a broker whose authority is known', tls: knows },
	{
		title: 'a broker whose authority is unknown',
		tls: ({ other }) => tlsOf(other.cert),
		fault: /signed by an authority that this box does not know$/,
		advice: /mqtt\.tls\.ca/,
	},
	{
		title: 'nothing configured, and a broker whose authority is unknown',
		tls: () => undefined,
		fault: /signed by an authority that this box does not know$/,
		advice: /mqtt\.tls\.ca/,
	},
	{
		title: 'an expired broker',
		shows: ({ good }) => good.sign('old', 'localhost', { ...server, days: -1 }),
		tls: knows,
		fault: /its certificate has expired$/,
		advice: /clock/,
	},
	{
		title: 'a broker with a certificate for another name',
		shows: ({ good }) => good.sign('elsewhere', 'x', { use: 'serverAuth', names: 'DNS:broker.plant' }),
		tls: knows,
		fault: /its certificate is for another name \(DNS:broker\.plant\)$/,
		advice: /mqtt\.tls\.serverName/,
	},
	{
		title: 'a broker with a certificate for the name that is configured',
		shows: ({ good }) => good.sign('elsewhere', 'x', { use: 'serverAuth', names: 'DNS:broker.plant' }),
		tls: (makings) => ({ ...knows(makings), serverName: 'broker.plant' }),
	},
	{
		title: 'a broker with a certificate for its address and not for the name that is configured',
		tls: (makings) => ({ ...knows(makings), serverName: 'broker.plant' }),
		fault: /its certificate is for another name/,
		advice: /mqtt\.tls\.serverName/,
	},
	{
		title: 'a broker with a certificate of a client',
		shows: ({ good }) => good.sign('client', 'localhost', { names }),
		tls: knows,
		fault: /its certificate is not made for servers$/,
		advice: /serverAuth/,
	},
	{
		title: 'any broker where verification is off',
		shows: ({ good }) => good.sign('old', 'x', { use: 'serverAuth', days: -1 }),
		tls: () => ({ verify: false }),
	},
	{
		title: 'a broker that wants a certificate and gets it',
		lines: wantsOwn,
		tls: ({ good }) => tlsOf(good.cert, good.sign('box', 'box')),
	},
	{
		title: 'a broker that wants a certificate and gets none',
		lines: wantsOwn,
		tls: knows,
		fault: /it wants a certificate of this box$/,
		advice: /mqtt\.tls\.cert and mqtt\.tls\.key/,
	},
	{
		title: 'a broker that gets a certificate of another authority',
		lines: wantsOwn,
		tls: ({ good, other }) => tlsOf(good.cert, other.sign('box', 'box')),
		fault: /it does not know the authority of this box's certificate$/,
		advice: /cafile/,
	},
	{
		title: 'a broker that gets an expired certificate',
		lines: wantsOwn,
		tls: ({ good }) => tlsOf(good.cert, good.sign('box', 'box', { days: -1 })),
		fault: /this box's certificate has expired$/,
		advice: /clock/,
	},
	{
		title: 'a broker that gets a certificate of a server',
		lines: wantsOwn,
		tls: ({ good }) => tlsOf(good.cert, good.sign('box', 'box', { use: 'serverAuth' })),
		fault: /this box's certificate is not made for clients$/,
		advice: /clientAuth/,
	},
	{
		title: 'a broker that gets a revoked certificate',
		lines: (makings) => [...wantsOwn(makings), `crlfile ${makings.good.revoke('box')}`],
		tls: ({ good }) => tlsOf(good.cert, good.sign('box', 'box')),
		fault: /this box's certificate was revoked$/,
		advice: /new one/,
		plainAlone: true,
	},
];

const probe = (url: string, tls: Tls | undefined) =>
	probeBroker(
		{ url, clientId: 'inspectord-t', version: 5, ...(tls && { tls }) },
		'inspectord/t/check',
		{ publish: ['inspectord/t/state'], subscribe: [] },
		new AbortController().signal,
	);

for (const { title, shows, lines, tls, fault, advice, plainAlone } of cases)
	encrypted(
		`${fault ? 'refuses' : 'takes'} ${title}${plainAlone ? '' : ', with and without WebSockets'}`,
		async () => {
			if (!hasMosquitto() || !hasOpenssl()) return;
			await using folder = await temporaryFolder();
			const makings = {
				good: createAuthority(join(folder.path, 'good'), 'good'),
				other: createAuthority(join(folder.path, 'other'), 'other'),
			};
			const own = tls(makings);
			const shown = shows?.(makings) ?? makings.good.sign('server', 'localhost', server);
			const [plain, port, web] = [await freePort(), await freePort(), await freePort()];
			const files = [`certfile ${shown.cert}`, `keyfile ${shown.key}`, ...(lines?.(makings) ?? [])];
			await using _broker = await startMosquitto(port, folder.path, [
				// 2.0.11 ends when it has listeners for WebSockets alone.
				`listener ${plain} 127.0.0.1`,
				...[`listener ${port} 127.0.0.1`, ...files],
				...[`listener ${web} 127.0.0.1`, 'protocol websockets', ...files],
			]);
			const urls = [`mqtts://127.0.0.1:${port}`, ...(plainAlone ? [] : [`wss://127.0.0.1:${web}`])];
			for (const url of urls) {
				if (!fault) {
					assert.equal(await probe(url, own), { version: '5', refused: [], notes: [] });
					continue;
				}
				const failure = await failureOf(probe(url, own));
				assert.match(failure.message, fault);
				assert.match(failure.advice ?? '', advice!);
			}
		},
	);

encrypted('never believes an unverified broker because the environment says so', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const shown = createAuthority(join(folder.path, 'good'), 'good').sign('server', 'localhost', server);
	const port = await freePort();
	const files = [`certfile ${shown.cert}`, `keyfile ${shown.key}`];
	await using _broker = await startMosquitto(port, folder.path, files);
	const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env;
	process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
	try {
		assert.match((await failureOf(probe(`mqtts://127.0.0.1:${port}`, undefined))).message, /does not know$/);
	} finally {
		if (before === undefined) Reflect.deleteProperty(process.env, 'NODE_TLS_REJECT_UNAUTHORIZED');
		else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
	}
});

encrypted('does not make TLS of a plain address because there is a certificate', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const good = createAuthority(join(folder.path, 'good'), 'good');
	const port = await freePort();
	await using _broker = await startMosquitto(port, folder.path);
	const found = await probe(`mqtt://127.0.0.1:${port}`, tlsOf(good.cert, good.sign('box', 'box')));
	assert.is(found.version, '5');
});

encrypted.run();
