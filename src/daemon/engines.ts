import { Failure, reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { createNews } from '../base/news.js';
import { type Backoff, eitherOf, orAborted, type Pace } from '../base/retry.js';
import { masked, maskedThroughout } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import { candidatesOf, wishOf } from '../config/provider.js';
import type { RecipeConfig } from '../config/schema.js';
import { Refusal } from '../control/answer.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from '../protocol/engine-messages.js';
import {
	type EngineNotes,
	type EngineState,
	type Engines,
	type EngineTold,
	engineEntry,
	engineLine,
	engineNotesSchema,
	enginesMessage,
} from '../protocol/engines.js';
import { instantOf } from '../protocol/fields.js';
import type { Result } from '../protocol/requests.js';
import type { StationState } from '../protocol/states.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import { type EngineChoices, printOf } from './engine-choices.js';
import type { JobWorld } from './job.js';
import type { Recorder } from './record.js';
import { createRepeats } from './repeats.js';

/** `folder`: where engines are kept. */
export type EnginesSettings = {
	readonly box: string;
	readonly folder: string;
	/** Whether engines are built without being asked for. */
	readonly build: boolean;
	readonly limitS: number;
};

/** A station that is wanted, and what it told last. */
export type StationSeen = {
	readonly station: string;
	readonly recipe: RecipeConfig;
	readonly state: StationState | undefined;
};

/** The engine by which a model would run on this machine. */
export type Sought = Pick<EngineTold, 'id' | 'bundle' | 'precision'> & {
	/** Where the bundle lies. */
	readonly place: string;
};

type Asked = Pick<RecipeConfig, 'model' | 'precision'>;

export type EnginesWorld = {
	readonly stations: () => readonly StationSeen[];
	/** @throws Failure bundle-invalid; engine-missing where this machine can have none */
	readonly seek: (model: Asked) => Promise<Sought>;
	/** @throws Failure; the signal's reason */
	readonly build: (
		request: EngineRequest,
		job: Pick<JobWorld<EngineProgress>, 'signal' | 'report'>,
	) => Promise<EngineBuilt>;
	/** What was noted beside the engines of a build that would fail again; null where nothing was. */
	readonly setbackOf: (sought: Sought) => Promise<{ readonly tail: string } | null>;
	/** @returns false where there is none @throws Failure file-unwritable */
	readonly remove: (id: string) => Promise<boolean>;
	/** What lies on the disk, also for other machines. */
	readonly kept: () => Promise<Result<'engines'>['kept']>;
	/** Whether a lesson is being learnt. */
	readonly isTeaching: () => boolean;
	/** Moves a station, if its recipe still says so. @throws Refusal failed: then what served serves; the signal's reason */
	readonly move: (seen: StationSeen, engine: string, signal: AbortSignal) => Promise<void>;
	readonly choices: Pick<EngineChoices, 'shun' | 'shunned' | 'shuns' | 'forgive'>;
	/** What the last daemon wrote; undefined where that cannot be read. */
	readonly noted: () => Promise<unknown>;
	/** @throws Failure file-unwritable */
	readonly note: (notes: EngineNotes) => Promise<void>;
	readonly record: Pick<Recorder, 'note' | 'retain'>;
	readonly pace: Pace;
	readonly wallClock: () => number;
	/** What nobody may read; the list may grow. */
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** Builds what stations would compute with, one after the other, and moves them to it. */
export type EnginesService = Service & {
	/** As it was told last. */
	readonly current: Engines;
	/** Is built, or tried again, whatever the configuration says of building. @returns its name @throws Failure as of `seek`; Refusal busy */
	ask(model: Asked, again: boolean): Promise<string>;
	/** How the engine of a name is; undefined where nobody wants it any more. `isOver`: there is nothing to wait for. */
	of(id: string): { readonly told: EngineTold; readonly isOver: boolean } | undefined;
	/** Takes one away with which no station computes. @throws Refusal conflict; Failure file-unwritable */
	remove(id: string): Promise<void>;
	kept: EnginesWorld['kept'];
	/** A lesson has begun: resolves when nothing is built beside it. @throws the signal's reason */
	yielded(signal: AbortSignal): Promise<void>;
	/** Resolves when there is something new to tell, the service ends, or the signal is aborted. */
	changed(signal: AbortSignal): Promise<void>;
};

/** What a station that cannot inspect says for want of an engine. One that inspects elsewhere than it prefers may want one whatever it says. */
const WANTING: ReadonlySet<string> = new Set(['engine-missing', 'engine-invalid', 'engine-failed']);

/** How often it is looked what stations want. */
const LOOK_MS = 1000;

/** Between two tellings of how far a build is. */
const TELL_MS = 1000;

/** A build ends itself when its time is over; one that does not is ended. */
const LATE_MS = 120_000;

/** What is not to be done now, and for how long. */
const LATER: ReadonlySet<string> = new Set(['busy', 'interrupted', 'late']);
const REST_MS = 30_000;

/** A build that failed for a reason that may pass is tried again after so long: it takes minutes of a processor that stations share. */
const BUILD_AGAIN: Backoff = { firstMs: 300_000, mostMs: 21_600_000 };

/** So is a move that failed: it may cost a part. */
const MOVE_AGAIN: Backoff = { firstMs: 3_600_000, mostMs: 86_400_000 };

/** Moves that failed, and are remembered. */
const MOST_REFUSED = 200;

/** What fails with these comes again, whatever passes: bundles do not change. */
const LASTING: ReadonlySet<string> = new Set(['precision-refused']);

/** A station that falls back from an engine again and again is left alone. */
const MOST_FALLS = 3;

/** Engines that are told of; beyond them those go first that nobody wants. */
const MOST_ENGINES = 64;

/** Builds that failed, and are remembered. */
const MOST_FAILED = 100;

/** Lines of a build that are remembered. */
const MOST_LINES = 20;

/** Of the last words of trtexec, in characters. */
const LONGEST_TAIL = 4000;

type Item = {
	readonly sought: Sought;
	state: Exclude<EngineState, 'off'>;
	since: string;
	engine: string | null;
	isAsked: boolean;
	/** Whoever asked may want to hear how it ended. */
	wasAsked: boolean;
	/** Also where it stands or failed before. */
	again: boolean;
	wanting: readonly StationSeen[];
	using: readonly StationSeen[];
	/** Stations that were moved to what lies there now. */
	readonly tried: Set<string>;
	/** Nobody is moved to it before, on our clock. */
	restUntilMs: number;
	/** How often a station fell back from it. */
	readonly falls: Map<string, number>;
	progress: EngineTold['progress'];
	error: EngineTold['error'];
};

/** A build that failed. */
type Failed = {
	readonly error: NonNullable<EngineTold['error']>;
	/** Nobody else remembers it. */
	readonly isNoted: boolean;
};

/** Why a build ends before it is done. */
type End = 'lesson' | 'ended' | 'late';

/** Takes up what the last daemon noted. */
export async function startEngines(
	{ box, folder, build, limitS }: EnginesSettings,
	world: EnginesWorld,
): Promise<EnginesService> {
	const { choices, record, pace, wallClock, log, secrets } = world;
	const items = new Map<string, Item>();
	const failed = new Map<string, Failed>();
	const rebuilds = createRepeats(BUILD_AGAIN, MOST_FAILED, pace);
	const returns = createRepeats(MOVE_AGAIN, MOST_REFUSED, pace);
	/** Where the models of recipes lead, until a station says something new. */
	const sought = new Map<string, Promise<Sought | undefined>>();
	const news = createNews();
	const ending = new AbortController();
	let work: { readonly item: Item; readonly over: AbortController; readonly done: Promise<void> } | undefined;
	let isBuilding = false;
	let noting: Promise<void> = Promise.resolve();
	let wake = () => {};
	let said = '';
	let toldMs = Number.NEGATIVE_INFINITY;
	let current: Engines;

	const now = () => instantOf(wallClock());
	const openly = (text: string) => masked(text, secrets);
	const note = (): void => {
		const notes: EngineNotes = {
			failed: [...failed].flatMap(([id, { error, isNoted }]) => {
				const { againAt: _, ...told } = error;
				return isNoted ? [{ id, ...told }] : [];
			}),
			shuns: choices.shuns.map(({ againAt: _, ...shun }) => shun),
		};
		noting = noting
			.then(() => world.note(notes))
			.catch((thrown) =>
				log('warning', 'engines', `cannot note what failed: ${reasonOf(thrown)}`, 'engine.unnoted'),
			);
	};

	const waitsFor = (item: Item): string | null => {
		if (item.state !== 'waiting') return null;
		if (world.isTeaching()) return 'a lesson is being learnt';
		return work === undefined ? null : `the engine of ${work.item.sought.bundle} is its turn`;
	};
	const toldOf = (item: Item): EngineTold => {
		const { id, bundle, precision } = item.sought;
		const isOff = item.state === 'waiting' && !build && !item.isAsked;
		const refusing = [...item.wanting, ...item.using].flatMap(({ station, recipe }) =>
			choices.shuns.filter(
				(shun) => shun.station === station && shun.engine === item.engine && shun.recipe === printOf(recipe),
			),
		);
		return maskedThroughout(
			{
				id,
				bundle,
				precision,
				state: isOff ? 'off' : item.state,
				since: item.since,
				engine: item.engine,
				wantedBy: item.wanting.map(({ station }) => station),
				usedBy: item.using.map(({ station }) => station),
				refusedBy: refusing.map(({ engine: _, recipe: _recipe, ...told }) => told),
				waitsFor: isOff ? null : waitsFor(item),
				progress: item.progress,
				error: item.error,
			},
			secrets,
		);
	};
	/** Said when it is another, and now and then while only the progress is. */
	const tell = (): void => {
		const engines = [...items.values()].map(toldOf);
		current = enginesMessage({ box, builds: build, engines }, wallClock());
		const still = JSON.stringify(engines.map((one) => ({ ...one, progress: one.progress?.phase })));
		const isBuilt = engines.some(({ progress }) => progress !== null);
		if (still === said && !(isBuilt && pace.now() - toldMs >= TELL_MS)) return;
		said = still;
		toldMs = pace.now();
		record.retain((root) => topicOf('engines', { root, box }), encodePayload('engines', current));
		news.tell();
	};
	/** Another state is noted in the journal, and told. `station`: the one that it is about. */
	const become = (item: Item, state: Item['state'], station: string | null = null): void => {
		item.state = state;
		item.since = now();
		if (state !== 'building') item.progress = null;
		if (state !== 'failed') item.error = null;
		if (state !== 'waiting') void record.note(engineEntry(toldOf(item), station, wallClock()));
		tell();
	};

	const add = (found: Sought, engine: string | null = null): Item => {
		const error = failed.get(found.id)?.error ?? null;
		const item: Item = {
			sought: found,
			state: engine !== null ? 'ready' : error ? 'failed' : 'waiting',
			since: error?.at ?? now(),
			engine,
			...{ isAsked: false, wasAsked: false, again: false, wanting: [], using: [], progress: null },
			restUntilMs: 0,
			tried: new Set(),
			falls: new Map(),
			error: engine === null ? error : null,
		};
		items.set(found.id, item);
		return item;
	};
	/** Which engine a station's recipe means; undefined where none can be. What cannot be read the station itself tells. */
	const seek = ({ recipe, state }: StationSeen): [key: string, found: Promise<Sought | undefined>] => {
		const { model, precision } = recipe;
		const key = JSON.stringify([model, precision, state?.model?.bundle ?? state?.at]);
		const found = sought.get(key) ?? world.seek({ model, precision }).catch((thrown) => unsought(thrown));
		return [key, found];
	};
	const unsought = (thrown: unknown): undefined => {
		if (!(thrown instanceof Failure)) throw thrown;
		log('debug', 'engines', thrown.message, 'engine.unknown');
		return undefined;
	};

	/** What stations say now becomes what is wanted of each engine. */
	const hear = async (): Promise<void> => {
		const seen = world.stations().filter((one) => isWanting(one) || engineOf(one) !== null);
		const keyed = seen.map((one) => ({ one, key: seek(one) }));
		sought.clear();
		for (const { key } of keyed) sought.set(...key);
		const found = await Promise.all(keyed.map(async ({ one, key }) => ({ one, of: await key[1] })));
		for (const item of items.values()) {
			item.wanting = [];
			item.using = [];
		}
		for (const { one, of } of found) {
			if (!of || !isOf(one, of)) continue;
			const engine = engineOf(one);
			const item = items.get(of.id) ?? add(of, engine);
			if (engine === null) item.wanting = [...item.wanting, one];
			else item.using = [...item.using, one];
			// It was built by somebody else, and a station has found it.
			if (engine !== null && (item.state === 'waiting' || item.state === 'failed') && !item.isAsked) {
				item.engine = engine;
				succeeded(of.id);
				become(item, 'ready');
			}
		}
		for (const [id, item] of items) if (isForgotten(item)) items.delete(id);
	};
	const isForgotten = (item: Item): boolean => {
		const isNeeded = item === work?.item || item.isAsked || item.wanting.length + item.using.length > 0;
		return !isNeeded && !(item.wasAsked && items.size <= MOST_ENGINES);
	};

	/** Stations that compute with something else than what lies there, and may be moved to it. */
	const movable = (item: Item): readonly StationSeen[] => {
		const { engine } = item;
		if (item.state !== 'ready' || engine === null) return [];
		const elsewhere = item.using.filter((one) => engineOf(one) !== engine);
		return [...item.wanting, ...elsewhere].filter(
			({ station, recipe }) => !choices.shunned(station, recipe).includes(engine),
		);
	};
	const shun = ({ station, recipe }: StationSeen, engine: string, code: string, message: string): void => {
		const { times, waitMs } = returns.failed(moveOf(station, engine));
		const why = { code, message: openly(message), at: now(), times, againAt: inMs(waitMs) };
		choices.shun({ station, engine, recipe: printOf(recipe), ...why });
		note();
		log(
			'warning',
			'engines',
			`station "${station}" does not run with engine ${engine.slice(0, 8)}: ${message}`,
			'engine.shunned',
		);
	};
	/** Stations are moved again to what they did not run with some time ago: what kept them from it may have passed. */
	const moveAgain = (item: Item): void => {
		for (const { station } of item.wanting) {
			if (item.engine === null || !returns.isDue(moveOf(station, item.engine))) continue;
			choices.forgive((shun) => shun.station === station && shun.engine === item.engine);
			item.tried.delete(station);
		}
	};
	/** One that fell back from what it was moved to: what lies there is looked at again, and after a few times left alone. */
	const fell = (item: Item, one: StationSeen): void => {
		const times = (item.falls.get(one.station) ?? 0) + 1;
		item.falls.set(one.station, times);
		const { code, message } = troubleOf(one)!;
		if (times >= MOST_FALLS) shun(one, item.engine!, code, `it fell back ${times} times: ${message}`);
		else become(item, 'waiting');
	};

	const buildOne = async (item: Item, over: AbortController): Promise<void> => {
		const { place, precision, bundle } = item.sought;
		const begunMs = pace.now();
		const { again } = item;
		/** What was heard last: not every failure leaves its words on disk. */
		const lines: string[] = [];
		const progress = ({ phase, share, line }: EngineProgress): void => {
			const seconds = Math.round((pace.now() - begunMs) / 100) / 10;
			if (line !== null && line !== lines.at(-1)) lines.push(line);
			if (lines.length > MOST_LINES) lines.shift();
			if (phase !== item.progress?.phase)
				log('info', 'engines', `engine of ${bundle}: ${phase}`, 'engine.progress');
			item.progress = { phase, share, line: line === null ? null : openly(line), seconds };
			tell();
		};
		const limitMs = limitS * 1000;
		become(item, 'building');
		log('info', 'engines', `engine of ${bundle} in ${precision} is built`, 'engine.built');
		const request = { bundle: place, precision, cache: folder, limitMs, again };
		const settled = new AbortController();
		using either = eitherOf(settled.signal, over.signal);
		const late = pace.pause(limitMs + LATE_MS, either.signal).then(() => {
			if (!settled.signal.aborted && !over.signal.aborted) over.abort('late' satisfies End);
		});
		try {
			const built = await world.build(request, { signal: over.signal, report: progress });
			item.engine = built.engine;
			item.again = false;
			item.tried.clear();
			if (item.isAsked) choices.forgive(({ engine: shunned }) => shunned === built.engine);
			succeeded(item.sought.id);
			log(
				'info',
				'engines',
				`engine of ${bundle} in ${precision} is ready${built.isNew ? '' : ': it lay there'}`,
				'engine.ready',
			);
			become(item, 'ready');
		} catch (thrown) {
			const end = over.signal.aborted ? (over.signal.reason as End) : undefined;
			if (end === 'lesson' || end === 'ended') {
				const why = end === 'lesson' ? 'a lesson is being learnt' : 'the daemon ends it';
				log('info', 'engines', `engine of ${bundle}: the build is ended, ${why}`, 'engine.interrupted');
				return become(item, 'waiting');
			}
			await fail(item, end === 'late' ? lateBuild(bundle, limitS) : thrown, lines, end === 'late');
		} finally {
			settled.abort();
			await late;
		}
	};
	const remember = (id: string, one: Failed): void => {
		failed.delete(id);
		failed.set(id, one);
		if (failed.size > MOST_FAILED) failed.delete(failed.keys().next().value!);
	};
	const succeeded = (id: string): void => {
		rebuilds.forget(id);
		if (failed.delete(id)) note();
	};
	const inMs = (waitMs: number): string => instantOf(wallClock() + waitMs);
	/** `isLate`: its process did not end by itself, and has noted nothing. */
	const fail = async (
		item: Item,
		thrown: unknown,
		lines: readonly string[],
		isLate: boolean,
	): Promise<void> => {
		const isOfTheWorld = thrown instanceof Failure;
		if (!isOfTheWorld)
			log('error', 'engines', `a fault of ours: ${(thrown as Error)?.stack ?? String(thrown)}`, 'fault');
		const setback = await world.setbackOf(item.sought).catch(() => null);
		const code = isOfTheWorld ? thrown.code : 'engine-failed';
		const message = isOfTheWorld ? thrown.message : `A fault of ours, please report it: ${reasonOf(thrown)}`;
		const tail = setback && setback.tail !== '' ? setback.tail : lines.join('\n');
		const { times, waitMs } = rebuilds.failed(item.sought.id);
		const isRepeated = build && setback === null && !LASTING.has(code);
		if (!isRepeated) rebuilds.forget(item.sought.id);
		const error = {
			code,
			message: openly(message),
			tail: openly(tail).slice(-LONGEST_TAIL),
			at: now(),
			times,
			againAt: isRepeated ? inMs(waitMs) : null,
		};
		// What else would fail again is noted beside the engines by whoever built, and told at once when it is asked for.
		remember(item.sought.id, { error, isNoted: isLate || code === 'child-died' });
		note();
		item.again = false;
		// What lay there before the new build lies there still.
		item.state = 'failed';
		item.error = error;
		item.since = error.at;
		item.progress = null;
		void record.note(engineEntry(toldOf(item), null, wallClock()));
		log(
			'warning',
			'engines',
			`${error.message}${error.tail === '' ? '' : `\n${error.tail}`}`,
			'engine.failed',
		);
		tell();
	};

	const moveOne = async (item: Item, one: StationSeen, over: AbortController): Promise<void> => {
		const engine = item.engine!;
		const { station } = one;
		item.tried.add(station);
		become(item, 'moving', station);
		try {
			await world.move(one, engine, over.signal);
			returns.forget(moveOf(station, engine));
			log('info', 'engines', `station "${station}" is moved to engine ${engine.slice(0, 8)}`, 'engine.moved');
		} catch (thrown) {
			if (over.signal.aborted) return;
			if (thrown instanceof Refusal && LATER.has(thrown.code)) {
				item.tried.delete(station);
				item.restUntilMs = pace.now() + REST_MS;
				log('info', 'engines', `station "${station}" is moved later: ${thrown.message}`, 'engine.waiting');
				return;
			}
			shun(one, engine, 'engine-failed', reasonOf(thrown));
			if (!(thrown instanceof Refusal)) throw thrown;
		} finally {
			become(item, 'ready', station);
		}
	};

	const begin = (item: Item, act: (over: AbortController) => Promise<void>): void => {
		const over = new AbortController();
		// A signal that is aborted later than the service would miss it.
		if (ending.signal.aborted) return;
		const done = act(over)
			.catch((thrown) => {
				log('error', 'engines', `a fault of ours: ${(thrown as Error)?.stack ?? String(thrown)}`, 'fault');
			})
			.finally(() => {
				work = undefined;
				isBuilding = false;
				// Who waits for its end hears of it, also where nothing new is to be told.
				news.tell();
				wake();
			});
		work = { item, over, done };
	};

	/** What is to be done next, when nothing is. */
	const go = (): void => {
		if (work && isBuilding && world.isTeaching()) work.over.abort('lesson' satisfies End);
		if (work || ending.signal.aborted) return;
		for (const item of items.values()) {
			moveAgain(item);
			const able = movable(item);
			const [next] = able.filter(({ station }) => !item.tried.has(station));
			if (next && pace.now() >= item.restUntilMs) {
				begin(item, (over) => moveOne(item, next, over));
				return;
			}
			for (const one of able) if (item.tried.has(one.station) && isWanting(one)) fell(item, one);
			if (item.isAsked && item.state !== 'waiting') item.isAsked = false;
		}
		if (world.isTeaching()) return;
		for (const item of items.values())
			if (item.state === 'failed' && item.wanting.length > 0 && rebuilds.isDue(item.sought.id))
				become(item, 'waiting');
		const open = [...items.values()].filter(
			({ state, isAsked }) => state === 'waiting' && (build || isAsked),
		);
		const next = open.find(({ isAsked }) => isAsked) ?? open[0];
		if (!next) return;
		isBuilding = true;
		begin(next, (over) => buildOne(next, over));
	};

	const run = async (): Promise<void> => {
		while (!ending.signal.aborted) {
			const woken = new AbortController();
			wake = () => woken.abort();
			try {
				await hear();
				go();
			} catch (thrown) {
				log('error', 'engines', `a fault of ours: ${(thrown as Error)?.stack ?? String(thrown)}`, 'fault');
			}
			tell();
			using either = eitherOf(ending.signal, woken.signal);
			await pace.pause(LOOK_MS, either.signal);
		}
	};

	const noted = engineNotesSchema.safeParse(await world.noted());
	if (noted.success) {
		for (const { id, ...told } of noted.data.failed) {
			const againAt = build ? inMs(rebuilds.resume(id, told.times).waitMs) : null;
			remember(id, { error: { ...told, againAt }, isNoted: true });
		}
		for (const { times, ...known } of [...noted.data.shuns].reverse()) {
			const { waitMs } = returns.resume(moveOf(known.station, known.engine), times);
			choices.shun({ ...known, times, againAt: inMs(waitMs) });
		}
	}
	current = enginesMessage({ box, builds: build, engines: [] }, wallClock());
	const running = run();

	return {
		name: 'engines',
		get current() {
			return current;
		},
		ask: async (model, again) => {
			const found = await world.seek(model);
			const item = items.get(found.id) ?? add(found);
			if (item.state === 'building' || item.state === 'moving') {
				if (again) throw new Refusal('busy', `The ${engineLine(toldOf(item))}: ask again later`);
				item.isAsked = true;
				item.wasAsked = true;
				return found.id;
			}
			item.isAsked = true;
			item.wasAsked = true;
			item.again ||= again;
			item.falls.clear();
			choices.forgive(({ engine }) => engine === item.engine);
			note();
			become(item, 'waiting');
			wake();
			return found.id;
		},
		of: (id) => {
			const item = items.get(id);
			if (!item) return undefined;
			const isAtWork = item === work?.item || item.state === 'waiting';
			return {
				told: toldOf(item),
				isOver: !isAtWork && movable(item).every(({ station }) => item.tried.has(station)),
			};
		},
		kept: world.kept,
		remove: async (id) => {
			const item = items.get(id);
			if (item && item === work?.item)
				throw new Refusal('busy', `The ${engineLine(toldOf(item))}: ask again later`);
			if (item && item.using.length > 0)
				throw new Refusal('conflict', `Engine "${id}" is used by ${toldOf(item).usedBy.join(', ')}`);
			if (!(await world.remove(id))) throw new Refusal('conflict', `There is no engine "${id}"`);
			succeeded(id);
			if (item) {
				choices.forgive(({ engine }) => engine === item.engine);
				items.delete(id);
			}
			wake();
		},
		yielded: async (signal) => {
			if (!work || !isBuilding) return;
			work.over.abort('lesson' satisfies End);
			await orAborted(work.done, signal);
		},
		changed: news.next,
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			news.tell();
			work?.over.abort('ended' satisfies End);
			await running;
			await work?.done;
			await noting;
		},
	};
}

function moveOf(station: string, engine: string): string {
	return `${station} ${engine}`;
}

/** While an edit is carried out a station's recipe may be of another model than what its process tells of. */
function isOf({ state }: StationSeen, { bundle, precision }: Sought): boolean {
	const model = state?.model ?? null;
	return model === null || (model.bundle === bundle && model.precision === precision);
}

/** Why a station computes elsewhere, or not at all. */
function troubleOf({ state }: StationSeen): { readonly code: string; readonly message: string } | null {
	if (!state || state.state === 'stopped') return null;
	return state.degraded ?? (state.state === 'error' ? state.error : null);
}

function isWanting(seen: StationSeen): boolean {
	if (engineOf(seen) !== null || !candidatesOf(wishOf(seen.recipe.provider)).includes('tensorrt'))
		return false;
	return (seen.state?.degraded ?? null) !== null || WANTING.has(troubleOf(seen)?.code ?? '');
}

const COMPUTING: readonly StationState['state'][] = ['running', 'resting', 'finished'];

/** With which engine a station computes now; null without one. */
function engineOf({ state }: StationSeen): string | null {
	return state && COMPUTING.includes(state.state) ? (state.model?.engine ?? null) : null;
}

function lateBuild(bundle: string, limitS: number): Failure {
	return new Failure(
		'engine-failed',
		`Cannot build an engine of bundle "${bundle}": it was not done within ${limitS} s`,
		'Allow more time (engines.limitS).',
	);
}
