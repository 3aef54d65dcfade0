import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Log, LogLine, Trouble } from '../base/log.js';
import { expectWaiters, type Timers, timeLimitBy } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import { countOf } from '../base/words.js';
import { addressesOf } from '../config/broker.js';
import { canBeTold, type Spec } from '../config/difference.js';
import { type Config, liveInRecipe, type RecipeConfig } from '../config/schema.js';
import { Refusal } from '../control/answer.js';
import type { Finding, Movable, Prepared, Running } from '../control/movable.js';
import { tryLine } from '../gpio/monitor.js';
import { shareOf } from '../machine/memory.js';
import type { Child } from '../process/child.js';
import { type Endpoint, tryToListen } from '../prometheus/endpoint.js';
import { exposition } from '../prometheus/exposition.js';
import type { Event } from '../protocol/events.js';
import type { StationState } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { placeOf } from '../vision/place.js';
import type { AlarmClock } from './alarm-clock.js';
import { type AlarmsService, type AlarmsSettings, startAlarms } from './alarms.js';
import { type BrokerService, type BrokerSettings, openBroker, tryBroker } from './broker.js';
import { type ControlService, type ControlSettings, startControl } from './control.js';
import type { Edges } from './edges.js';
import type { Edits } from './edits.js';
import { type EngineChoices, printOf } from './engine-choices.js';
import type { StationSeen } from './engine-items.js';
import { type EnginesService, type EnginesSettings, startEngines } from './engines.js';
import { type HealthService, type HealthSettings, startHealth } from './health.js';
import { type HeldStation, holdStation } from './held.js';
import { buildEngineInChild, teachInChild } from './job.js';
import { type LessonService, type LessonSettings, startLesson } from './lesson.js';
import { type ProbeWorld, tryBundle, tryCamera } from './probe.js';
import { openRecords, type Records, type RecordsSettings, tryRecords } from './records.js';
import { report } from './report.js';
import { JOBS, type ScheduleSettings, startSchedule } from './schedule.js';
import { type SignalsService, type SignalsSettings, startSignals } from './signals.js';
import { type StationService, startStation, stationLimits } from './station.js';
import type { Tallies } from './tally.js';

/** How often it is looked whether a broker is reached, and how long. */
const LOOK_MS = 50;
const REACH_MS = 30_000;

/** A scheduled self-check is listened to for so long; what it finds the station itself tells. */
const SELF_CHECK_MS = 600_000;

/** What services are given of the daemon and the world. */
export type ServicesWorld = {
	readonly edges: Edges;
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
	/** Of parts that are due at any station. */
	readonly deadlines: AlarmClock;
	/** The last warnings and errors. */
	readonly troubles: () => readonly Trouble[];
	/** The last lines of the log. */
	readonly logLines: () => readonly LogLine[];
	/** Undefined where no file says what is to run. */
	readonly edits: () => Edits | undefined;
	/** What stands or is moved to. */
	readonly config: () => Config | null;
	readonly engines: EngineChoices;
	/** What was counted by whichever services. */
	readonly tallies: Tallies;
	/** Whether stations that take frames by themselves rest now. */
	readonly rests: () => boolean;
	/** Parts of the daemon that give no sign of life. */
	readonly silent: () => readonly string[];
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
	readonly specsOf: (
		config: Config,
		engines: Pick<EngineChoices, 'of'>,
	) => readonly (readonly [name: string, settings: Settings])[];
	/** `running`: those of its kind, and their settings. */
	readonly needs: (
		settings: Settings,
		running: readonly Settings[],
		services: readonly S[],
	) => readonly Need[];
	/** `standing`: what runs at this moment, with what it stands on. */
	readonly begin: (settings: Settings, world: ServicesWorld, standing: Running<Movable>) => S | Promise<S>;
	/** Makes it ready beside what runs. */
	readonly prepare?: {
		readonly path: (settings: Settings) => string;
		readonly attempt: (settings: Settings, world: ServicesWorld, signal: AbortSignal) => Promise<Prepared>;
	};
	/** What no two can have at a time. */
	readonly holds?: (settings: Settings) => readonly string[];
	/** Tells settings that are live. Without it they are none: the service starts anew. */
	readonly retell?: (service: S, settings: Settings) => void | Promise<void>;
	/** Resolves when it has shown that it does its work, or fails as it did before. @throws Failure */
	readonly healthy?: (
		service: S,
		signal: AbortSignal,
		failingBefore: string | undefined,
		world: ServicesWorld,
	) => Promise<void>;
	/** Resolves when it has understood what it was told. */
	readonly heeded?: (service: S, signal: AbortSignal) => Promise<void>;
};

