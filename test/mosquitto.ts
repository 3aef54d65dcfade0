import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { eventually } from './free-port.js';

const MOSQUITTO = '/usr/sbin/mosquitto';

/** Whether the real broker is there; says so where not. */
export function hasMosquitto(): boolean {
	if (existsSync(MOSQUITTO)) return true;
	console.log('skipped: mosquitto is not installed');
	return false;
}

export type Mosquitto = AsyncDisposable & {
	readonly url: string;
	kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

/**
 * A real mosquitto on a port; `folder` keeps its configuration, and what it must remember over a restart. `more` are lines of
 * its configuration: the last of a name counts.
 */
export async function startMosquitto(
	port: number,
	folder: string,
	more: readonly string[] = [],
	host = '127.0.0.1',
): Promise<Mosquitto> {
	const file = join(folder, `mosquitto-${port}.conf`);
	const lines = [
		`listener ${port} ${host}`,
		'allow_anonymous true',
		'persistence true',
		`persistence_location ${folder}/`,
		'user root',
		'autosave_on_changes true',
		'autosave_interval 1',
	];
	const names = new Set(more.map((line) => line.split(' ')[0]));
	const kept = lines.filter((line) => !names.has(line.split(' ')[0]));
	await writeFile(file, `${[...kept, ...more].join('\n')}\n`);
	return runMosquitto(file, port, host);
}

/** A real mosquitto by a configuration that has a listener on `port`. */
export async function runMosquitto(file: string, port: number, host = '127.0.0.1'): Promise<Mosquitto> {
	const child = spawn(MOSQUITTO, ['-c', file], { stdio: 'ignore' });
	await eventually('mosquitto listens', () => listens(port, host));
	return {
		url: `mqtt://127.0.0.1:${port}`,
		kill: (signal) => ended(child, signal),
		[Symbol.asyncDispose]: () => ended(child, 'SIGKILL'),
	};
}

export type Heard = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean };

/** A plain MQTT 3.1.1 subscriber, to everything of ours without a `filter`, with a session that survives the broker's restarts. */
export async function listen(
	url: string,
	filter = 'inspectord/#',
): Promise<AsyncDisposable & { readonly heard: Heard[]; readonly client: MqttClient }> {
	const client = connect(url, {
		protocolVersion: 4,
		clean: false,
		clientId: `test-${process.pid}-${Math.random()}`,
		reconnectPeriod: 50,
		reconnectOnConnackError: true,
	});
	const heard: Heard[] = [];
	client.on('error', () => {});
	client.on('message', (topic, payload, { retain }) => heard.push({ topic, payload, retain }));
	await client.subscribeAsync(filter, { qos: 1 });
	return { heard, client, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

function listens(port: number, host: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = createConnection(port, host);
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});
}

function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
	return new Promise((resolve) => {
		child.once('exit', () => resolve());
		child.kill(signal);
	});
}
