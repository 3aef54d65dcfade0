import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import type { Service } from '../base/service.js';
import type { Config } from '../config/schema.js';
import type { Credentials } from '../mqtt/connection.js';
import { openBrokerLink, type Troubles } from '../mqtt/link.js';
import { probeBroker } from '../mqtt/probe.js';
import { type BoxState, boxState } from '../protocol/states.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { Recorder } from './record.js';
import { clientIdOf, passwordOf } from './settings.js';

/** `stations`: the names of all, as the box's state tells them. */
export type BrokerSettings = Pick<Config, 'box' | 'mqtt'> & { readonly stations: readonly string[] };

export type BrokerService = Service & {
	readonly connected: boolean;
	retell(stations: readonly string[]): void;
};

export type BrokerWorld = {
	readonly version: string;
	readonly log: Log;
	readonly record: Recorder;
	/** From now on nobody is shown this password. */
	readonly conceal: (password: string) => void;
};

/** Says what is recorded to the broker. @throws Failure file-unreadable without the password that the configuration speaks of */
export async function openBroker(settings: BrokerSettings, world: BrokerWorld): Promise<BrokerService> {
	const { box, mqtt } = settings;
	const { root, url, version } = mqtt;
	const { record } = world;
	let { stations } = settings;
	const credentials = async () => credentialsOf(settings, world.conceal);
	await credentials();
	const payload = (state: BoxState['state'], troubles: Troubles) => {
		const { dropped } = record.waiting;
		const told = { box, state, version: world.version, stations, dropped, ...troubles };
		return encodePayload('boxState', boxState(told, Date.now()));
	};
	const presence = { topic: topicOf('boxState', { root, box }), payload };
	const clientId = clientIdOf(settings);
	const link = openBrokerLink(
		{ urls: [url], root, version, clientId, credentials, presence },
		record.waiting,
		world.log,
	);
	record.speakThrough(link, root);
	return {
		name: 'broker',
		get connected() {
			return link.connected;
		},
		retell: (names) => {
			stations = names;
			link.tell();
		},
		[Symbol.asyncDispose]: async () => {
			await link[Symbol.asyncDispose]();
			record.speakThrough(undefined, root);
		},
	};
}

/** Logs in as the box would, and asks for every topic. @returns what was found, in words @throws Failure broker-refused, file-unreadable */
export async function tryBroker(settings: BrokerSettings, signal: AbortSignal): Promise<string> {
	const { box, mqtt, stations } = settings;
	const { root, url } = mqtt;
	const version = mqtt.version === '5' ? 5 : 4;
	const login = { url, clientId: clientIdOf(settings), version, ...(await credentialsOf(settings)) } as const;
	const publish = [
		topicOf('boxState', { root, box }),
		...stations.flatMap((station) => [
			topicOf('stationState', { root, box, station }),
			topicOf('verdict', { root, box, station }),
			topicOf('heatmap', { root, box, station, id: 'check', index: '0' }),
		]),
	];
	const places = { publish, subscribe: [] };
	const probe = await probeBroker(login, topicOf('check', { root, box }), places, signal);
	const { version: spoken, refused, notes } = probe;
	if (refused && refused.length > 0) {
		const topics = refused.map(({ topic, reason }) => `"${topic}": ${reason}`);
		throw new Failure(
			'broker-refused',
			`Broker "${url}" lets us in, but refuses ${topics.join('; ')}`,
			'Allow these topics to the box in the access control of the broker.',
		);
	}
	const may = refused ? ['takes messages on every topic of the box'] : [];
	return [`broker "${url}" lets us in with MQTT ${spoken}`, ...may, ...notes].join('; ');
}

/** As they are now. @throws Failure file-unreadable */
async function credentialsOf(
	{ mqtt }: BrokerSettings,
	conceal: (password: string) => void = () => {},
): Promise<Credentials> {
	const { username } = mqtt;
	const password = await passwordOf({ mqtt });
	if (password !== undefined) conceal(password);
	return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}