type StationSettings = Omit<
	Extract<StationDown, { kind: 'start' }>,
	'kind' | 'boot' | 'revision' | 'shunned' | 'stations'
> & {
	/** The one that it was moved to last. */
	readonly engine: string | null;
	readonly mostMemoryMb?: number | undefined;
};

/** What judged can be told from it later; passwords in addresses do not count, and on what it computed stands in the verdict. */
function revisionOf({
	engineFolder: _,
	engine: _engine,
	mostMemoryMb: _most,
	...settings
}: StationSettings): string {
	return sha256Of(masked(JSON.stringify(settings))).slice(0, 12);
}

const journal = row<RecordsSettings, Records>({
	kind: 'journal',
	on: [],
	after: [],
	live: ['bounds'],
	specsOf: ({ box, journal: { folder, mostMb, mostDays, leastFreeMb } }) => {
		const bounds = { mostBytes: mostMb * 1e6, mostAgeDays: mostDays, leastFreeBytes: leastFreeMb * 1e6 };
		return [['journal', { box, folder: folder!, bounds }]];
	},
	needs: (settings, running) =>
		running.some(({ folder }) => folder === settings.folder)
			? []
			: [{ path: 'journal.folder', attempt: () => tryRecords(settings) }],
	begin: openRecords,
	retell: ({ journal }, { bounds }) => {
		if (bounds) journal.keepWithin(bounds);
	},
});

const control = row<ControlSettings, ControlService>({
	kind: 'control',
	on: ['journal'],
	after: [],
	live: ['signed'],
	specsOf: ({ box, journal: { folder }, control: { signed } }) => {
		const { keys, windowS } = signed;
		return [['control', { box, folder: folder!, signed: { keys, windowS } }]];
	},
	needs: () => [],
	begin: (settings, world, standing) => {
		const brokerNow = () => servicesOf<BrokerService>(broker.kind, world)[0];
		return startControl(settings, {
			...settings,
			...world,
			records: recordsIn(standing),
			broker: brokerNow,
			stations: () => servicesOf<StationService>(station.kind, world),
			alarms: () => servicesOf<AlarmsService>(alarms.kind, world)[0],
			lesson: () => servicesOf<LessonService>(lesson.kind, world)[0],
			engines: () => servicesOf<EnginesService>(engines.kind, world)[0],
			health: () => servicesOf<HealthService>(health.kind, world)[0],
			wake: () => brokerNow()?.wake(),
		});
	},
	retell: (service, { signed }) => service.retell(signed),
});

const TOLD_TO_BROKER = ['stations', 'alarmed', 'reports'];

const broker = row<BrokerSettings, BrokerService>({
	kind: 'broker',
	on: ['journal', 'control'],
	after: [],
	live: TOLD_TO_BROKER,
	specsOf: (config) => {
		const { box, mqtt, control } = config;
		const stations = Object.keys(config.stations);
		const alarmed = Object.keys(alarmsIn(config));
		const reports = config.schedule.report !== undefined;
		return [['broker', { box, mqtt, remote: control.remote, stations, alarmed, reports }]];
	},
	needs: (settings, [before], [speaking]) => {
		// Where it cannot be reached anyway, a station can be added nevertheless.
		if (before && !speaking?.connected && canBeTold(before, settings, TOLD_TO_BROKER)) return [];
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
			tally: world.tallies.broker,
		}),
	retell: (service, { stations }) => service.retell(stations),
	healthy: async (service, signal, _failingBefore, { edges }) => {
		const { now, pause } = edges.pace;
		for (const untilMs = now() + REACH_MS; !service.connected; await pause(LOOK_MS, signal)) {
			signal.throwIfAborted();
			if (now() > untilMs)
				throw new Failure('broker-refused', `it was not reached within ${REACH_MS / 1000} s`);
		}
	},
});

