import { reasonOf } from '../base/failure.js';
import { logFault } from '../base/log.js';
import { eitherOf, orAborted } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { Refusal } from '../control/answer.js';
import {
	type EngineNotes,
	type Engines,
	type EngineTold,
	engineLine,
	engineNotesSchema,
} from '../protocol/engines.js';
import { instantOf } from '../protocol/fields.js';
import type { Result } from '../protocol/requests.js';
import { type BuildEnd, type BuildsSettings, type BuildsWorld, createEngineBuilds } from './engine-builds.js';
import { createEngineFailures } from './engine-failures.js';
import {
	type Asked,
	createWants,
	type EngineItem,
	isForgotten,
	newItem,
	type Sought,
	takeWants,
	type WantsWorld,
} from './engine-items.js';
import { createEngineMoves, type MovesWorld } from './engine-moves.js';
import { createEngineTelling, type TellingSettings, type TellingWorld } from './engine-telling.js';

export type EnginesSettings = TellingSettings & BuildsSettings;

export type EnginesWorld = WantsWorld &
	TellingWorld &
	BuildsWorld &
	MovesWorld & {
		/** @returns false where there is none @throws Failure file-unwritable */
		readonly remove: (id: string) => Promise<boolean>;
		/** What lies on the disk, also for other machines. */
		readonly kept: () => Promise<Result<'engines'>['kept']>;
		/** Whether a lesson is being learnt. */
		readonly isTeaching: () => boolean;
		/** What the last daemon wrote; undefined where that cannot be read. */
		readonly noted: () => Promise<unknown>;
		/** @throws Failure file-unwritable */
		readonly note: (notes: EngineNotes) => Promise<void>;
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

/** How often it is looked what stations want. */
const LOOK_MS = 1000;

/** What is done now: one thing at a time. */
type Work = {
	readonly item: EngineItem;
	readonly isBuild: boolean;
	readonly over: AbortController;
	readonly done: Promise<void>;
};

/** Takes up what the last daemon noted. */
export async function startEngines(settings: EnginesSettings, world: EnginesWorld): Promise<EnginesService> {
	const { choices, pace, wallClock, log } = world;
	/** By the names of engines, in the order in which they were heard of. */
	const items = new Map<string, EngineItem>();
	const ending = new AbortController();
	let work: Work | undefined;
	let noting: Promise<void> = Promise.resolve();
	let wake = () => {};

	const note = (): void => {
		const notes: EngineNotes = { failed: failures.notes, shuns: moves.notes };
		noting = noting
			.then(() => world.note(notes))
			.catch((thrown) =>
				log('warning', 'engines', `cannot note what failed: ${reasonOf(thrown)}`, 'engine.unnoted'),
			);
	};
	const waitsFor = (): string | null => {
		if (world.isTeaching()) return 'a lesson is being learnt';
		return work === undefined ? null : `the engine of ${work.item.sought.bundle} is its turn`;
	};
	const wants = createWants(world);
	const failures = createEngineFailures(settings, world, note);
	const telling = createEngineTelling(settings, items, waitsFor, world);
	const build = createEngineBuilds(settings, failures, telling, world);
	const moves = createEngineMoves(telling, world, note);

	const fault = (thrown: unknown): void => logFault(log, 'engines', thrown);

	const add = (sought: Sought, engine: string | null = null): EngineItem => {
		const item = newItem(sought, engine, failures.of(sought.id), instantOf(wallClock()));
		items.set(sought.id, item);
		return item;
	};
	const hear = async (): Promise<void> => {
		for (const [item, engine] of takeWants(items, await wants(), add)) {
			item.engine = engine;
			failures.forget(item.sought.id);
			telling.become(item, 'ready');
		}
		for (const [id, item] of items)
			if (item !== work?.item && isForgotten(item, items.size)) items.delete(id);
	};

	const begin = (item: EngineItem, isBuild: boolean, act: (over: AbortController) => Promise<void>): void => {
		const over = new AbortController();
		// A signal that is aborted later than the service would miss it.
		if (ending.signal.aborted) return;
		const done = act(over)
			.catch(fault)
			.finally(() => {
				work = undefined;
				// Who waits for its end hears of it, also where nothing new is to be told.
				telling.news.tell();
				wake();
			});
		work = { item, isBuild, over, done };
	};
	/** Nothing is built beside a lesson. */
	const yieldToLesson = (): void => {
		if (work?.isBuild) work.over.abort('lesson' satisfies BuildEnd);
	};

	/** What is to be done next, when nothing is. */
	const go = (): void => {
		if (world.isTeaching()) yieldToLesson();
		if (work || ending.signal.aborted) return;
		for (const item of items.values()) {
			const next = moves.next(item);
			if (next) {
				begin(item, false, (over) => moves.move(item, next, over.signal));
				return;
			}
			if (item.isAsked && item.state !== 'waiting') item.isAsked = false;
		}
		if (world.isTeaching()) return;
		for (const item of items.values())
			if (item.state === 'failed' && item.wanting.length > 0 && failures.isDue(item.sought.id))
				telling.become(item, 'waiting');
		const open = [...items.values()].filter(
			({ state, isAsked }) => state === 'waiting' && (settings.build || isAsked),
		);
		const next = open.find(({ isAsked }) => isAsked) ?? open[0];
		if (next) begin(next, true, (over) => build(next, over));
	};

	const run = async (): Promise<void> => {
		while (!ending.signal.aborted) {
			const woken = new AbortController();
			wake = () => woken.abort();
			try {
				await hear();
				go();
			} catch (thrown) {
				fault(thrown);
			}
			telling.tell();
			using either = eitherOf(ending.signal, woken.signal);
			await pace.pause(LOOK_MS, either.signal);
		}
	};

	const noted = engineNotesSchema.safeParse(await world.noted());
	if (noted.success) {
		failures.resume(noted.data.failed);
		moves.resume(noted.data.shuns);
	}
	const running = run();

	return {
		name: 'engines',
		get current() {
			return telling.current;
		},
		ask: async (model, again) => {
			const found = await world.seek(model);
			const item = items.get(found.id) ?? add(found);
			const isAtWork = item.state === 'building' || item.state === 'moving';
			if (isAtWork && again)
				throw new Refusal('busy', `The ${engineLine(telling.of(item))}: ask again later`);
			item.isAsked = true;
			item.wasAsked = true;
			if (isAtWork) return found.id;
			item.again ||= again;
			item.falls.clear();
			choices.forgive(({ engine }) => engine === item.engine);
			note();
			telling.become(item, 'waiting');
			wake();
			return found.id;
		},
		of: (id) => {
			const item = items.get(id);
			if (!item) return undefined;
			const isAtWork = item === work?.item || item.state === 'waiting';
			return { told: telling.of(item), isOver: !isAtWork && moves.isOver(item) };
		},
		kept: world.kept,
		remove: async (id) => {
			const item = items.get(id);
			if (item && item === work?.item)
				throw new Refusal('busy', `The ${engineLine(telling.of(item))}: ask again later`);
			if (item && item.using.length > 0)
				throw new Refusal('conflict', `Engine "${id}" is used by ${telling.of(item).usedBy.join(', ')}`);
			if (!(await world.remove(id))) throw new Refusal('conflict', `There is no engine "${id}"`);
			failures.forget(id);
			if (item) {
				choices.forgive(({ engine }) => engine === item.engine);
				items.delete(id);
			}
			wake();
		},
		yielded: async (signal) => {
			yieldToLesson();
			if (work?.isBuild) await orAborted(work.done, signal);
		},
		changed: telling.news.next,
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			telling.news.tell();
			work?.over.abort('ended' satisfies BuildEnd);
			await running;
			await work?.done;
			await noting;
		},
	};
}
