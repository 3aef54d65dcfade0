import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { type Backoff, backoffMs, pause } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import type { Outbox, Outgoing } from './outbox.js';

export type LinkSettings = {
	readonly url: string;
	readonly clientId: string;
	readonly version: '5' | '3.1.1';
	readonly username?: string;
	readonly password?: string;
	/** Said by the broker when we are gone without a word. */
	readonly will: { readonly topic: string; readonly payload: Uint8Array };
};

/** The connection to the broker, which comes and goes; nothing waits for it. */
export type BrokerLink = Service & {
	readonly connected: boolean;
	/** Publishes what the outbox holds now. */
	wake(): void;
	/** Keeps a retained message and says it now and at each reconnection. */
	retain(topic: string, payload: Uint8Array): void;
};

const reconnecting: Backoff = { firstMs: 250, mostMs: 15_000 };

/** Publishes without an answer at a time: more would only wait in the broker. */
const WINDOW = 64;

const CONNECT_TIMEOUT_MS = 5000;
const KEEPALIVE_S = 15;

/** What is still in the outbox gets this long at the end. */
const FAREWELL_MS = 2000;

/**
 * mqtt.js as a bare transport: it holds nothing back and reconnects nothing; order, window, repetition and backoff are here
 * and in the outbox. MQTT 5, so that the broker can refuse a publish aloud; 3.1.1 where it knows nothing better.
 */
export function openBrokerLink(settings: LinkSettings, outbox: Outbox, log: Log): BrokerLink {
	const shown = masked(settings.url);
	const retained = new Map<string, Uint8Array>();
	const ending = new AbortController();
	let client: MqttClient | undefined;
	let protocolVersion: 4 | 5 = settings.version === '5' ? 5 : 4;
	let inFlight = 0;
	const refusedTopics = new Set<string>();

	const pump = (): void => {
		while (client?.connected && inFlight < WINDOW) {
			const message = outbox.next();
			if (!message) return;
			publish(client, message);
		}
	};
	const publish = (through: MqttClient, message: Outgoing): void => {
		inFlight += 1;
		through.publish(message.topic, Buffer.from(message.payload), { qos: 1 }, (error, packet) => {
			// A connection that is gone has recalled its messages.
			if (through !== client) return;
			inFlight -= 1;
			const reason = (packet as { reasonCode?: number } | undefined)?.reasonCode ?? 0;
			if (!error && reason < 128) outbox.acknowledge(message);
			else if (reason >= 128 || /code: \d|refused|authoriz/i.test(reasonOf(error)))
				refuse(message, error, reason);
			else return;
			pump();
		});
	};
	const refuse = (message: Outgoing, error: unknown, reason: number): void => {
		outbox.refuse(message);
		if (refusedTopics.has(message.topic)) return;
		if (refusedTopics.size < 1000) refusedTopics.add(message.topic);
		log(
			'error',
			'mqtt',
			`Broker "${shown}" refuses topic "${message.topic}": ${error ? reasonOf(error) : `reason ${reason}`}`,
		);
	};
	const sayRetained = (through: MqttClient): void => {
		for (const [topic, payload] of retained)
			through.publish(topic, Buffer.from(payload), { qos: 1, retain: true }, () => {});
	};

	/** One connection from its beginning to its end. @returns why it ended */
	const session = async (): Promise<{ lasted: boolean; reason: string }> => {
		const options: IClientOptions = {
			clientId: settings.clientId,
			protocolVersion,
			clean: true,
			reconnectPeriod: 0,
			connectTimeout: CONNECT_TIMEOUT_MS,
			keepalive: KEEPALIVE_S,
			resubscribe: false,
			queueQoSZero: false,
			will: { ...settings.will, payload: Buffer.from(settings.will.payload), qos: 1, retain: true },
			...(settings.username !== undefined && { username: settings.username }),
			...(settings.password !== undefined && { password: settings.password }),
		};
		let reason = 'the connection was closed';
		let lasted = false;
		const opened = connect(settings.url, options);
		await new Promise<void>((resolve) => {
			opened.on('connect', () => {
				lasted = true;
				client = opened;
				inFlight = 0;
				log('info', 'mqtt', `connected to "${shown}" (MQTT ${protocolVersion === 5 ? '5' : '3.1.1'})`);
				sayRetained(opened);
				pump();
			});
			opened.on('error', (error) => {
				reason = reasonOf(error);
				if (protocolVersion === 5 && /protocol version/i.test(reason)) {
					protocolVersion = 4;
					log(
						'warning',
						'mqtt',
						`Broker "${shown}" does not speak MQTT 5: with 3.1.1 it cannot say when it refuses a message`,
					);
				}
			});
			opened.on('close', resolve);
			ending.signal.addEventListener('abort', () => resolve(), { once: true });
		});
		if (ending.signal.aborted) await farewell(opened);
		client = undefined;
		outbox.recall();
		opened.removeAllListeners();
		opened.on('error', () => {});
		opened.end(true);
		return { lasted, reason };
	};
	const farewell = async (through: MqttClient): Promise<void> => {
		if (!through.connected) return;
		const deadline = AbortSignal.timeout(FAREWELL_MS);
		while (outbox.length > 0 && through.connected && !deadline.aborted) await pause(20, deadline);
		await Promise.race([through.endAsync(), pause(FAREWELL_MS, deadline)]);
	};
	const run = async (): Promise<void> => {
		let lastReason = '';
		for (let attempt = 1; !ending.signal.aborted; attempt += 1) {
			const { lasted, reason } = await session();
			if (ending.signal.aborted) return;
			if (lasted) attempt = 1;
			if (lasted || reason !== lastReason)
				log('warning', 'mqtt', `no broker at "${shown}": ${reason}; inspecting goes on`);
			lastReason = reason;
			await pause(backoffMs(reconnecting, attempt, Math.random()), ending.signal);
		}
	};

	const running = run();
	return {
		name: 'mqtt',
		get connected() {
			return client?.connected ?? false;
		},
		wake: pump,
		retain: (topic, payload) => {
			retained.set(topic, payload);
			if (client?.connected) client.publish(topic, Buffer.from(payload), { qos: 1, retain: true }, () => {});
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await running;
		},
	};
}
