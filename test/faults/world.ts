import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import type { Movable, Running } from '../../src/control/movable.js';
import { move } from '../../src/control/move.js';
import { createAlarmClock } from '../../src/daemon/alarm-clock.js';
import type { Edges } from '../../src/daemon/edges.js';
import { createEngineChoices } from '../../src/daemon/engine-choices.js';
import { type ServicesWorld, specsOf } from '../../src/daemon/services.js';
import { createTallies } from '../../src/daemon/tally.js';
import { unknownClock } from '../../src/protocol/verdict.js';
import { openSearch, type Query } from '../../src/sqlite/search.js';
import { type BrokerFault, createBroker } from './broker.js';
import { type SimulatedChild, type StationFault, startChild } from './child.js';
import { createDisk, type DiskFault } from './disk.js';
import { openLedger } from './ledger.js';
import { createBelt, DELAY_MS, exposedMs, frameThing, isGoodFrame, WITHIN_MS } from './plant.js';
import { type Being, createTime } from './time.js';

export type Outcome = {
	readonly seed: number;
	readonly simulatedHours: number;
	readonly parts: number;
	readonly counts: Readonly<Record<string, number>>;
	/** What must never be, with the moment at which it was. */
	readonly violations: readonly string[];
};

const ROOT = 'inspectord';
const BOX = 'sim';
/** Parts of one station are announced, at the others every frame is one. */
const ANNOUNCED = 'cap';
const EVERY = ['lid', 'rim', 'seam', 'label', 'code', 'thread', 'base'] as const;
/** Of what the daemon runs: the rest looks at the machine itself. */
const KINDS = ['journal', 'control', 'broker', 'alarms', 'station', 'signals'];

/** Of one seed. */
const MOST_TOLD = 20;

const START_MS = 1_760_000_000_000;
/** From one part to the next, and how soon a daemon that died is started again. */
const PART_MS = { least: 700, more: 900 } as const;
const RESTART_MS = 2000;
/** Between two faults, and so long one lasts at most. */
const FAULT_MS = { between: 20_000, most: 25_000 } as const;
/** After so much time all faults end, and everything must be well after a while. */
const PERIOD_MS = 600_000;
const HEAL_MS = 400_000;
const CLOSING_MS = 10_000;
const MOST_LEAP_MS = 7_200_000;

/** Orderly ends and edits get so long. */
const LIMITS = {
	probe: 60_000,
	prepare: 60_000,
	stop: 10_000,
	start: 60_000,
	retell: 10_000,
	health: 60_000,
};

/** A part that waits for it is judged within this time of its signal. */
const DEADLINE_MS = 3000;

/** `every`: the stations where every frame is a part. */
function configWith(folder: string, threshold: number, every: readonly string[]): Config {
	const trigger = { mode: 'request', delayMs: DELAY_MS, withinMs: WITHIN_MS, queue: 4 };
	const recipe = { model: 'bundle', threshold, deadlineMs: DEADLINE_MS };
	const names = [ANNOUNCED, ...every];
	const stationAt = (name: string, i: number) => [
		name,
		{ camera: { source: `${i}`, timeoutMs: 2000 }, recipe: name },
	];
	const parsed = configSchema.parse({
		box: BOX,
		mqtt: { url: 'mqtt://broker' },
		control: { remote: 'operator' },
		stations: Object.fromEntries(names.map(stationAt)),
		recipes: {
			[ANNOUNCED]: { ...recipe, trigger },
			...Object.fromEntries(every.map((name) => [name, { ...recipe, trigger: { everyMs: 100 } }])),
		},
	});
	return { ...parsed, journal: { ...parsed.journal, folder } };
}

/** `hours`: simulated; `periodMs`: with faults, between two times without; `stations`: that judge every frame, drawn where they are left out. */
export type Simulated = { readonly hours: number; readonly periodMs?: number; readonly stations?: number };

