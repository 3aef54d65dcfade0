import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Failure, reasonOf } from '../../src/base/failure.js';
import { oneOf, randomFrom } from '../../src/base/random.js';
import { openConfigFile } from '../../src/daemon/config-file.js';
import { runDaemon } from '../../src/daemon/daemon.js';
import type { Edges } from '../../src/daemon/edges.js';
import type { Machine } from '../../src/daemon/machine.js';
import { watchCondition } from '../../src/machine/condition.js';
import { instantOf } from '../../src/protocol/fields.js';
import { unknownClock } from '../../src/protocol/verdict.js';
import { openSearch, type Query } from '../../src/sqlite/search.js';
import { type BrokerFault, createBroker } from './broker.js';
import { type ChildWorld, type StationFault, startJob, startProbe, startStation } from './child.js';
import { createWallClock, type WallClock } from './clock.js';
import { createDisk, type DiskFault } from './disk.js';
import { type Answered, createEngineer, FIRST_THRESHOLD, type Said } from './engineer.js';
import { createEngines, type EnginesBox } from './engines.js';
import { filesOf } from './files.js';
import { openLedger, type Reported } from './ledger.js';
import { hasJournal, partsOwedIn, wordsOwedIn } from './owed.js';
import { JOBS, PLANS, TURNS_MS } from './plans.js';
import { type Belt, createBelt, DELAY_MS, exposedMs, frameThing, isGoodFrame, WITHIN_MS } from './plant.js';
import type { SimulatedChild } from './process.js';
import { createShelf, FIRST_BUNDLE, sourceOf } from './shelf.js';
import { createSignaller } from './signaller.js';
import { createTeacher } from './teacher.js';
import { type Being, createTime } from './time.js';
import { createWire, DEBOUNCE_MS, type Wire, type WireFault } from './wire.js';

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
/** Parts of three stations are announced, by requests, by files and by the edges of a line; at the others every frame is one. */
const [ANNOUNCED, FILED, LINED] = ['cap', 'nut', 'pin'];
const SIGNAL = 'signal';
const EVERY = ['lid', 'rim', 'seam', 'label', 'code', 'thread', 'base'] as const;
const nothing = (): void => {};

const UTF8 = new TextDecoder();

/** Of one seed. */
const MOST_TOLD = 20;

const START_MS = 1_760_000_000_000;
const EVERY_MS = 100;
/** From one part to the next, some of which come sooner, and how soon a daemon that died is started again. */
const PART_MS = { least: 700, more: 900 } as const;
const SOON = 0.4;
const SOON_MS = { least: 150, more: 150 } as const;
const RESTART_MS = 2000;
/** Between two faults, and so long one lasts at most. */
const FAULT_MS = { between: 20_000, most: 25_000 } as const;
/** So many kinds of them come at a time. */
const OF_KINDS = 0.6;
/** After so much time all faults end, and everything must be well after a while. */
const PERIOD_MS = 600_000;
const HEAL_MS = 400_000;
const CLOSING_MS = 10_000;
/** By then a part of a process that died has its error; none is stopped for so long. */
const LOST_MS = 40_000;
const LOOK_OWED_MS = 10_000;
/** So long a station takes that goes back to the heaviest bundle. */
const BACK_MS = 40_000;
/** In this time before the end of a calm every edge of the line is heard. */
const SURE_MS = 150_000;
/** Metrics are looked at so long before. */
const LOOK_MS = 1000;
const MOST_LINED = 4096;
/** Files of a signal and of an edit: more than the steps of either. */
const MOST_STEPS = 16;
const MOST_LEAP_MS = 7_200_000;
const MONTH_MS = 2_592_000_000;
/** So soon after a lesson has its bundle the daemon dies, and for so long the disk is full then. */
const TAUGHT_MS = 10;
const FULL_MS = 10_000;
/** A process that is doomed dies within this time. */
const DOOM_MS = 2000;
/** Ends of a stop that are remembered. */
const MOST_RESUMED = 64;

/** A part that waits for it is judged within this time of its signal. */
const DEADLINE_MS = 3000;
/** After its deadline the daemon has so long to say so. */
const SAY_MS = 500;
/** So many parts are asked for again that were answered, within this time. */
const AGAIN = 0.05;
const AGAIN_MS = 3000;
/** A picture that is the very same for so long is not believed: the default of `quality.frozenMs`. */
const FROZEN_MS = 300;

