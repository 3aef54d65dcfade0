import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { Failure, reasonOf } from '../base/failure.js';
import { type Limits, NO_LIMITS, type Packet, type Properties } from './outlet.js';
import { causeAdvice, causeText, reason, reasonOfConnack, reasonText, sayingText } from './reasons.js';

export type Will = {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
	readonly retain: boolean;
};

/** Who we are, and how we know whom we speak with. */
export type Credentials = {
	readonly username?: string;
	readonly password?: string;
	readonly tls?: Tls;
};

/** Contents of PEM files. */
export type Tls = {
	/** Of the authorities that may have signed the broker's certificate; by default those that Node knows. */
	readonly ca?: string;
	readonly cert?: string;
	readonly key?: string;
	/** The name that the broker's certificate must be for, where it is not the host's. */
	readonly serverName?: string;
	/** False: whoever answers is believed. */
	readonly verify: boolean;
};

/** What was heard on a topic that we listen to. */
export type Heard = {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly retain: boolean;
	/** With MQTT 5: where an answer is wanted, and what goes back with it. */
	readonly responseTopic?: string;
	readonly correlation?: Uint8Array;
};

/** With what to knock at a broker. */
export type Login = Credentials & {
	readonly url: string;
	readonly clientId: string;
	/** As CONNECT counts: 4 is 3.1.1. */
	readonly version: 4 | 5;
	/** Said by the broker when we are gone without a word. */
	readonly will?: Will;
};

/** Why there is no connection, or none any more. */
export type Ending = {
	/** What the broker gave as reason, in the numbers of MQTT 5. */
	readonly code?: number;
	readonly text: string;
	/** Of the operating system or TLS, like ECONNREFUSED; NOT_MQTT when what answers is no broker. */
	readonly cause?: string;
	/** What to do. */
	readonly advice?: string;
};

export type Answer = { readonly code: number; readonly words?: string };

/** One connection, from CONNACK to its end. */
export type Connection = {
	readonly version: 4 | 5;
	readonly limits: Limits;
	readonly ended: Promise<Ending>;
	/** Resolves with the broker's answer; never when the connection ends before. QoS 0 is answered by the next PINGRESP. */
	send(packet: Packet): Promise<Answer>;
	/**
	 * Offers an empty message with QoS 2 and never releases it: brokers that deliver on PUBREL show it to nobody, and forget it
	 * with the session. @returns the reason code that PUBREC gives
	 */
	offer(topic: string): Promise<number>;
	/** @returns the reason code that SUBACK gives */
	subscribe(filter: string): Promise<number>;
	onMessage(listener: (heard: Heard) => void): void;
	/** Says goodbye: the broker forgets the will. */
	close(): Promise<void>;
	/** Ends it without a word: the broker says the will. */
	drop(why: string): void;
};

const CONNECT_TIMEOUT_MS = 5000;
const KEEPALIVE_S = 15;
const GOODBYE_MS = 1000;

/** Of a message to us: a broker with MQTT 5 keeps larger ones away, as nothing that we listen for is as large. */
const MOST_HEARD_BYTES = 262_144;

/**
 * Opens one connection, with mqtt.js as a bare transport: it holds nothing back, repeats nothing and reconnects nothing.
 * @returns the connection, or why there is none
 * @throws Failure config-invalid when the address is none
 */
