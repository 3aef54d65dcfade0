import { randomBytes } from 'node:crypto';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Failure } from '../base/failure.js';
import { aborted, timeLimit } from '../base/retry.js';
import { addressOf, type Connection, type Ending, type Login, openConnection } from './connection.js';
import { fateOf, reason, reasonText } from './reasons.js';

export type Probe = {
	/** Of the protocol that the broker speaks with us. */
	readonly version: '5' | '3.1.1';
	/** Topics that it refuses, and why; undefined where that cannot be known. */
	readonly refused: readonly { readonly topic: string; readonly reason: string }[] | undefined;
	/** What else is to be known, in words. */
	readonly notes: readonly string[];
};

/** Where a box speaks and listens. */
export type Places = { readonly publish: readonly string[]; readonly subscribe: readonly string[] };

const ANSWER_MS = 3000;

/**
 * Logs in as the box would, with a client id of its own and no will, and asks whether it may publish and subscribe where the box
 * will. Nobody hears it: messages are offered with QoS 2 and never released; a broker that is seen to deliver them nevertheless
 * is not asked. @throws Failure broker-refused with the broker's reason
 */
export async function probeBroker(
	login: Omit<Login, 'will'>,
	checkTopic: string,
	{ publish, subscribe }: Places,
	signal: AbortSignal,
): Promise<Probe> {
	const clientId = `${login.clientId}-check-${randomBytes(2).toString('hex')}`;
	const { protocol, hostname, port } = addressOf(login.url);
	const host = hostname.replace(/^\[(.*)\]$/, '$1');
	const shown = `${host.includes(':') ? `[${host}]` : host}:${port}`;
	let opened = await openConnection({ ...login, clientId }, signal);
	// Some that do not know MQTT 5 close without a word.
	if (!('send' in opened) && login.version === 5 && mayBeVersion(opened)) {
		const older = await openConnection({ ...login, clientId, version: 4 }, signal);
		if ('send' in older || opened.code === reason.unsupportedVersion) opened = older;
	}
	if (!('send' in opened)) {
		const stranger = opened.code === undefined ? await strangerAt(host, port, protocol, signal) : undefined;
		throw new Failure(
			'broker-refused',
			`Cannot ${opened.code === undefined ? 'reach' : 'log in to'} broker "${shown}": ${stranger ?? opened.text}`,
			adviceFor(opened),
		);
	}
	let over: Ending | undefined;
	void opened.ended.then((ending) => {
		over = ending;
	});
	try {
		const probe = await askAll(opened, login.version, checkTopic, { publish, subscribe }, signal);
		if (!over) return probe;
		throw new Failure(
			'broker-refused',
			`Cannot stay with broker "${shown}": ${over.text}`,
			'Its log says why it ends the connection.',
		);
	} finally {
		await opened.close();
	}
}

/** Asks for every place, until the connection ends. */
async function askAll(
	connection: Connection,
	wanted: 4 | 5,
	checkTopic: string,
	{ publish, subscribe }: Places,
	signal: AbortSignal,
): Promise<Probe> {
	const version = connection.version === 5 ? '5' : '3.1.1';
	const notes = notesOf(connection, wanted);
	const refused: { topic: string; reason: string }[] = [];
	for (const filter of subscribe) {
		const code = await inTime(connection.subscribe(filter), connection, signal);
		if (code === undefined || code >= 0x80)
			refused.push({ topic: filter, reason: code === undefined ? 'no answer' : reasonText(code) });
	}
	if (version === '3.1.1') {
		notes.push('with MQTT 3.1.1 it cannot be known whether it takes messages');
		return { version, refused: refused.length > 0 ? refused : undefined, notes };
	}
	if (connection.limits.maximumQos < 2 || (await deliversAtOnce(connection, checkTopic, signal))) {
		notes.push('whether it takes messages cannot be known without disturbing who listens');
		return { version, refused: refused.length > 0 ? refused : undefined, notes };
	}
	for (const topic of publish) {
		const code = await inTime(connection.offer(topic), connection, signal);
		if (code === undefined) {
			notes.push('whether it takes messages cannot be known: it does not answer those with QoS 2');
			return { version, refused: refused.length > 0 ? refused : undefined, notes };
		}
		if (fateOf(code) !== 'delivered') refused.push({ topic, reason: reasonText(code) });
	}
	return { version, refused, notes };
}

function notesOf({ limits, version }: Connection, wanted: 4 | 5): string[] {
	const notes: string[] = [];
	if (wanted === 5 && version === 4) notes.push('it does not speak MQTT 5');
	if (!limits.retainAvailable) notes.push('it keeps no retained messages');
	if (limits.maximumQos === 0) notes.push('it takes QoS 0 at most');
	if (limits.maximumPacketSize < 1_000_000)
		notes.push(`it takes messages of ${limits.maximumPacketSize} bytes at most`);
	return notes;
}