/** After so long they do, unless their process was stopped so short a time before. */
const TO_REST_MS = 1000;
/** After so long they must have come back, or rest. */
const TURN_MS = 10_000;

const MINUTE_MS = 60_000;
/** What takes longer to build has failed. */
const BUILD_S = 60;
/** So long a report counts on a slow disk at most, and on another. */
const COUNT_MS = { slow: 30_000, else: 300 } as const;

/** What a box's file says. `every`: the stations where every frame is a part. */
function textWith(
	said: Said,
	{ every, everyMs, plan }: { every: readonly string[]; everyMs: number; plan: number },
): string {
	const names = [ANNOUNCED, FILED, LINED, ...every];
	const told = { delayMs: DELAY_MS, withinMs: WITHIN_MS, queue: 4 };
	const triggers: Readonly<Record<string, object>> = {
		[ANNOUNCED]: { mode: 'request', ...told },
		[FILED]: { mode: 'file', file: SIGNAL, ...told },
		[LINED]: { mode: 'gpio', gpio: { chip: 'gpiochip0', line: 5 }, debounceMs: DEBOUNCE_MS, ...told },
	};
	const triggerOf = (name: string) => triggers[name] ?? { everyMs };
	return [
		`box: ${BOX}`,
		'mqtt: { url: "mqtt://broker" }',
		'control: { remote: engineer, allow: { cameras: ["/dev/video*"] } }',
		'journal: { folder: journal }',
		`schedule: ${JSON.stringify(PLANS[plan]!.schedule)}`,
		'metrics: { listen: "127.0.0.1:9100" }',
		`engines: { folder: engines, limitS: ${BUILD_S} }`,
		'stations:',
		...names.map(
			(name) =>
				`  ${name}: { camera: { source: "${said[name]!.camera}", timeoutMs: 2000 }, recipe: ${name} }`,
		),
		'recipes:',
		...names.flatMap((name) => [
			`  ${name}:`,
			`    model: ${said[name]!.bundle}`,
			`    threshold: ${said[name]!.threshold}`,
			`    deadlineMs: ${DEADLINE_MS}`,
			`    trigger: ${JSON.stringify(triggerOf(name))}`,
		]),
		'',
	].join('\n');
}

export type Simulated = {
	/** Simulated. */
	readonly hours: number;
	/** With faults, between two times of `healMs` without. */
	readonly periodMs?: number;
	readonly healMs?: number;
	/** That judge every frame, drawn where they are left out. */
	readonly stations?: number;
	/** From one frame to the next that they judge: few cost little, and faults are the same. */
	readonly everyMs?: number;
	/** From one fault to the next, on average. */
	readonly betweenMs?: number;
};