const alarms = row<AlarmsSettings, AlarmsService>({
	kind: 'alarms',
	on: ['journal'],
	after: [],
	live: ['stations'],
	specsOf: (config) => [['alarms', { box: config.box, stations: alarmsIn(config) }]],
	needs: () => [],
	begin: (settings, { log, edges: { search, timers, wallClock } }, standing) => {
		const { folder, journal, record } = recordsIn(standing);
		return startAlarms(settings, {
			journal,
			record,
			verdictsOf: (station, limit, signal) =>
				search(folder, { kind: 'events', query: { station, kind: 'verdict', limit } }, signal),
			wallClock,
			timers,
			log,
		});
	},
	retell: (service, { stations }) => service.retell(stations),
});

/** The alarms of the stations that have some. */
function alarmsIn({ stations, recipes }: Config): AlarmsSettings['stations'] {
	const each = Object.entries(stations).map(([name, { recipe }]) => [name, recipes[recipe]!.alarms] as const);
	return Object.fromEntries(each.filter(([, rules]) => Object.keys(rules).length > 0));
}

/** Of a station's settings. */
const LIVE = [
	'recipeName',
	'mostMemoryMb',
	...liveInRecipe.map((key) => `recipe.${key}`),
	'keep.pictures',
	'keep.frames',
];

const engines = row<EnginesSettings & { readonly journal: string }, EnginesService>({
	kind: 'engines',
	// Which engines a station must not run with is known before it begins.
	on: ['journal'],
	// Its last word is said, too.
	after: ['broker'],
	live: [],
	specsOf: ({ box, journal: { folder: journal }, engines: { folder, build, limitS } }) => [
		['engines', { box, folder: folder!, build, limitS, journal: journal! }],
	],
	needs: () => [],
	begin: (settings, world, standing) => {
		const { record } = recordsIn(standing);
		const { env, secrets, log, engines: choices, edges } = world;
		const shelf = edges.engineShelf(settings.folder, settings.journal, env);
		return startEngines(settings, {
			...shelf,
			stations: () => stationsSeen(world.config(), record.states()),
			build: (request, job) => buildEngineInChild(request, { env, startJob: edges.startJob, ...job }),
			isTeaching: () => servicesOf<LessonService>(lesson.kind, world)[0]?.current?.state === 'teaching',
			move: (seen, engine, signal) => moveToEngine(seen, engine, signal, world),
			choices,
			record,
			pace: edges.pace,
			wallClock: edges.wallClock,
			secrets,
			log,
		});
	},
});

function stationsSeen(config: Config | null, states: readonly StationState[]): readonly StationSeen[] {
	const { stations = {}, recipes = {} } = config ?? {};
	return Object.entries(stations).map(([name, { recipe }]) => ({
		station: name,
		recipe: recipes[recipe]!,
		state: states.find((state) => state.station === name),
	}));
}

/** By the door of edits. @throws Refusal */
async function moveToEngine(
	{ station: name, recipe }: StationSeen,
	engine: string,
	signal: AbortSignal,
	{ edits, config, engines: choices, log }: ServicesWorld,
): Promise<void> {
	const known = edits();
	if (!known)
		throw new Refusal('conflict', 'This daemon runs without a configuration file: nothing is moved');
	await known.editor.renew(
		() => {
			const [seen] = stationsSeen(config(), []).filter(({ station: other }) => other === name);
			// An edit was quicker.
			if (!seen || printOf(seen.recipe) !== printOf(recipe)) return undefined;
			return choices.choose(name, seen.recipe, engine);
		},
		{ signal, progress: (_done, _of, line) => log('info', 'engines', line, 'engine.progress') },
	);
}

