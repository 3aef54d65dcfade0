import type { Log } from '../base/log.js';
import { Services } from '../base/service.js';
import type { Config } from '../config/schema.js';
import { openBrokerLink } from '../mqtt/connection.js';
import { Outbox } from '../mqtt/outbox.js';
import type { BoxState, StationState } from '../protocol/states.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import { scheduleAt } from '../schedule/cron.js';
import { type StationService, startStation } from './station.js';

/** What waits for an absent broker at most. */
const OUTBOX = { messages: 20_000, bytes: 128e6 } as const;

export type DaemonWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	readonly password: string | undefined;
	readonly log: Log;
	readonly onVerdict: (message: VerdictMessage) => void;
	readonly signal: AbortSignal;
	/** End when every station's source has ended, instead of staying reachable. */
	readonly untilFinished: boolean;
};

/** Runs a configuration until the signal is aborted: a broker link, a process for each station, a schedule. */
export async function runDaemon(config: Config, world: DaemonWorld): Promise<void> {
	const { box } = config;
	const { log, signal } = world;
	const outbox = new Outbox(OUTBOX);
	const boxTopic = topicOf('boxState', { box });
	const boxState = (state: BoxState['state']) =>
		encodePayload('boxState', {
			state,
			version: world.version,
			stations: Object.keys(config.stations),
			dropped: outbox.dropped,
			at: new Date().toISOString(),
		});
	await using services = new Services();
	const link = await services.start(() => {
		const { url, version, username, clientId = `inspectord-${box}` } = config.mqtt;
		const { password } = world;
		const will = { topic: boxTopic, payload: boxState('offline') };
		const credentials = {
			...(username !== undefined && { username }),
			...(password !== undefined && { password }),
		};
		return openBrokerLink({ url, version, clientId, ...credentials, will }, outbox, log);
	});
	link.retain(boxTopic, boxState('online'));

	const finished = new Set<string>();
	const allFinished = new AbortController();
	let dropped = JSON.stringify(outbox.dropped);
	const stations: StationService[] = [];
	for (const [station, { camera, recipe: recipeName }] of Object.entries(config.stations)) {
		const recipe = config.recipes[recipeName]!;
		const topic = topicOf('stationState', { box, station });
		const onState = (state: StationState) => {
			link.retain(topic, encodePayload('stationState', state));
			const why = state.error ? `: ${state.error.message}` : '';
			log(state.state === 'error' ? 'error' : 'info', station, `${state.state}${why}`);
			if (state.state === 'finished') finished.add(station);
			if (finished.size === Object.keys(config.stations).length) allFinished.abort();
		};
		const onVerdict = (message: VerdictMessage, heatmaps: readonly { topic: string; jpeg: Uint8Array }[]) => {
			outbox.put({
				topic: topicOf('verdict', { box, station }),
				payload: encodePayload('verdict', message),
				kind: 'verdict',
			});
			for (const { topic: to, jpeg } of heatmaps) outbox.put({ topic: to, payload: jpeg, kind: 'heatmap' });
			link.wake();
			const now = JSON.stringify(outbox.dropped);
			if (now !== dropped) {
				dropped = now;
				link.retain(boxTopic, boxState('online'));
			}
			world.onVerdict(message);
		};
		const start = { kind: 'start', box, station, recipeName, recipe, camera } as const;
		stations.push(await services.start(() => startStation(start, world.env, { onState, onVerdict }, log)));
	}
	const { selfCheck } = config.schedule;
	if (selfCheck !== undefined) {
		await services.start(() =>
			scheduleAt(selfCheck, 'self-check', () => {
				for (const service of stations) service.selfCheck();
			}),
		);
	}

	const end = world.untilFinished ? AbortSignal.any([signal, allFinished.signal]) : signal;
	await new Promise<void>((resolve) => {
		if (end.aborted) resolve();
		end.addEventListener('abort', () => resolve(), { once: true });
	});
	link.retain(boxTopic, boxState('offline'));
}