/** One box, its line and its broker in simulated time, with faults that the seed draws. `at`: a folder; `told`: hears what its daemons log. */
export async function simulate(
	seed: number,
	{
		hours,
		periodMs = PERIOD_MS,
		healMs = HEAL_MS,
		stations,
		everyMs = EVERY_MS,
		betweenMs = FAULT_MS.between,
	}: Simulated,
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
	const warned = ({ stack }: Error) => violated(`Node warns: ${stack}`);
	process.on('unhandledRejection', unexpected);
	process.on('warning', warned);
	const belts: Readonly<Record<string, Belt>> = {
		[ANNOUNCED]: createBelt(ANNOUNCED, random),
		[FILED]: createBelt(FILED, random),
		[LINED]: createBelt(LINED, random),
	};
	const every = EVERY.slice(0, stations ?? 1 + random.below(EVERY.length));
	const firstPlan = random.uniform() < 0.5 ? 1 : 0;
	const goodOf = (name: string): boolean | undefined => ledger.goodOf(name) ?? isGoodFrame(name);
	let heardAnswer = (_: Answered): void => {};
	const broker = createBroker(
		nature,
		(topic, payload) => {
			if (topic.includes('/answer/')) heardAnswer(JSON.parse(UTF8.decode(payload)));
			else ledger.hear(topic, payload);
		},
		(topic, payload) => ledger.denied(topic, payload),
	);
	const path = join(folder, 'inspectord.yaml');
	const recipes = [ANNOUNCED, FILED, LINED, ...every];
	const textOf = (said: Said, plan: number) => textWith(said, { every, everyMs, plan });
	const first = recipes.map((name, place) => {
		const camera = sourceOf(place, 'shows');
		return [name, { threshold: FIRST_THRESHOLD, bundle: FIRST_BUNDLE, camera }] as const;
	});
	writeFileSync(path, textOf(Object.fromEntries(first), firstPlan));
	const shelf = createShelf();
	const clock = createWallClock(nature, START_MS);
	const wallClock = clock.now;
	/** A clock that leaps may make the journal forget them. */
	const reports: Reported[] = [];
	const disk = createDisk(time.now, ({ kind, part, body }) => {
		if (kind === 'verdict' && part !== null) ledger.recorded(part);
		if (kind === 'report') reports.push(JSON.parse(body));
		if (kind === 'lesson') teacher.noted(JSON.parse(body));
	});
	const engines = createEngines({
		shelf,
		disk,
		wallClock,
		random,
		ask: (request) => publish('engineer', 'engines', request),
		violated,
	});
	let isCalm = false;
	let closesMs = 0;
	const engineer = createEngineer({
		path,
		folder: join(folder, 'journal'),
		shelf,
		recipes,
		isSteady: (recipe) => every.some((name) => name === recipe),
		textOf,
		plan: firstPlan,
		nature,
		random,
		calmInMs: () => closesMs - healMs / 2 - time.now(),
		ask: (request) => publish('engineer', 'config', request),
		violated,
	});
	const teacher = createTeacher({
		folder: join(folder, 'journal'),
		stations: recipes,
		shelf,
		random,
		later: nature.later,
		ask: (request) => publish('engineer', 'teach', request),
		violated,
	});
	/** Frames that were taken then had nobody to rest. */
	const resumedMs: number[] = [];
	/** By each schedule that may have been in force. */
	const restedAt = (atMs: number): boolean =>
		engineer.plans().every((plan) => {
			const { quietMs } = PLANS[plan]!;
			return quietMs !== undefined && clock.showed(atMs, TO_REST_MS, quietMs);
		}) && !resumedMs.some((ms) => Math.abs(atMs - ms) < TO_REST_MS);
	const ledger = openLedger(ROOT, {
		isGood: goodOf,
		restedAt,
		linedAt: (_, at) => lined.get(at),
		isLined: (station) => station === LINED,
		isSureAt: (atMs) =>
			isCalm &&
			atMs > Math.max(closesMs - SURE_MS, engineer.idleSinceMs() + BACK_MS) &&
			atMs < closesMs - CLOSING_MS,
		deadlineMs: DEADLINE_MS,
		frozenMs: FROZEN_MS,
		violated,
		judged: (message, camera) => {
			engineer.judged(message, camera);
			engines.judged(message);
		},
		scoreOf: (bundle, isGood) => shelf.find(bundle)?.scores[isGood ? 0 : 1],
		toldConfiguration: engineer.toldConfiguration,
		toldLesson: teacher.told,
		toldEngines: engines.told,
	});
	const wire = createWire(nature);
	/** Parts whose edges were heard, by the moment that the box's clock showed. */
	const lined = new Map<string, string>();
	const machine = await simulatedMachine();
	const faults = new Map(recipes.map((name) => [name, new Set<StationFault>()]));
	const signal = join(folder, SIGNAL);
	const absent = new Set<string>();
	const signaller = createSignaller({
		path: signal,
		nature,
		random,
		wallClock,
		appeared: () => void absent.delete(signal),
	});
	let life: Life | undefined;
	/** So long after its start the next process dies. */
	let doomedMs: number | undefined;
	/** What happens when the next lesson has its bundle. */
	let atTaught = nothing;
	const taught = (name: string): string => {
		const id = shelf.add(name);
		atTaught();
		atTaught = nothing;
		return id;
	};
	let parts = 0;

	const owes = (what: readonly string[]): void => {
		for (const one of what) violated(`the box still owes ${one}`);
	};
	const publish = (role: string, name: string, request: object): boolean =>
		life !== undefined &&
		broker.publish(
			`${ROOT}/${BOX}/request/${role}/${name}`,
			new TextEncoder().encode(JSON.stringify(request)),
			life.being,
		);

	/** One daemon from its start to its end. */
	type Life = {
		readonly being: Being;
		readonly fromMs: number;
		readonly children: Set<AnyChild>;
		/** In Prometheus' text; undefined while nobody tells them. */
		metrics(): Promise<string> | undefined;
		reread(): void;
		end(isOrderly: boolean): Promise<void>;
	};
	const begin = (): Life => {
		const being = time.createBeing();
		const children = new Set<AnyChild>();
		let counting = 0;
		/** One of its jobs. */
		let isAtWork = false;
		const over = new AbortController();
		let reread = () => {};
		let metrics: (() => Promise<string>) | undefined;
		ledger.begins(eventsIn(join(folder, 'journal')));
		engineer.begins();
		/** One of its processes. */
		const begun = <C extends AnyChild>(start: (world: ChildWorld) => C): C => {
			const child = start({
				daemon: being,
				process: time.createBeing(),
				wallClock,
				shelf: { ...shelf, add: taught },
				engines,
				stationAt: (place) => recipes[place]!,
				faultsOf: (name) => faults.get(name),
				show: (name, frame) => belts[name]?.seenAt(exposedMs(frame)) ?? frameThing(name, frame),
				onFault: unexpected,
			});
			children.add(child);
			void child.ended.then(() => children.delete(child));
			if (doomedMs !== undefined) being.later(doomedMs, child.kill);
			doomedMs = undefined;
			return child;
		};
		let writer: { abandon(): void } | undefined;
		const edges: Edges = {
			pace: being,
			timers: being,
			wallClock,
			machineMs: being.now,
			bootId: async () => null,
			upMs: being.now,
			machine: () => machine,
			scheduleAt: (expression, name, task) => {
				const minutes = Number(/^\*\/(\d+) \* \* \* \*$/.exec(expression)![1]);
				const silence = clock.every(minutes * MINUTE_MS, () => being.alive && task());
				return { name, [Symbol.asyncDispose]: async () => silence() };
			},
			files: filesOf(being, disk.faults, absent, atStep),
			watchFolder: () => {},
			watchClock: () => ({ name: 'clock', clock: unknownClock, [Symbol.asyncDispose]: async () => {} }),
			watchLine: (_line, _env, hearer, signal) => wire.watch(being, hearer, signal),
			startStation: () => begun(startStation),
			startProbe: () => begun(startProbe),
			startJob: () => {
				if (isAtWork) violated('two jobs are at work at once');
				isAtWork = true;
				const child = begun(startJob);
				void child.ended.then(() => {
					isAtWork = false;
				});
				return child;
			},
			engineShelf: () => engines.shelfOf(being),
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
				if (search.kind === 'counts') {
					counting += 1;
					if (counting > 1) violated('two reports are made at once');
					const counts = found.counts();
					await being.pause(
						COUNT_MS[disk.faults.has('slow') ? 'slow' : 'else'] * being.chance(),
						over.signal,
					);
					counting -= 1;
					return counts as never;
				}
				if (search.kind !== 'events') throw new Error('nobody asks for more');
				const { query } = search as { readonly query: Query };
				return [...found.find(query)] as never;
			},
			listen: async () => ({ [Symbol.asyncDispose]: async () => {} }),
			startEndpoint: (_listen, { text }) => {
				metrics = text;
				const end = async () => {
					metrics = undefined;
				};
				return { name: 'metrics', url: undefined, [Symbol.asyncDispose]: end };
			},
		};
		const run = async (): Promise<void> => {
			const file = await openConfigFile(path, {}, false, edges);
			await runDaemon(file, {
				env: {},
				version: '0',
				edges,
				conceal: () => {},
				log: (level, about, said) => {
					const line = `${(time.now() / 1000).toFixed(3)} ${level} ${about}: ${said}`;
					// Another one each time.
					told?.(line.replaceAll(folder, ''));
				},
				signal: over.signal,
				untilFinished: false,
				openNotifier: async () => ({ watchdogMs: null, say: () => {} }),
				onReread: (hear) => {
					reread = hear;
				},
			});
		};
		const leave = (): void => {
			if (disk.isFaulty) ledger.excuse();
			being.kill();
			broker.lose();
			for (const child of children) child.orphan();
		};
		const ended = run().catch((thrown) => {
			// A process that ends lets go of all that it holds.
			if (being.alive) writer?.abandon();
			if (!(thrown instanceof Failure)) return unexpected(thrown);
			told?.(`${(time.now() / 1000).toFixed(3)} ends: ${thrown.message}`);
		});
		const mine: Life = {
			being,
			fromMs: time.now(),
			children,
			metrics: () => metrics?.(),
			reread: () => reread(),
			end: async (isOrderly) => {
				if (!being.alive) return;
				if (isOrderly) {
					engineer.ends();
					over.abort();
					await ended;
				} else writer?.abandon();
				if (being.alive) leave();
			},
		};
		// What ends by itself is started again, as systemd does.
		void ended.then(() => {
			if (over.signal.aborted || !being.alive) return;
			engineer.ends();
			leave();
			if (life !== mine) return;
			life = undefined;
			restartIn(RESTART_MS);
		});
		return mine;
	};
	/** After so many steps of the daemon with files it is killed; null: before the next signal nobody counts them. */
	let stepsLeft: number | null = 0;
	const atStep = (): void => {
		if (!stepsLeft) return;
		stepsLeft -= 1;
		if (stepsLeft > 0 || !life) return;
		const ended = life;
		life = undefined;
		void ended.end(false).then(() => restartIn(RESTART_MS));
	};
	const restartIn = (ms: number) =>
		nature.later(ms, () => {
			life = begin();
		});

	/** Parts come one after the other, each after a while. */
	const coming = (bring: () => void): (() => void) => {
		const next = (): void => {
			nature.later(PART_MS.least + PART_MS.more * random.uniform(), next);
			// What is on its way when the books are closed is not missing.
			if (!(isCalm && time.now() > closesMs - CLOSING_MS)) bring();
		};
		return next;
	};
	const askFor = (part: string) =>
		publish('operator', 'trigger', { id: part, client: 'line', station: ANNOUNCED, part });
	/** The line announces a part, and asks the box for its verdict. */
	const bring = coming(() => {
		const part = belts[ANNOUNCED]!.bring(time.now());
		ledger.announced(part);
		parts += 1;
		askFor(part.name);
		const told = life;
		nature.later(DEADLINE_MS + SAY_MS, () => {
			if (told?.being.alive && life === told && !disk.isFaulty) ledger.due(part.name);
		});
	});
	/** The same with a file, where the disk takes it and the one before is gone. */
	const bringFiled = coming(() => {
		if (!signaller.isFree || disk.takesNothing) return;
		const part = belts[FILED]!.bring(time.now());
		ledger.announced(part, true);
		parts += 1;
		stepsLeft ??= 1 + random.below(MOST_STEPS);
		signaller.signal(part.name, () => ledger.made(part.name));
	});
	/** The same by a line, which nobody asks whether it was heard: while everything is well each one must be. */
	const signalLined = (): void => {
		const part = belts[LINED]!.bring(time.now());
		ledger.announced(part);
		parts += 1;
		if (isCalm && time.now() > closesMs - SURE_MS) ledger.made(part.name);
		wire.signal(() => {
			lined.set(instantOf(wallClock()), part.name);
			if (lined.size > MOST_LINED) lined.delete(lined.keys().next().value!);
		});
	};
	/** Some come so soon after another that this one has not left: nobody could know of one that is not heard. */
	const bringLined = coming(() => {
		signalLined();
		if (random.uniform() < SOON)
			nature.later(SOON_MS.least + SOON_MS.more * random.uniform(), () => wire.isHeard && signalLined());
	});
	heardAnswer = (answer) => {
		engineer.answered(answer);
		teacher.answered(answer);
		if (answer.id === null || answer.code !== 'ok') return;
		ledger.made(answer.id);
		// Whoever has asked may ask again: it is one part.
		if (answer.id.startsWith(`${ANNOUNCED}-`) && random.uniform() < AGAIN)
			nature.later(AGAIN_MS * random.uniform(), () => askFor(answer.id!));
	};

	const acts = faultsOf({
		broker,
		disk,
		stations: [...faults.values()],
		life: () => life,
		restartIn,
		wire,
		clock,
		resumed: () => {
			resumedMs.push(time.now());
			if (resumedMs.length > MOST_RESUMED) resumedMs.shift();
		},
		engineer,
		teacher,
		engines,
		dooms: () => {
			doomedMs = DOOM_MS * random.uniform();
			return () => {
				doomedMs = undefined;
			};
		},
		random: random.uniform,
		whenTaught: (act) => {
			atTaught = act;
		},
		later: nature.later,
		endsAtSignal: () => {
			stepsLeft = null;
		},
		away: () => {
			life = undefined;
		},
	});
	/** Of a time with faults: what many of a kind hide comes out where there are none of it. */
	let drawn = acts;
	const ending = new Set<() => void>();
	const trouble = (): void => {
		nature.later(-Math.log(1 - random.uniform()) * betweenMs, trouble);
		if (isCalm) return;
		const act = oneOf(drawn, random);
		told?.(`${(time.now() / 1000).toFixed(3)} fault: ${act.name}`);
		const end = act.begin();
		if (!end) return;
		const over = () => {
			if (ending.delete(over)) end();
		};
		ending.add(over);
		nature.later(random.uniform() * FAULT_MS.most, over);
	};

	nature.every(LOOK_OWED_MS, () => {
		const beforeMs = time.now() - LOST_MS;
		if (life?.being.alive && life.fromMs < beforeMs && !disk.isFaulty)
			owes(partsOwedIn(join(folder, 'journal'), beforeMs));
	});
	life = begin();
	bring();
	bringFiled();
	bringLined();
	trouble();
	const untilMs = hours * 3_600_000;
	const isOver = () => violations.length > 0;
	try {
		for (let doneMs = 0; doneMs < untilMs && violations.length === 0; doneMs += periodMs + healMs) {
			isCalm = false;
			drawn = acts.filter(() => random.uniform() < OF_KINDS);
			closesMs = doneMs + periodMs + healMs;
			await time.pass(doneMs + periodMs, () => {}, isOver);
			isCalm = true;
			for (const end of [...ending]) end();
			atTaught = nothing;
			nature.later(healMs / 2, engineer.editCalmly);
			nature.later(healMs / 2, teacher.teachCalmly);
			let told: string | undefined;
			nature.later(healMs - LOOK_MS, () => {
				const telling = life?.metrics();
				void telling?.then((text) => {
					told = text;
					ledger.settleMetrics(text);
				}, unexpected);
			});
			await time.pass(doneMs + periodMs + healMs, () => {}, isOver);
			if (violations.length > 0) break;
			const hasTurned = time.now() - TURN_MS;
			const { quietMs } = PLANS[engineer.planNow() ?? 0]!;
			const rests = new Set(
				[time.now(), hasTurned].map((ms) => quietMs !== undefined && clock.showed(ms, 0, quietMs)),
			);
			if (told === undefined) violated('nobody tells metrics though nothing is wrong');
			ledger.settle((station, state) =>
				every.some((name) => name === station)
					? [...rests].some((one) => state === (one ? 'resting' : 'running'))
					: state === 'running',
			);
			ledger.settleReports(reports.splice(0));
			for (const name of signaller.left()) violated(`file ${name} lies there though nothing is wrong`);
			engineer.settle();
			engines.settle(engineer.bundlesNow());
			teacher.settle();
			owes(partsOwedIn(join(folder, 'journal'), time.now() - CLOSING_MS));
			owes(wordsOwedIn(join(folder, 'journal'), wallClock()));
		}
	} catch (thrown) {
		violated(reasonOf(thrown));
	} finally {
		await life?.end(false);
		// What Node warns of it tells a moment later.
		await turn();
		process.off('warning', warned);
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

type AnyChild = Pick<SimulatedChild<never, never>, 'process' | 'kill' | 'orphan' | 'ended'>;

type FaultsWorld = {
	readonly broker: ReturnType<typeof createBroker>;
	readonly disk: ReturnType<typeof createDisk>;
	readonly stations: readonly Set<StationFault>[];
	readonly life: () =>
		| {
				readonly children: ReadonlySet<AnyChild>;
				reread(): void;
				end(isOrderly: boolean): Promise<void>;
		  }
		| undefined;
	readonly away: () => void;
	readonly endsAtSignal: () => void;
	readonly restartIn: (ms: number) => void;
	readonly wire: Wire;
	readonly clock: WallClock;
	readonly resumed: () => void;
	readonly engineer: ReturnType<typeof createEngineer>;
	readonly teacher: ReturnType<typeof createTeacher>;
	readonly engines: EnginesBox;
	readonly dooms: () => () => void;
	readonly random: () => number;
	readonly whenTaught: (act: () => void) => void;
	readonly later: Being['later'];
};

/** What may happen: each begins, and some end again. */
function faultsOf(world: FaultsWorld) {
	const {
		broker,
		disk,
		stations,
		life,
		away,
		endsAtSignal,
		restartIn,
		wire,
		clock,
		resumed,
		engineer,
		teacher,
		engines,
		dooms,
		random,
		whenTaught,
		later,
	} = world;
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
	const ofWire = (fault: WireFault) => ({
		name: fault,
		begin: () => {
			wire.begin(fault);
			return () => wire.end(fault);
		},
	});
	const fillDisk = (): void => {
		disk.begin('full');
		later(FULL_MS * random(), () => disk.end('full'));
	};
	/** To one at which all jobs begin. */
	const toJob = (): void => {
		const everyMs = JOBS.selfCheck * JOBS.vacuum * MINUTE_MS;
		clock.leapTo((Math.floor(clock.now() / everyMs) + 1) * everyMs, TURN_MS * random());
	};
	const anyChild = (): AnyChild | undefined => {
		const children = [...(life()?.children ?? [])];
		return children[Math.floor(random() * children.length)];
	};
	const endDaemon = (isOrderly: boolean, first = () => {}): void => {
		const ended = life();
		if (!ended) return;
		away();
		first();
		void ended.end(isOrderly).then(() => restartIn(RESTART_MS));
	};
	const rows: readonly { readonly name: string; readonly begin: () => (() => void) | undefined }[] = [
		...(['refuses', 'swallows', 'drops', 'slow', 'full', 'forgets', 'denies'] as const).map(ofBroker),
		...(['full', 'slow', 'failing'] as const).map(ofDisk),
		...(['line gone', 'line bounces'] as const).map(ofWire),
		...(
			[
				'camera refuses',
				'camera silent',
				'camera frozen',
				'camera skips',
				'model slow',
				'model fails',
				'model of no number',
				'model elsewhere',
			] as const
		).map(ofStation),
		{
			name: 'process killed',
			begin: () => {
				anyChild()?.kill();
				return undefined;
			},
		},
		{
			name: 'process stopped',
			begin: () => {
				const child = anyChild();
				child?.process.stop();
				return (
					child &&
					(() => {
						child.process.resume();
						resumed();
					})
				);
			},
		},
		{ name: 'the next process dies', begin: dooms },
		...([1, -1] as const).map((sign) => ({
			name: sign > 0 ? 'clock ahead' : 'clock back',
			begin: () => {
				clock.leap(sign * MOST_LEAP_MS * random());
				return undefined;
			},
		})),
		...(
			[
				['daemon killed', () => endDaemon(false)],
				['daemon ended', () => endDaemon(true)],
				['another driver', () => endDaemon(true, engines.renewMachine)],
				[
					'daemon killed when a lesson ends',
					() => whenTaught(() => later(TAUGHT_MS * random(), () => endDaemon(false))),
				],
				['disk full when a lesson ends', () => whenTaught(fillDisk)],
				['an edit', engineer.edit],
				['a wrong edit', engineer.editWrongly],
				['a move', engineer.move],
				['a rollback', engineer.rollback],
				['a lesson', teacher.begin],
				['a lesson goes on', teacher.resume],
				['a lesson is given up', teacher.cancel],
				['pictures are struck', teacher.strike],
				['somebody asks for an engine', engines.ask],
				['an engine is damaged', engines.damage],

				['an edit by hand', engineer.byHand],
				['the file is read again', () => life()?.reread()],
				['daemon killed while it takes a signal', endsAtSignal],
				['clock ahead by 30 days', () => clock.leap(MONTH_MS)],
				['clock to a job', toJob],
				[
					'clock to a job, and to the next',
					() => {
						toJob();
						later(2 * TURN_MS * random(), toJob);
					},
				],
				[
					'clock to a turn of quiet hours',
					() => {
						// Those of the schedule that was told last, where it has some.
						const turns = PLANS[engineer.planTold() ?? 0]!.quietMs ?? TURNS_MS;
						clock.leapTo(turns[Math.floor(random() * turns.length)]!, TURN_MS * random());
					},
				],
			] as const
		).map(([name, act]) => ({
			name,
			begin: () => {
				act();
				return undefined;
			},
		})),
	];
	return rows;
}

/** Of which nothing is known but that it has room. */
async function simulatedMachine(): Promise<Machine> {
	const condition = await watchCondition('/nowhere')();
	return {
		memoryOf: async () => 1e8,
		spaceAt: async () => ({ freeBytes: 1e10, totalBytes: 1e11 }),
		systemName: async () => 'simulated',
		watchCondition: () => async () => condition,
	};
}

/** The last event of a journal; 0 where there is none yet. */
function eventsIn(folder: string): number {
	if (!hasJournal(folder)) return 0;
	using found = openSearch(folder);
	for (const { id } of found.find({ limit: 1 })) return id;
	return 0;
}