const station = row<StationSettings, StationService>({
	kind: 'station',
	on: ['journal'],
	// Its last word is said, too.
	after: ['broker'],
	live: LIVE,
	specsOf: ({ box, stations, recipes, journal, engines }, choices) =>
		Object.entries(stations).map(([name, { camera, recipe, mostMemoryMb }]) => [
			`station ${name}`,
			{
				box,
				station: name,
				recipeName: recipe,
				// Its alarms are watched over here, and are nothing to it.
				recipe: { ...recipes[recipe]!, alarms: {} },
				camera,
				engineFolder: engines.folder!,
				engine: choices.of(name, recipes[recipe]!),
				keep: { pictures: journal.pictures, frames: journal.frames },
				mostMemoryMb,
			},
		]),
	needs: (settings, running) => {
		const { station: name, recipeName, recipe, camera, engineFolder } = settings;
		const before = running.find((other) => other.station === name);
		if (before && canBeTold(before, settings, LIVE)) return [];
		const inUse = running.map((other) => other.camera);
		const cameraNeed = {
			path: `stations.${name}`,
			attempt: (world: ProbeWorld) => tryCamera(camera, inUse, world),
		};
		return [bundleNeed(recipeName, recipe, engineFolder), cameraNeed];
	},
	holds: ({ camera }) => [placeOf(camera.source)],
	prepare: {
		path: ({ recipeName }) => `recipes.${recipeName}`,
		attempt: async (settings, world, signal) => {
			const engine = world.engines.demanded(settings.station);
			const start = startOf(settings, world);
			const held = await holdStation(start, () => stationChild(world), signal, {
				engine,
				timers: world.edges.timers,
			});
			return { ...held, begin: (standing) => beginStation(settings, world, standing, held) };
		},
	},
	begin: (settings, world, standing) => beginStation(settings, world, standing),
	retell: (service, settings) => {
		const { recipeName, recipe, keep, mostMemoryMb } = settings;
		service.keepWithin(bytesOf(mostMemoryMb));
		service.retell({ recipeName, recipe, keep, revision: revisionOf(settings) });
	},
	healthy: (service, signal, failingBefore) => service.healthy(signal, failingBefore),
	heeded: (service, signal) => service.heeded(signal),
});

function startOf(
	settings: StationSettings,
	{ boot, engines, config }: ServicesWorld,
): Extract<StationDown, { kind: 'start' }> {
	const { engine: _, mostMemoryMb: _most, ...told } = settings;
	const shunned = engines.shunned(told.station, told.recipe);
	// No setting of the station: another one beside it must not start it anew.
	const stations = Object.keys(config()?.stations ?? {}).length;
	return { kind: 'start', boot, revision: revisionOf(settings), shunned, stations, ...told };
}

function bytesOf(megabytes: number | undefined): number | undefined {
	return megabytes === undefined ? undefined : megabytes * 1e6;
}

function stationChild({ env, edges }: ServicesWorld): Child<StationDown, StationUp> {
	return edges.startStation(env);
}

/** `held`: its first process, where that waits already. */
function beginStation(
	settings: StationSettings,
	world: ServicesWorld,
	standing: Running<Movable>,
	held?: HeldStation,
): StationService {
	const { log, onState, onVerdict, edges } = world;
	const { pace, timers, wallClock, machineMs } = edges;
	const { record, journal } = recordsIn(standing);
	const name = settings.station;
	const tell = stateLog(log, name);
	return startStation(
		startOf(settings, world),
		{
			startChild: () => held?.take() ?? stationChild(world),
			tally: world.tallies.station(name),
			log,
			pace,
			timers,
			wallClock,
			machineMs,
			deadlines: world.deadlines,
			limits: stationLimits,
			memoryOf: shareOf,
			mostBytes: bytesOf(settings.mostMemoryMb),
			rests: world.rests,
			engine: world.engines.demanded(name),
			shunned: (recipe) => world.engines.shunned(name, recipe),
		},
		{
			onState: (told) => {
				const state = record.state(told);
				tell(state);
				onState(state);
			},
			onVerdict: async (verdict, pictures) => {
				const event = await record.verdict(verdict, pictures);
				if (event) onVerdict(event, journal.series);
				return event;
			},
			onPart: record.part,
			onKept: record.kept,
			onLate: record.late,
		},
	);
}

const lesson = row<LessonSettings, LessonService>({
	kind: 'lesson',
	on: ['journal'],
	// Its last word is said, too.
	after: ['broker', 'station'],
	live: [],
	specsOf: ({ box, journal: { folder } }) => [['lesson', { box, folder: folder! }]],
	needs: () => [],
	begin: (settings, world, standing) =>
		startLesson(settings, {
			...world,
			...recordsIn(standing),
			stationOf: (name) =>
				servicesOf<StationService>(station.kind, world).find(({ vitals }) => vitals.station === name),
			teach: async (request, job) => {
				await servicesOf<EnginesService>(engines.kind, world)[0]?.yielded(job.signal);
				return teachInChild(request, { env: world.env, startJob: world.edges.startJob, ...job });
			},
			freeBytesAt: async (folder) => (await world.edges.machine().spaceAt(folder)).freeBytes,
			files: world.edges.files,
			pace: world.edges.pace,
			wallClock: world.edges.wallClock,
		}),
});

