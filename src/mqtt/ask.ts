import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import { pause } from '../base/retry.js';
import { type Credentials, type Heard, openConnection } from './connection.js';
import { reason, reasonText } from './reasons.js';

export type RemoteAsk = {
	readonly url: string;
	readonly credentials: Credentials;
	readonly requestTopic: string;
	readonly answerTopic: string;
	readonly progressTopic: string;
	readonly payload: Uint8Array;
	/** Where progress and the answer are heard. */
	readonly onHeard: (heard: Heard) => void;
};

/** Between two connections. */
const AGAIN_MS = 500;

/**
 * Asks over a broker, until the signal is aborted: on each connection anew, because the same request is done once. MQTT 5, or 3.1.1
 * where the broker knows nothing better. @throws Failure broker-refused
 */
export async function askRemotely(ask: RemoteAsk, signal: AbortSignal): Promise<void> {
	const clientId = `inspectord-ask-${randomBytes(6).toString('hex')}`;
	let version: 4 | 5 = 5;
	while (!signal.aborted) {
		const opened = await openConnection({ url: ask.url, clientId, version, ...ask.credentials }, signal);
		if (signal.aborted) {
			if ('send' in opened) await opened.close();
			return;
		}
		if (!('send' in opened)) {
			if (version === 5 && opened.code === reason.unsupportedVersion) version = 4;
			else throw new Failure('broker-refused', `Cannot ask over the broker: ${opened.text}`, opened.advice);
			continue;
		}
		try {
			opened.onMessage(ask.onHeard);
			for (const topic of [ask.answerTopic, ask.progressTopic]) {
				const code = await inTime(opened.subscribe(topic), opened.ended, signal);
				if (code !== undefined && code >= 0x80) throw refused(`listen to "${topic}"`, code);
			}
			const message = {
				topic: ask.requestTopic,
				payload: ask.payload,
				kind: 'answer',
				properties: { contentType: 'application/json', responseTopic: ask.answerTopic },
			} as const;
			const sent = await inTime(opened.send({ message, qos: 1, retain: false }), opened.ended, signal);
			if (sent && sent.code >= 0x80) throw refused(`ask on "${ask.requestTopic}"`, sent.code);
			await inTime(new Promise<never>(() => {}), opened.ended, signal);
		} finally {
			await opened.close();
		}
		await pause(AGAIN_MS, signal);
	}
}

/** Undefined when the connection or the time is over before. */
async function inTime<T>(
	value: Promise<T>,
	ended: Promise<unknown>,
	signal: AbortSignal,
): Promise<T | undefined> {
	if (signal.aborted) return undefined;
	const over = new AbortController();
	const aborted = new Promise<undefined>((resolve) => {
		signal.addEventListener('abort', () => resolve(undefined), { once: true, signal: over.signal });
	});
	const result = await Promise.race([value, ended.then(() => undefined), aborted]);
	over.abort();
	return result;
}

function refused(what: string, code: number): Failure {
	return new Failure(
		'broker-refused',
		`The broker does not let this user ${what}: ${reasonText(code)}`,
		'Allow it in the access control of the broker, or ask in another role with --as.',
	);
}