export async function openConnection(login: Login, signal: AbortSignal): Promise<Connection | Ending> {
	const client = connect(optionsOf(login));
	let ending: Ending = { text: 'the connection was closed' };
	let heard: Uint8Array | undefined;
	let connack: { limits: Limits } | undefined;
	const barrier = pongBarrier(client);
	const failed = (error: Error & { code?: unknown }): void => {
		const { code } = error;
		if (typeof code === 'number') {
			const known = reasonOfConnack(code);
			ending = { code: known, text: reasonText(known) };
		} else if (ending.code === undefined) {
			const advice = causeAdvice(code);
			ending = {
				text: textOf(error),
				...(typeof code === 'string' && { cause: code }),
				...(advice !== undefined && { advice }),
			};
		}
	};
	// Some errors of the stream (WebSocket, parsing) never become the client's.
	client.stream.on('error', failed);
	client.stream.once('data', (chunk: Uint8Array) => {
		heard = chunk;
	});
	client.on('error', (error) => {
		failed(error);
		// What cannot be read is not answered, and nothing after it is.
		if (connack) client.stream.destroy();
	});
	const offers = new Map<number, (code: number) => void>();
	client.on('packetreceive', (packet) => {
		if (packet.cmd === 'pubrec') {
			offers.get(packet.messageId!)?.(packet.reasonCode ?? 0);
			// A message that mqtt.js knows no more is not released.
			client.removeOutgoingMessage(packet.messageId!);
		}
		if (packet.cmd === 'connack' && !packet.reasonCode && !packet.returnCode)
			connack = { limits: limitsOf(packet.properties) };
		if (packet.cmd === 'pingresp') barrier.pong();
	});
	client.on('disconnect', ({ reasonCode, properties }) => {
		const words = (properties as { reasonString?: string } | undefined)?.reasonString;
		if (reasonCode)
			ending = {
				code: reasonCode,
				text: words ? `${reasonText(reasonCode)}: ${words}` : reasonText(reasonCode),
			};
	});
	const ended = new Promise<Ending>((resolve) => {
		client.once('close', () => {
			client.end(true);
			resolve(strangerOf(heard) ?? ending);
		});
	});
	const drop = (why: string): void => {
		ending = { text: why };
		client.stream.destroy();
	};
	const abandoned = () => drop('no longer wanted');
	signal.addEventListener('abort', abandoned);
	if (signal.aborted) abandoned();
	const opened = new Promise<'opened'>((resolve) => client.once('connect', () => resolve('opened')));
	const first = await Promise.race([opened, ended]);
	signal.removeEventListener('abort', abandoned);
	if (first !== 'opened') return first;
	return {
		version: login.version,
		limits: connack?.limits ?? NO_LIMITS,
		ended,
		send: ({ message: { topic, payload, properties }, qos, retain }) =>
			new Promise((resolve) => {
				if (!client.connected) return;
				const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
				const told = login.version === 5 && properties ? { properties: propertiesOf(properties) } : {};
				client.publish(topic, bytes, { qos, retain, ...told }, (error, packet) => {
					if (!client.connected) return;
					if (qos === 0 && !error) return void barrier.passed(() => resolve({ code: 0 }));
					resolve(answerOf(error, packet));
				});
			}),
		offer: (topic) =>
			new Promise((resolve) => {
				if (!client.connected) return;
				client.publish(topic, '', { qos: 2 }, () => {});
				offers.set(client.getLastMessageId(), resolve);
			}),
		onMessage: (listener) => {
			client.on('message', (topic, payload, { retain, properties }) => {
				const { responseTopic, correlationData } = properties ?? {};
				listener({
					topic,
					payload,
					retain,
					...(responseTopic !== undefined && { responseTopic }),
					...(correlationData !== undefined && { correlation: correlationData }),
				});
			});
		},
		subscribe: (filter) =>
			new Promise((resolve) => {
				if (!client.connected) return;
				client.subscribe(filter, { qos: 1 }, (_error, _granted, suback) => {
					resolve((suback?.granted as number[] | undefined)?.[0] ?? reason.unspecified);
				});
			}),
		close: async () => {
			client.end(false);
			const timer = setTimeout(() => client.stream.destroy(), GOODBYE_MS);
			await ended;
			clearTimeout(timer);
		},
		drop,
	};
}

/** As MQTT 5 names them, for a PUBLISH. */
export function propertiesOf({ contentType, expiryS, responseTopic, correlation, user }: Properties) {
	return {
		...(contentType !== undefined && { contentType }),
		...(expiryS !== undefined && { messageExpiryInterval: expiryS }),
		...(responseTopic !== undefined && { responseTopic }),
		...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
		...(user && { userProperties: { ...user } }),
	};
}

/**
 * What mqtt.js is to connect with: it parses addresses by a parser that is lenient and prints passwords, so ours is taken.
 * @throws Failure config-invalid
 */
function optionsOf({ url, clientId, version, username, password, tls, will }: Login): IClientOptions {
	const address = addressOf(url);
	const encrypted = address.protocol === 'mqtts' || address.protocol === 'wss';
	return {
		...address,
		// Without a word, mqtt.js makes TLS of a plain address that has a certificate, and Node believes its environment.
		...(encrypted && tlsOptionsOf(tls ?? { verify: true })),
		...(username !== undefined && { username }),
		...(password !== undefined && { password }),
		clientId,
		protocolVersion: version,
		clean: true,
		...(version === 5 && { properties: { maximumPacketSize: MOST_HEARD_BYTES } }),
		reconnectPeriod: 0,
		connectTimeout: CONNECT_TIMEOUT_MS,
		keepalive: KEEPALIVE_S,
		resubscribe: false,
		queueQoSZero: false,
		...(will && { will: { ...will, payload: Buffer.from(will.payload) } }),
	};
}

