import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Log } from '../base/log.js';
import { pause, realPace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import { addressesOf } from '../config/broker.js';
import { canBeTold, type Spec } from '../config/difference.js';
import { type Config, liveInRecipe, type RecipeConfig } from '../config/schema.js';
import type { Finding, Movable, Running } from '../control/move.js';
import { startChild } from '../process/child.js';
import type { Event } from '../protocol/events.js';
import type { StationState } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { scheduleAt } from '../schedule/cron.js';
import { type BrokerService, type BrokerSettings, openBroker, tryBroker } from './broker.js';
import { type ControlService, type ControlSettings, startControl } from './control.js';
import { type HealthService, type HealthSettings, realMachine, startHealth } from './health.js';
import { type ProbeWorld, tryBundle, tryCamera } from './probe.js';
import { openRecords, type Records, type RecordsSettings, tryRecords } from './records.js';
import { type StationService, startStation, stationLimits } from './station.js';
import type { Trouble } from './world.js';

/** How often it is looked whether a broker is reached. */
const LOOK_MS = 50;

/** A scheduled self-check is listened to for so long; what it finds the station itself tells. */
const SELF_CHECK_MS = 600_000;

/** What services are given of the daemon and the world. */
export type ServicesWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	readonly boot: string | null;
	readonly log: Log;
	/** What nobody may read in the journal; the list may grow. */
	readonly secrets: readonly string[];
	/** From now on nobody is shown these. */
	readonly conceal: (secrets: readonly string[]) => void;
	readonly onState: (state: StationState) => void;
	/** A verdict stands in the journal of this series. */
	readonly onVerdict: (event: Event, series: string) => void;
	readonly running: () => Running<Movable>;
	/** The last warnings and errors. */
	readonly troubles: () => readonly Trouble[];
};

/** One thing that a service needs: where the configuration speaks of it, and how it is tried. */
export type Need = {
	readonly path: string;
	/** It takes a model's memory, which those that run need: one at a time. */
	readonly isLarge?: true;
	/** @returns what was found, in words @throws Failure */
	readonly attempt: (world: ProbeWorld) => Promise<string>;
};

/** Tries what is needed, each path once; a failure of the world is a finding. */
export type Attempt = (need: Need, world: ProbeWorld) => Promise<Finding>;

/** A kind of service. */
type Row<Settings, S extends Service> = Pick<Spec, 'kind' | 'on' | 'after' | 'live'> & {
	/** The services that a configuration wants, by name. */
	readonly specsOf: (config: Config) => readonly (readonly [name: string, settings: Settings])[];
	/** `running`: the settings of those of its kind that run. */
	readonly needs: (settings: Settings, running: readonly Settings[]) => readonly Need[];
	/** `standing`: what runs at this moment, with what it stands on. */
	readonly begin: (settings: Settings, world: ServicesWorld, standing: Running<Movable>) => S | Promise<S>;
	/** Tells settings that are live. Without it they are none: the service starts anew. */
	readonly retell?: (service: S, settings: Settings) => void | Promise<void>;
	/** Resolves when it has shown that it does its work. @throws Failure */
	readonly healthy?: (service: S, signal: AbortSignal) => Promise<void>;
};

type StationSettings = Omit<Extract<StationDown, { kind: 'start' }>, 'kind' | 'boot' | 'revision'>;

/** What judged can be told from it later; passwords in addresses do not count. */
function revisionOf(settings: StationSettings): string {
	return sha256Of(masked(JSON.stringify(settings))).slice(0, 12);
}

const journal = row<RecordsSettings, Records>({
	kind: 'journal',
	on: [],
	after: [],
	live: [],
	specsOf: ({ box, journal: { folder, mostMb, mostDays, leastFreeMb } }) => {
		const bounds = { mostBytes: mostMb * 1e6, mostAgeDays: mostDays, leastFreeBytes: leastFreeMb * 1e6 };
		return [['journal', { box, folder: folder!, bounds }]];
	},
	needs: (settings) => [{ path: 'journal.folder', attempt: () => tryRecords(settings) }],
	begin: openRecords,
});