/** One box, its line and its broker in simulated time, with faults that the seed draws. `at`: a folder; `told`: hears what its daemons log. */
export async function simulate(
	seed: number,
	{ hours, periodMs = PERIOD_MS, stations }: Simulated,
	at: string,
	told?: (line: string) => void,
): Promise<Outcome> {
	const random = randomFrom(seed);
	const folder = mkdtempSync(join(at, `seed-${seed}-`));
	const time = createTime(random.uniform);
	const nature = time.createBeing();
	const violations: string[] = [];
	const violated = (what: string): void => {
		if (violations.length < MOST_TOLD) violations.push(`at ${(time.now() / 1000).toFixed(3)} s: ${what}`);
	};
	const unexpected = (thrown: unknown) => violated(`a fault of ours: ${(thrown as Error)?.stack ?? thrown}`);
	process.on('unhandledRejection', unexpected);
	const belt = createBelt(ANNOUNCED, random);
	const every = EVERY.slice(0, stations ?? 1 + random.below(EVERY.length));
	const goodOf = (name: string): boolean | undefined => ledger.goodOf(name) ?? isGoodFrame(name);
	const ledger = openLedger(ROOT, goodOf, violated);
	let heardAnswer = (_: { readonly id: string | null; readonly code: string }): void => {};
	const broker = createBroker(nature, (topic, payload) => {
		if (topic.includes('/answer/')) heardAnswer(JSON.parse(new TextDecoder().decode(payload)));
		else ledger.hear(topic, payload);
	});
	const disk = createDisk();
	const faults = new Map([ANNOUNCED, ...every].map((name) => [name, new Set<StationFault>()]));
	let aheadMs = START_MS;
	const wallClock = () => aheadMs + time.now();
	let threshold = 0.5;
	let life: Life | undefined;
	let parts = 0;

	/** One daemon from its start to its end. */
	type Life = {
		readonly being: Being;
		readonly children: Set<SimulatedChild>;
		end(isOrderly: boolean): Promise<void>;
		edit(config: Config): Promise<void>;
	};
	const begin = (): Life => {
		const being = time.createBeing();
		const children = new Set<SimulatedChild>();
		const over = new AbortController();
		let writer: { abandon(): void } | undefined;
		const edges: Edges = {
			pace: being,
			timers: being,
			wallClock,
			machineMs: being.now,
			bootId: async () => null,
			watchClock: () => ({ name: 'clock', clock: unknownClock, [Symbol.asyncDispose]: async () => {} }),
			startStation: () => {
				const child: SimulatedChild = startChild({
					daemon: being,
					process: time.createBeing(),
					wallClock,
					faultsOf: (name) => faults.get(name),
					show: (name, frame) =>
						name === ANNOUNCED ? belt.seenAt(exposedMs(frame)) : frameThing(name, frame),
					onFault: unexpected,
				});
				children.add(child);
				void child.ended.then(() => children.delete(child));
				return child;
			},
			connect: (login) => broker.connect(being, login),
			startWriter: () => {
				const port = disk.openWriter(being);
				writer = port;
				return port;
			},
			makeFolder: async (path) => void mkdirSync(path, { recursive: true }),
			openPictures: async () => disk.files,
			search: async (place, search) => {
				using found = openSearch(place);
				if (search.kind !== 'events') throw new Error('nobody asks for more');
				const { query } = search as { readonly query: Query };
				return [...found.find(query)] as never;
			},
			listen: async () => ({ [Symbol.asyncDispose]: async () => {} }),
		};
		let running: Running<Movable> = new Map();
		const tallies = createTallies(being.now());
		const world: ServicesWorld = {
			edges,
			env: {},
			version: '0',
			boot: null,
			log: (level, about, said) => told?.(`${(time.now() / 1000).toFixed(3)} ${level} ${about}: ${said}`),
			secrets: [],
			conceal: () => {},
			onState: () => {},
			onVerdict: () => {},
			running: () => running,
			deadlines: createAlarmClock(being.now, being),
			troubles: () => [],
			logLines: () => [],
			edits: () => undefined,
			config: () => null,
			engines: createEngineChoices(),
			tallies,
			silent: () => [],
			rests: () => false,
		};
		const moveTo = async (config: Config | null): Promise<void> => {
			const wanted = config ? specsOf(config, world).filter(({ kind }) => KINDS.includes(kind)) : [];
			const moved = await move(running, wanted, {
				pace: being,
				limits: LIMITS,
				leastStopMs: 6000,
				probesAtOnce: 1,
				signal: over.signal,
				onChange: (now) => {
					running = now;
				},
			});
			({ running } = moved);
			for (const { reason } of moved.setbacks) if (!(reason instanceof Error)) unexpected(reason);
		};
		let moving = moveTo(configWith(folder, threshold, every)).catch(unexpected);
		return {
			being,
			children,
			edit: (config) => {
				moving = moving.then(() => (being.alive ? moveTo(config) : undefined)).catch(unexpected);
				return moving;
			},
			end: async (isOrderly) => {
				if (isOrderly) {
					await moving.then(() => moveTo(null)).catch(unexpected);
					if (!being.alive) return;
				} else {
					writer?.abandon();
					over.abort();
				}
				if (disk.isFaulty) ledger.excuse();
				being.kill();
				broker.lose();
				for (const child of children) child.orphan();
			},
		};
	};
	const restartIn = (ms: number) =>
		nature.later(ms, () => {
			life = begin();
		});

	let isCalm = false;
	let closesMs = 0;
	/** The line announces a part, and asks the box for its verdict. */
	const bring = (): void => {
		nature.later(PART_MS.least + PART_MS.more * random.uniform(), bring);
		// What is on its way when the books are closed is not missing.
		if (isCalm && time.now() > closesMs - CLOSING_MS) return;
		const part = belt.bring(time.now());
		ledger.announced(part);
		parts += 1;
		const ask = { id: part.name, client: 'line', station: ANNOUNCED, part: part.name };
		const topic = `${ROOT}/${BOX}/request/operator/trigger`;
		if (life) broker.publish(topic, new TextEncoder().encode(JSON.stringify(ask)), life.being);
	};
	heardAnswer = ({ id, code }) => {
		if (id !== null && code === 'ok') ledger.made(id);
	};

	const acts = faultsOf({
		broker,
		disk,
		stations: [...faults.values()],
		life: () => life,
		restartIn,
		leap: (ms) => {
			aheadMs += ms;
		},
		edit: () => {
			threshold = threshold === 0.5 ? 0.6 : 0.5;
			void life?.edit(configWith(folder, threshold, every));
		},
		random: random.uniform,
		away: () => {
			life = undefined;
		},
	});
	const ending = new Set<() => void>();
	const trouble = (): void => {
		nature.later(-Math.log(1 - random.uniform()) * FAULT_MS.between, trouble);
		if (isCalm) return;
		const act = acts[random.below(acts.length)]!;
		told?.(`${(time.now() / 1000).toFixed(3)} fault: ${act.name}`);
		const end = act.begin();
		if (!end) return;
		const over = () => {
			if (ending.delete(over)) end();
		};
		ending.add(over);
		nature.later(random.uniform() * FAULT_MS.most, over);
	};

	life = begin();
	bring();
	trouble();
	const untilMs = hours * 3_600_000;
	const isOver = () => violations.length > 0;
	try {
		for (let doneMs = 0; doneMs < untilMs && violations.length === 0; doneMs += periodMs + HEAL_MS) {
			isCalm = false;
			closesMs = doneMs + periodMs + HEAL_MS;
			await time.pass(doneMs + periodMs, () => {}, isOver);
			isCalm = true;
			for (const end of [...ending]) end();
			await time.pass(doneMs + periodMs + HEAL_MS, () => {}, isOver);
			if (violations.length === 0) ledger.settle();
		}
	} catch (thrown) {
		violated(reasonOf(thrown));
	} finally {
		await life?.end(false);
		process.off('unhandledRejection', unexpected);
		rmSync(folder, { recursive: true, force: true });
	}
	const { accepted, rejected, errors, again, gaps } = ledger.counts;
	return {
		seed,
		simulatedHours: time.now() / 3_600_000,
		parts: ledger.counts.verdicts,
		counts: { announced: parts, accepted, rejected, errors, again, gaps },
		violations,
	};
}