/** Whether this broker shows subscribers a QoS 2 message before it is released; undefined when it cannot be seen. */
async function deliversAtOnce(
	connection: Connection,
	topic: string,
	signal: AbortSignal,
): Promise<boolean | undefined> {
	const granted = await inTime(connection.subscribe(topic), connection, signal);
	if (granted === undefined || granted >= 0x80) return undefined;
	let early = false;
	const control = new Promise<boolean>((resolve) => {
		connection.onMessage(({ topic: heard, payload }) => {
			if (heard !== topic) return;
			if (payload.length === 0) early = true;
			else resolve(true);
		});
	});
	const offered = await inTime(connection.offer(topic), connection, signal);
	const message = { topic, payload: new TextEncoder().encode('check'), kind: 'state' } as const;
	void connection.send({ message, qos: 1, retain: false });
	const seen = offered !== undefined && offered < 0x80 && (await inTime(control, connection, signal));
	return early || (seen ? false : undefined);
}

function mayBeVersion({ code, cause }: Ending): boolean {
	return (
		code === reason.unsupportedVersion ||
		(code === undefined && (cause === undefined || cause === 'ECONNRESET'))
	);
}

/** What is at this address instead of what the scheme promises: tried by knocking in other ways, without credentials. */
async function strangerAt(
	host: string,
	port: number,
	protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss',
	signal: AbortSignal,
): Promise<string | undefined> {
	const tls = protocol === 'mqtts' || protocol === 'wss';
	const web = protocol === 'ws' || protocol === 'wss';
	if (!tls && (await answersTls(host, port, signal)))
		return `it speaks TLS: write ${web ? 'wss' : 'mqtts'}://`;
	if (tls && (await answersTls(host, port, signal))) return undefined;
	const http = await firstBytes(
		host,
		port,
		`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
		signal,
	);
	if (/^HTTP\//.test(http) && (tls || !web))
		return `it speaks HTTP${tls ? ' without TLS' : ', not MQTT'}: a WebSocket port wants ${tls ? 'ws://' : 'ws:// or wss://'}`;
	const plain = await firstBytes(host, port, BARE_CONNECT, signal);
	if (plain.charCodeAt(0) === 0x20 && (tls || web)) return 'it speaks MQTT without TLS: write mqtt://';
	return undefined;
}

/** MQTT 3.1.1, no credentials, a clean session with an id of the broker's choice. */
const BARE_CONNECT = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0]);

async function firstBytes(
	host: string,
	port: number,
	hello: string | Uint8Array,
	signal: AbortSignal,
): Promise<string> {
	const socket = connectPlain({ host, port, timeout: ANSWER_MS });
	socket.once('connect', () => socket.write(hello));
	const heard = new Promise<string>((resolve) => {
		socket.once('data', (chunk) => resolve(chunk.toString('latin1')));
	});
	return (await firstOf(socket, heard, signal)) ?? '';
}

/** Nothing is said through it: whose certificate it is does not matter. */
async function answersTls(host: string, port: number, signal: AbortSignal): Promise<boolean> {
	const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: ANSWER_MS });
	const answered = new Promise<boolean>((resolve) => {
		socket.once('secureConnect', () => resolve(true));
		// An alert is an answer too.
		socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(/_ALERT_/.test(code ?? '')));
	});
	return (await firstOf(socket, answered, signal)) ?? false;
}

/** What a socket tells first; undefined when it closes, is silent for too long, or the signal is aborted. Destroys it. */
async function firstOf<T>(socket: Socket, told: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
	const abandon = () => socket.destroy();
	socket.on('error', () => {});
	socket.once('timeout', abandon);
	signal.addEventListener('abort', abandon);
	const closed = new Promise<undefined>((resolve) => socket.once('close', () => resolve(undefined)));
	try {
		return await Promise.race([told, closed]);
	} finally {
		signal.removeEventListener('abort', abandon);
		socket.destroy();
	}
}

function adviceFor({ code, advice }: Ending): string {
	if (code === reason.badCredentials || code === reason.notAuthorised)
		return 'Are mqtt.username, the first line of mqtt.passwordFile and mqtt.tls.cert right?';
	return advice ?? 'Is it running, and is the address right?';
}

/** Undefined when it takes too long, or the connection ends. */
async function inTime<T>(
	value: Promise<T>,
	{ ended }: Connection,
	signal: AbortSignal,
): Promise<T | undefined> {
	using limit = timeLimit(ANSWER_MS, signal);
	const late = aborted(limit.signal).then(() => undefined);
	return await Promise.race([value, late, ended.then(() => undefined)]);
}