const control = row<ControlSettings, ControlService>({
	kind: 'control',
	on: ['journal'],
	after: [],
	live: [],
	specsOf: ({ box, journal: { folder } }) => [['control', { box, folder: folder! }]],
	needs: () => [],
	begin: (settings, world, standing) => {
		const brokerNow = () => servicesOf<BrokerService>(broker.kind, world)[0];
		return startControl(settings, {
			...settings,
			...world,
			records: recordsIn(standing),
			broker: brokerNow,
			stations: () => servicesOf<StationService>(station.kind, world),
			health: () => servicesOf<HealthService>(health.kind, world)[0],
			wake: () => brokerNow()?.wake(),
		});
	},
});

const broker = row<BrokerSettings, BrokerService>({
	kind: 'broker',
	on: ['journal', 'control'],
	after: [],
	live: ['stations'],
	specsOf: ({ box, mqtt, stations, control: { remote } }) => [
		['broker', { box, mqtt, remote, stations: Object.keys(stations) }],
	],
	needs: (settings) => {
		const addresses = addressesOf(settings.mqtt);
		return addresses.map((url, i) => ({
			path: addresses.length > 1 ? `mqtt.url.${i}` : 'mqtt',
			attempt: ({ env, signal }) => tryBroker(url, settings, env, signal),
		}));
	},
	begin: (settings, world, standing) =>
		openBroker(settings, {
			...world,
			...recordsIn(standing),
			control: standing.get('control')!.service as ControlService,
		}),
	retell: (service, { stations }) => service.retell(stations),
	healthy: async (service, signal) => {
		while (!service.connected) {
			await pause(LOOK_MS, signal);
			signal.throwIfAborted();
		}
	},
});

/** Of a station's settings. */
const LIVE = [...liveInRecipe.map((key) => `recipe.${key}`), 'keep.pictures', 'keep.frames'];

const station = row<StationSettings, StationService>({
	kind: 'station',
	on: ['journal'],
	// Its last word is said, too.
	after: ['broker'],
	live: LIVE,
	specsOf: ({ box, stations, recipes, journal }) =>
		Object.entries(stations).map(([name, { camera, recipe }]) => [
			`station ${name}`,
			{
				box,
				station: name,
				recipeName: recipe,
				recipe: recipes[recipe]!,
				camera,
				keep: { pictures: journal.pictures, frames: journal.frames },
			},
		]),
	needs: (settings, running) => {
		const { station: name, recipeName, recipe, camera } = settings;
		const before = running.find((other) => other.station === name);
		if (before && canBeTold(before, settings, LIVE)) return [];
		const inUse = running.map((other) => other.camera);
		const cameraNeed = {
			path: `stations.${name}`,
			attempt: (world: ProbeWorld) => tryCamera(camera, inUse, world),
		};
		return [bundleNeed(recipeName, recipe), cameraNeed];
	},
	begin: (settings, { env, boot, log, onState, onVerdict }, standing) => {
		const { record, journal } = recordsIn(standing);
		const name = settings.station;
		const tell = stateLog(log, name);
		return startStation(
			{ kind: 'start', boot, revision: revisionOf(settings), ...settings },
			{
				startChild: () => startChild<StationDown, StationUp>('station', { env }),
				log,
				pace: realPace,
				wallClock: () => Date.now(),
				limits: stationLimits,
			},
			{
				onState: (told) => {
					const state = record.state(told);
					tell(state);
					onState(state);
				},
				onVerdict: (verdict, pictures) =>
					void record.verdict(verdict, pictures).then((event) => {
						if (event) onVerdict(event, journal.series);
					}),
				onPart: record.part,
				onKept: (jpeg) => record.kept(name, jpeg),
			},
		);
	},
	retell: (service, settings) => {
		const { recipe, keep } = settings;
		service.retell({ recipe, keep, revision: revisionOf(settings) });
	},
	healthy: (service, signal) => service.healthy(signal),
});

const schedule = row<{ readonly selfCheck: string }, Service>({
	kind: 'schedule',
	on: [],
	after: ['station'],
	live: [],
	specsOf: ({ schedule: { selfCheck } }) => (selfCheck === undefined ? [] : [['schedule', { selfCheck }]]),
	needs: () => [],
	begin: ({ selfCheck }, { running }) =>
		scheduleAt(selfCheck, 'self-check', () => {
			for (const { spec, service } of running().values())
				if (spec.kind === station.kind)
					void (service as StationService).selfCheck(AbortSignal.timeout(SELF_CHECK_MS)).catch(() => {});
		}),
});