type FaultsWorld = {
	readonly broker: ReturnType<typeof createBroker>;
	readonly disk: ReturnType<typeof createDisk>;
	readonly stations: readonly Set<StationFault>[];
	readonly life: () =>
		| { readonly children: ReadonlySet<SimulatedChild>; end(isOrderly: boolean): Promise<void> }
		| undefined;
	readonly away: () => void;
	readonly restartIn: (ms: number) => void;
	readonly leap: (ms: number) => void;
	readonly edit: () => void;
	readonly random: () => number;
};

/** What may happen: each begins, and some end again. */
function faultsOf({ broker, disk, stations, life, away, restartIn, leap, edit, random }: FaultsWorld) {
	const ofBroker = (fault: BrokerFault) => ({
		name: `broker ${fault}`,
		begin: () => {
			broker.begin(fault);
			return () => broker.end(fault);
		},
	});
	const ofDisk = (fault: DiskFault) => ({
		name: `disk ${fault}`,
		begin: () => {
			disk.begin(fault);
			return () => disk.end(fault);
		},
	});
	const ofStation = (fault: StationFault) => ({
		name: fault,
		begin: () => {
			const of = stations[Math.floor(random() * stations.length)]!;
			of.add(fault);
			return () => void of.delete(fault);
		},
	});
	const anyChild = (): SimulatedChild | undefined => {
		const children = [...(life()?.children ?? [])];
		return children[Math.floor(random() * children.length)];
	};
	const daemonEnds = (name: string, isOrderly: boolean) => ({
		name,
		begin: () => {
			const ended = life();
			if (!ended) return undefined;
			away();
			void ended.end(isOrderly).then(() => restartIn(RESTART_MS));
			return undefined;
		},
	});
	const rows: readonly { readonly name: string; readonly begin: () => (() => void) | undefined }[] = [
		...(['refuses', 'swallows', 'drops', 'slow', 'full', 'forgets'] as const).map(ofBroker),
		...(['full', 'slow', 'failing'] as const).map(ofDisk),
		...(
			[
				'camera refuses',
				'camera silent',
				'camera frozen',
				'model slow',
				'model fails',
				'model of no number',
				'model elsewhere',
			] as const
		).map(ofStation),
		{
			name: 'station killed',
			begin: () => {
				anyChild()?.kill();
				return undefined;
			},
		},
		{
			name: 'station stopped',
			begin: () => {
				const child = anyChild();
				child?.process.stop();
				return child && (() => child.process.resume());
			},
		},
		daemonEnds('daemon killed', false),
		daemonEnds('daemon ended', true),
		...([1, -1] as const).map((sign) => ({
			name: sign > 0 ? 'clock ahead' : 'clock back',
			begin: () => {
				leap(sign * MOST_LEAP_MS * random());
				return undefined;
			},
		})),
		{
			name: 'an edit',
			begin: () => {
				edit();
				return undefined;
			},
		},
	];
	return rows;
}