/** As Node's TLS takes them; mqtt.js hands them on to WebSockets too, but for the name. */
function tlsOptionsOf({ ca, cert, key, serverName, verify }: Tls): Partial<IClientOptions> {
	return {
		rejectUnauthorized: verify,
		...(ca !== undefined && { ca }),
		...(cert !== undefined && { cert }),
		...(key !== undefined && { key }),
		...(serverName !== undefined && {
			servername: serverName,
			wsOptions: { servername: serverName } as object,
		}),
	};
}

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;

/**
 * The parts of a broker's address, as mqtt.js takes them.
 * @throws Failure config-invalid
 */
export function addressOf(url: string) {
	if (!URL.canParse(url))
		throw new Failure('config-invalid', 'Cannot use the address of the broker: it is no URL');
	const { protocol, hostname, port, username, password, pathname, search } = new URL(url);
	const scheme = protocol.slice(0, -1) as 'mqtt' | 'mqtts' | 'ws' | 'wss';
	const web = scheme === 'ws' || scheme === 'wss';
	// An IPv6 address stands in brackets in a URL, and nowhere else.
	const host = web ? hostname : hostname.replace(/^\[(.*)\]$/, '$1');
	return {
		protocol: scheme,
		hostname: host,
		host,
		port: Number(port) || PORTS[scheme],
		...(web && { path: `${pathname || '/'}${search}` }),
		...(username !== '' && { username: decoded(username) }),
		...(password !== '' && { password: decoded(password) }),
	};
}

/** Percent signs that encode nothing stand for themselves. */
function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** What ended a connection. */
function textOf(error: Error & { code?: unknown; cert?: { subjectaltname?: unknown } }): string {
	const text = causeText(error.code) ?? sayingText(reasonOf(error));
	const names = error.cert?.subjectaltname;
	// It is not known who said this.
	const speakable = typeof names === 'string' ? names.replace(/[^\w.:*, -]/g, '').slice(0, 200) : '';
	return error.code === 'ERR_TLS_CERT_ALTNAME_INVALID' && speakable !== '' ? `${text} (${speakable})` : text;
}

/** What is there instead of a broker, by the first byte that it sent: one answers with CONNACK. */
function strangerOf(heard: Uint8Array | undefined): Ending | undefined {
	if (!heard || heard[0] === 0x20) return undefined;
	const cause = 'NOT_MQTT';
	if (Buffer.from(heard).toString('latin1').startsWith('HTTP/'))
		return { cause, text: 'it speaks HTTP, not MQTT: a WebSocket port wants ws:// or wss://' };
	if (heard[0] === 0x15 || heard[0] === 0x16) return { cause, text: 'it speaks TLS: write mqtts://' };
	return { cause, text: 'what answers there is no MQTT broker' };
}

function limitsOf(
	properties:
		| { receiveMaximum?: number; maximumPacketSize?: number; maximumQoS?: number; retainAvailable?: boolean }
		| undefined,
): Limits {
	return {
		receiveMaximum: properties?.receiveMaximum ?? NO_LIMITS.receiveMaximum,
		maximumPacketSize: properties?.maximumPacketSize ?? NO_LIMITS.maximumPacketSize,
		maximumQos: (properties?.maximumQoS as 0 | 1 | undefined) ?? NO_LIMITS.maximumQos,
		retainAvailable: properties?.retainAvailable ?? NO_LIMITS.retainAvailable,
	};
}

function answerOf(error: unknown, packet: unknown): Answer {
	const { reasonCode, properties } =
		(packet as { reasonCode?: number; properties?: { reasonString?: string } } | undefined) ?? {};
	const code = reasonCode ?? (error as { code?: unknown } | null)?.code;
	const words = properties?.reasonString ?? (error && typeof code !== 'number' ? reasonOf(error) : undefined);
	return {
		code: typeof code === 'number' ? code : error ? reason.unspecified : 0,
		...(words !== undefined && { words }),
	};
}

/** Tells when the broker has read what was written before: it answers pings in their order. */
function pongBarrier(client: MqttClient): { passed(then: () => void): void; pong(): void } {
	let waiting: (() => void)[] = [];
	const pinged: (() => void)[][] = [];
	client.on('packetsend', ({ cmd }) => {
		if (cmd !== 'pingreq') return;
		pinged.push(waiting);
		waiting = [];
	});
	return {
		passed: (then) => {
			waiting.push(then);
			if (waiting.length === 1)
				setImmediate(() => {
					if (client.connected && waiting.length > 0) client.sendPing();
				});
		},
		pong: () => {
			for (const then of pinged.shift() ?? []) then();
		},
	};
}