const health = row<HealthSettings, HealthService>({
	kind: 'health',
	on: ['journal'],
	after: ['broker', 'station'],
	live: [],
	specsOf: ({ box, mqtt: { root }, health: { everyMs }, journal: { folder } }) => [
		['health', { box, root, everyMs, folder: folder! }],
	],
	needs: () => [],
	begin: (settings, world, standing) => {
		const { version, boot } = world;
		return startHealth(settings, {
			version,
			boot,
			records: recordsIn(standing),
			broker: () => servicesOf<BrokerService>(broker.kind, world)[0],
			stations: () => servicesOf<StationService>(station.kind, world),
			machine: realMachine,
			pace: realPace,
			wallClock: () => Date.now(),
		});
	},
});

/** Those of a kind that run now. */
function servicesOf<S extends Service>(kind: string, { running }: ServicesWorld): readonly S[] {
	return [...running().values()].flatMap(({ spec, service }) => (spec.kind === kind ? [service as S] : []));
}

function recordsIn(standing: Running<Movable>): Records {
	return standing.get('journal')!.service as Records;
}

/** In the order in which they start. */
const TABLE = [journal, control, broker, station, schedule, health];

/** The services that a configuration wants. What several of them need is tried once. */
export function specsOf(config: Config, world: ServicesWorld): readonly Movable[] {
	const attempt = attempts();
	return TABLE.flatMap(({ specsOf }) => specsOf(config, world, attempt));
}

/** Everything that a configuration needs, each once: also bundles of recipes that no station runs. */
export function needsOf(config: Config): readonly Need[] {
	const bundles = Object.entries(config.recipes).map(([name, recipe]) => bundleNeed(name, recipe));
	const needs = [...bundles, ...TABLE.flatMap(({ needsOf }) => needsOf(config))];
	return [...new Map(needs.map((need) => [need.path, need])).values()];
}

/** Remembers what was tried. */
export function attempts(): Attempt {
	const tried = new Map<string, Promise<Finding>>();
	let large: Promise<unknown> = Promise.resolve();
	return (need, world) => {
		const known = tried.get(need.path);
		if (known !== undefined) return known;
		const finding = need.isLarge ? large.then(() => findingOf(need, world)) : findingOf(need, world);
		if (need.isLarge) large = finding.catch(() => {});
		tried.set(need.path, finding);
		return finding;
	};
}

async function findingOf({ path, attempt }: Need, world: ProbeWorld): Promise<Finding> {
	try {
		return { path, message: await attempt(world) };
	} catch (failure) {
		if (!(failure instanceof Failure)) throw failure;
		return { path, message: failure.message, failure };
	}
}

function bundleNeed(name: string, recipe: RecipeConfig): Need {
	return { path: `recipes.${name}`, isLarge: true, attempt: (world) => tryBundle(recipe, world) };
}

/** What is special about a kind of service stays behind functions. */
function row<Settings, S extends Service>({ kind, on, after, live, retell, ...row }: Row<Settings, S>) {
	return {
		kind,
		needsOf: (config: Config): readonly Need[] =>
			row.specsOf(config).flatMap(([, settings]) => row.needs(settings, [])),
		specsOf: (config: Config, world: ServicesWorld, attempt: Attempt): readonly Movable[] =>
			row.specsOf(config).map(([name, settings]) => ({
				kind,
				name,
				settings,
				on,
				after,
				live: retell ? live : [],
				probe: (running, signal) => {
					const same = running.flatMap((spec) => (spec.kind === kind ? [spec.settings as Settings] : []));
					const note = (line: string) => world.log('info', name, line);
					const probing = { env: world.env, note, signal };
					return Promise.all(row.needs(settings, same).map((need) => attempt(need, probing)));
				},
				begin: (standing) => row.begin(settings, world, standing),
				retell: (service) => retell?.(service as S, settings),
				healthy: async (service, signal) => row.healthy?.(service as S, signal),
			})),
	};
}

/** Logs what a station does. One that fails again and again in the same way starts in between, and is logged once. */
function stateLog(log: Log, station: string): (state: StationState) => void {
	let logged = '';
	return ({ state, error }) => {
		const line = `${state}${error ? `: ${error.message}` : ''}`;
		if (line === logged || (state === 'starting' && logged !== '')) return;
		log(state === 'error' ? 'error' : 'info', station, line);
		logged = line;
	};
}
