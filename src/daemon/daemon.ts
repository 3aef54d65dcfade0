import { randomBytes } from 'node:crypto';
import type { Log } from '../base/log.js';
import { realPace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import { Services, together } from '../base/service.js';
import type { Config } from '../config/schema.js';
import { bootId } from '../machine/boot.js';
import { openBrokerLink, type Troubles } from '../mqtt/link.js';
import { Outbox } from '../mqtt/outbox.js';
import { startChild } from '../process/child.js';
import { type BoxState, boxState, type StationState } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import { type StationVerdict, unknownClock, type VerdictMessage } from '../protocol/verdict.js';
import { verdictEntry, verdictMessage } from '../protocol/verdict-message.js';
import { scheduleAt } from '../schedule/cron.js';
import { clientIdOf } from './settings.js';
import { startStation, stationLimits } from './station.js';

/** What waits for an absent broker at most. */
const OUTBOX = { messages: 20_000, bytes: 128e6 } as const;

export type DaemonWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	readonly password: string | undefined;
	/** What no message may show. */
	readonly secrets: readonly string[];
	readonly log: Log;
	readonly onVerdict: (message: VerdictMessage) => void;
	readonly signal: AbortSignal;
	/** End when every station's source has ended, instead of staying reachable. */
	readonly untilFinished: boolean;
};

/** Runs a configuration until the signal is aborted: a broker link, a process for each station, a schedule. */
export async function runDaemon(config: Config, world: DaemonWorld): Promise<void> {
	const { box } = config;
	const { root } = config.mqtt;
	const boot = await bootId();
	const series = randomBytes(4).toString('hex');
	let events = 0;
	const { log, signal } = world;
	const outbox = new Outbox(OUTBOX);
	/** A library's words may hold what is secret here without looking like an address. */
	const openly = <T extends Pick<StationState, 'error'>>(said: T): T => ({
		...said,
		error: said.error && { ...said.error, message: masked(said.error.message, world.secrets) },
	});
	const presenceOf = (state: BoxState['state'], troubles: Troubles) => {
		const stations = Object.keys(config.stations);
		const { version } = world;
		const { dropped } = outbox;
		return encodePayload(
			'boxState',
			boxState({ box, state, version, stations, dropped, ...troubles }, Date.now()),
		);
	};
	await using services = new Services();
	const link = await services.start(() => {
		const { url, version, username } = config.mqtt;
		const clientId = clientIdOf(config);
		const { password } = world;
		const presence = { topic: topicOf('boxState', { root, box }), payload: presenceOf };
		const credentials = {
			...(username !== undefined && { username }),
			...(password !== undefined && { password }),
		};
		const settings = { urls: [url], root, version, clientId, presence };
		return openBrokerLink({ ...settings, credentials: async () => credentials }, outbox, log);
	});

	const finished = new Set<string>();
	const allFinished = new AbortController();
	const startOne = ([station, { camera, recipe: recipeName }]: [string, Config['stations'][string]]) => {
		const topic = topicOf('stationState', { root, box, station });
		let logged = '';
		let sequence = 0;
		const onState = (told: StationState) => {
			const state = openly(told);
			link.retain(topic, encodePayload('stationState', state));
			const line = `${state.state}${state.error ? `: ${state.error.message}` : ''}`;
			// A station that fails again and again in the same way starts in between, and is logged once.
			if (line !== logged && (state.state !== 'starting' || logged === '')) {
				log(state.state === 'error' ? 'error' : 'info', station, line);
				logged = line;
			}
			if (state.state === 'finished') finished.add(station);
			if (finished.size === Object.keys(config.stations).length) allFinished.abort();
		};
		const onVerdict = (verdict: StationVerdict, pictures: readonly Uint8Array[]) => {
			const atMs = Date.now();
			events += 1;
			sequence += 1;
			const event = {
				...verdictEntry(openly(verdict), unknownClock),
				id: events,
				sequence,
				recordedMs: atMs,
			};
			const message = verdictMessage(event, { series, root, publishedMs: atMs, late: false });
			outbox.put({
				topic: topicOf('verdict', { root, box, station }),
				payload: encodePayload('verdict', message),
				kind: 'verdict',
			});
			message.heatmaps.forEach(({ topic: to }, i) => {
				outbox.put({ topic: to, payload: pictures[i]!, kind: 'heatmap' });
			});
			link.wake();
			world.onVerdict(message);
		};
		const recipe = config.recipes[recipeName]!;
		const start = {
			kind: 'start',
			box,
			boot,
			revision: null,
			station,
			recipeName,
			recipe,
			camera,
			keep: config.journal,
		} as const;
		const stationWorld = {
			startChild: () => startChild<StationDown, StationUp>('station', { env: world.env }),
			log,
			pace: realPace,
			wallClock: () => Date.now(),
			limits: stationLimits,
		};
		return startStation(start, stationWorld, { onState, onVerdict, onPart: () => {}, onKept: () => {} });
	};
	const stations = Object.entries(config.stations).map(startOne);
	await services.start(() => together('stations', stations));
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
}