const signals = row<SignalsSettings, SignalsService>({
	kind: 'signals',
	// It knows which signals were taken on.
	on: ['journal'],
	after: ['station'],
	live: [],
	specsOf: ({ stations, recipes }) =>
		Object.entries(stations).flatMap(([name, { recipe }]): [string, SignalsSettings][] => {
			const { mode, file, gpio } = recipes[recipe]!.trigger;
			const from =
				mode === 'file' && file !== undefined ? { file } : mode === 'gpio' && gpio ? { gpio } : undefined;
			return from ? [[`trigger ${name}`, { station: name, ...from }]] : [];
		}),
	needs: (settings) => {
		if (!('gpio' in settings)) return [];
		const attempt = ({ env }: ProbeWorld) => tryLine(settings.gpio, env);
		return [{ path: `stations.${settings.station}.recipe`, attempt }];
	},
	begin: (settings, world, standing) =>
		startSignals(settings, {
			...world,
			pace: world.edges.pace,
			files: world.edges.files,
			watchLine: world.edges.watchLine,
			known: () => recordsIn(standing).journal.takenOf(settings.station),
			station: () =>
				servicesOf<StationService>(station.kind, world).find(({ name }) => name === settings.station),
		}),
	healthy: (service, signal) => service.healthy(signal),
});

const schedule = row<ScheduleSettings & { readonly box: string }, Service>({
	kind: 'schedule',
	on: ['journal'],
	after: ['station'],
	live: [],
	// Quiet hours are no job: stations look at the clock themselves.
	specsOf: ({ box, schedule: { quiet: _, ...schedule } }) =>
		JOBS.some((job) => schedule[job] !== undefined) ? [['schedule', { box, ...schedule }]] : [],
	needs: () => [],
	begin: ({ box, ...settings }, world, standing) => {
		const { folder, journal, record } = recordsIn(standing);
		const stations = () => servicesOf<StationService>(station.kind, world);
		const reporting = {
			box,
			stations: () => stations().map(({ name }) => name),
			counts: (signal: AbortSignal) => world.edges.search(folder, { kind: 'counts' }, signal),
			record,
			wallClock: world.edges.wallClock,
		};
		return startSchedule(settings, {
			work: {
				selfCheck: (signal) => checkAll(stations(), world.edges.timers, signal),
				report: (signal) => report(reporting, signal),
				vacuum: async (signal) =>
					`${((await journal.vacuum(signal)) / 1e6).toFixed(1)} MB were given back to the disk`,
			},
			at: world.edges.scheduleAt,
			log: world.log,
		});
	},
});

/** @returns in words what was found @throws Failure which station does not score as it should */
async function checkAll(
	stations: readonly StationService[],
	timers: Timers,
	signal: AbortSignal,
): Promise<string> {
	using limit = timeLimitBy(timers, SELF_CHECK_MS, signal);
	expectWaiters(limit.signal, stations.length);
	const found = await Promise.allSettled(stations.map((one) => one.selfCheck(limit.signal)));
	signal.throwIfAborted();
	const failed = found.flatMap((one, i) =>
		one.status === 'rejected' ? [`${stations[i]!.name}: ${reasonOf(one.reason)}`] : [],
	);
	if (failed.length > 0) throw new Failure('bundle-golden', failed.join('; '));
	return `${countOf(stations.length, 'station')} scored the golden vectors as they should`;
}

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
			alarms: () => servicesOf<AlarmsService>(alarms.kind, world)[0],
			tallies: world.tallies,
			silent: world.silent,
			machine: world.edges.machine(),
			pace: world.edges.pace,
			wallClock: world.edges.wallClock,
		});
	},
});

const metrics = row<{ readonly listen: string }, Endpoint>({
	kind: 'metrics',
	on: [],
	after: ['health'],
	live: [],
	specsOf: ({ metrics: { listen } }) => (listen === undefined ? [] : [['metrics', { listen }]]),
	needs: ({ listen }, running) =>
		running.some((other) => other.listen === listen)
			? []
			: [{ path: 'metrics.listen', attempt: () => tryToListen(listen) }],
	begin: ({ listen }, world) =>
		world.edges.startEndpoint(listen, {
			text: async () => {
				const [service] = servicesOf<HealthService>(health.kind, world);
				if (!service) throw new Error('nothing runs that knows how the box is');
				return exposition(await service.look());
			},
			pace: world.edges.pace,
			log: world.log,
		}),
});

