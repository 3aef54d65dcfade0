import { reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import type { Backoff, Pace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import { Refusal } from '../control/answer.js';
import type { EngineNotes } from '../protocol/engines.js';
import { instantOf } from '../protocol/fields.js';
import { type EngineChoices, printOf } from './engine-choices.js';
import { type EngineItem, engineOf, isWanting, type StationSeen, troubleOf } from './engine-items.js';
import type { EngineTelling } from './engine-telling.js';
import { createRepeats } from './repeats.js';

export type MovesWorld = {
	/** Moves a station, if its recipe still says so. @throws Refusal failed: then what served serves; the signal's reason */
	readonly move: (seen: StationSeen, engine: string, signal: AbortSignal) => Promise<void>;
	readonly choices: Pick<EngineChoices, 'shun' | 'shunned' | 'shuns' | 'forgive'>;
	readonly pace: Pace;
	readonly wallClock: () => number;
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** Stations are moved to what lies there, and left alone where they do not run with it. */
export type EngineMoves = {
	/** Who is to be moved to it now. Where nobody is, it is looked who fell back from it. */
	next(item: EngineItem): StationSeen | undefined;
	/** A station that `next` told of. @throws what is no refusal */
	move(item: EngineItem, seen: StationSeen, signal: AbortSignal): Promise<void>;
	/** Whether everybody who may be moved to it was. */
	isOver(item: EngineItem): boolean;
	/** A former daemon noted them. */
	resume(noted: EngineNotes['shuns']): void;
	/** For the next daemon. */
	readonly notes: EngineNotes['shuns'];
};

/** What is not to be done now, and for how long. */
const LATER: ReadonlySet<string> = new Set(['busy', 'interrupted', 'late']);
const REST_MS = 30_000;

/** A move that failed is tried again after so long: it may cost a part. */
const MOVE_AGAIN: Backoff = { firstMs: 3_600_000, mostMs: 86_400_000 };

/** Moves that failed, and are remembered. */
const MOST_REFUSED = 200;

/** A station that falls back from an engine again and again is left alone. */
const MOST_FALLS = 3;

/** `changed`: the notes are others. */
export function createEngineMoves(
	{ become }: Pick<EngineTelling, 'become'>,
	{ move, choices, pace, wallClock, secrets, log }: MovesWorld,
	changed: () => void,
): EngineMoves {
	const returns = createRepeats(MOVE_AGAIN, MOST_REFUSED, pace);

	/** Stations that compute with something else than what lies there, and may be moved to it. */
	const movable = (item: EngineItem): readonly StationSeen[] => {
		const { engine } = item;
		if (item.state !== 'ready' || engine === null) return [];
		const elsewhere = item.using.filter((one) => engineOf(one) !== engine);
		return [...item.wanting, ...elsewhere].filter(
			({ station, recipe }) => !choices.shunned(station, recipe).includes(engine),
		);
	};
	const shun = ({ station, recipe }: StationSeen, engine: string, code: string, message: string): void => {
		const { times, waitMs } = returns.failed(moveOf(station, engine));
		const [at, againAt] = [instantOf(wallClock()), instantOf(wallClock() + waitMs)];
		const why = { code, message: masked(message, secrets), at, times, againAt };
		choices.shun({ station, engine, recipe: printOf(recipe), ...why });
		changed();
		const name = engine.slice(0, 8);
		log(
			'warning',
			'engines',
			`station "${station}" does not run with engine ${name}: ${message}`,
			'engine.shunned',
		);
	};
	/** Stations are moved again to what they did not run with some time ago: what kept them from it may have passed. */
	const moveAgain = (item: EngineItem): void => {
		for (const { station } of item.wanting) {
			if (item.engine === null || !returns.isDue(moveOf(station, item.engine))) continue;
			choices.forgive((shun) => shun.station === station && shun.engine === item.engine);
			item.tried.delete(station);
		}
	};
	/** One that fell back from what it was moved to: what lies there is looked at again, and after a few times left alone. */
	const fell = (item: EngineItem, one: StationSeen): void => {
		const times = (item.falls.get(one.station) ?? 0) + 1;
		item.falls.set(one.station, times);
		const { code, message } = troubleOf(one)!;
		if (times >= MOST_FALLS) shun(one, item.engine!, code, `it fell back ${times} times: ${message}`);
		else become(item, 'waiting');
	};

	return {
		next: (item) => {
			moveAgain(item);
			const able = movable(item);
			const next = able.find(({ station }) => !item.tried.has(station));
			if (next && pace.now() >= item.restUntilMs) return next;
			for (const one of able) if (item.tried.has(one.station) && isWanting(one)) fell(item, one);
			return undefined;
		},
		move: async (item, seen, signal) => {
			const engine = item.engine!;
			const { station } = seen;
			item.tried.add(station);
			become(item, 'moving', station);
			try {
				await move(seen, engine, signal);
				returns.forget(moveOf(station, engine));
				const name = engine.slice(0, 8);
				log('info', 'engines', `station "${station}" is moved to engine ${name}`, 'engine.moved');
			} catch (thrown) {
				if (signal.aborted) return;
				if (thrown instanceof Refusal && LATER.has(thrown.code)) {
					item.tried.delete(station);
					item.restUntilMs = pace.now() + REST_MS;
					log('info', 'engines', `station "${station}" is moved later: ${thrown.message}`, 'engine.waiting');
					return;
				}
				shun(seen, engine, 'engine-failed', reasonOf(thrown));
				if (!(thrown instanceof Refusal)) throw thrown;
			} finally {
				become(item, 'ready', station);
			}
		},
		isOver: (item) => movable(item).every(({ station }) => item.tried.has(station)),
		resume: (noted) => {
			for (const { times, ...known } of [...noted].reverse()) {
				const { waitMs } = returns.resume(moveOf(known.station, known.engine), times);
				choices.shun({ ...known, times, againAt: instantOf(wallClock() + waitMs) });
			}
		},
		get notes() {
			return choices.shuns.map(({ againAt: _, ...shun }) => shun);
		},
	};
}

function moveOf(station: string, engine: string): string {
	return `${station} ${engine}`;
}