/** Those of a kind that run now. */
function servicesOf<S extends Service>(kind: string, { running }: ServicesWorld): readonly S[] {
	return [...running().values()].flatMap(({ spec, service }) => (spec.kind === kind ? [service as S] : []));
}

/** Something that the state of the box tells is another now. */
export function tellBoxState(running: Running<Movable>): void {
	for (const { spec, service } of running.values())
		if (spec.kind === broker.kind) (service as BrokerService).tell();
}

function recordsIn(standing: Running<Movable>): Records {
	return standing.get('journal')!.service as Records;
}

/** In the order in which they start. */
const TABLE = [
	journal,
	control,
	broker,
	alarms,
	engines,
	station,
	signals,
	lesson,
	schedule,
	health,
	metrics,
];

/** The services that a configuration wants. What several of them need is tried once. */
export function specsOf(config: Config, world: ServicesWorld): readonly Movable[] {
	const attempt = attempts();
	return TABLE.flatMap(({ specsOf }) => specsOf(config, world, attempt));
}

/** Everything that a configuration needs, each once: also bundles of recipes that no station runs. */
export function needsOf(config: Config): readonly Need[] {
	const { recipes, engines } = config;
	const bundles = Object.entries(recipes).map(([name, recipe]) => bundleNeed(name, recipe, engines.folder!));
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

function bundleNeed(name: string, recipe: RecipeConfig, engineFolder: string): Need {
	return {
		path: `recipes.${name}`,
		isLarge: true,
		attempt: (world) => tryBundle({ recipe, engineFolder }, world),
	};
}

/** Nothing was moved to any. */
const noEngines: Pick<EngineChoices, 'of'> = { of: () => null };

/** What is special about a kind of service stays behind functions. */
function row<Settings, S extends Service>({
	kind,
	on,
	after,
	live,
	retell,
	holds,
	prepare,
	...row
}: Row<Settings, S>) {
	return {
		kind,
		needsOf: (config: Config): readonly Need[] =>
			row.specsOf(config, noEngines).flatMap(([, settings]) => row.needs(settings, [], [])),
		specsOf: (config: Config, world: ServicesWorld, attempt: Attempt): readonly Movable[] =>
			row.specsOf(config, world.engines).map(([name, settings]) => ({
				kind,
				name,
				settings,
				on,
				after,
				live: retell ? live : [],
				...(holds && { holds: holds(settings) }),
				probe: (running, signal, isPrepared = false) => {
					const same = running.flatMap((spec) => (spec.kind === kind ? [spec.settings as Settings] : []));
					const note = (line: string) => world.log('info', name, line, 'probe.noted');
					const probing = { env: world.env, edges: world.edges, note, signal };
					// A model is not opened twice.
					const needs = row
						.needs(settings, same, servicesOf<S>(kind, world))
						.filter(({ isLarge }) => !(isPrepared && isLarge));
					return Promise.all(needs.map((need) => attempt(need, probing)));
				},
				...(prepare && {
					prepare: {
						path: prepare.path(settings),
						attempt: (signal: AbortSignal) => prepare.attempt(settings, world, signal),
					},
				}),
				begin: (standing) => row.begin(settings, world, standing),
				retell: (service) => retell?.(service as S, settings),
				healthy: async (service, signal, { how, failingBefore }) =>
					how === 'told'
						? row.heeded?.(service as S, signal)
						: row.healthy?.(service as S, signal, failingBefore, world),
			})),
	};
}

/** Logs what a station does. One that fails again and again in the same way starts in between, and is logged once. */
function stateLog(log: Log, station: string): (state: StationState) => void {
	let logged = '';
	return ({ state, error, degraded, drift }) => {
		const short = state === 'running' ? degraded : null;
		const line = [
			state,
			error?.message,
			short && `degraded: ${short.message}`,
			drift.length > 0 && `drift of ${drift.map(({ measure }) => measure).join(', ')}`,
		]
			.filter(Boolean)
			.join(': ');
		if (line === logged || (state === 'starting' && logged !== '')) return;
		log(state === 'error' ? 'error' : short ? 'warning' : 'info', station, line, 'station.state');
		logged = line;
	};
}
