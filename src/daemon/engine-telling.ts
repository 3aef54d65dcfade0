import { createNews, type News } from '../base/news.js';
import type { Pace } from '../base/retry.js';
import { maskedThroughout } from '../base/secrets.js';
import { type Engines, type EngineTold, engineEntry, enginesMessage } from '../protocol/engines.js';
import { instantOf } from '../protocol/fields.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import { type EngineChoices, printOf } from './engine-choices.js';
import type { EngineItem } from './engine-items.js';
import type { Recorder } from './record.js';

export type TellingSettings = {
	readonly box: string;
	/** Whether engines are built without being asked for. */
	readonly build: boolean;
};

export type TellingWorld = {
	readonly choices: Pick<EngineChoices, 'shuns'>;
	readonly record: Pick<Recorder, 'note' | 'retain'>;
	readonly pace: Pace;
	readonly wallClock: () => number;
	/** What nobody may read; the list may grow. */
	readonly secrets: readonly string[];
};

/** What is said of engines: retained, in the journal, and to whoever waits for it. */
export type EngineTelling = {
	of(item: EngineItem): EngineTold;
	/** Said when it is another, and now and then while only the progress is. */
	tell(): void;
	/** Another state is noted in the journal, and told. `station`: the one that it is about. */
	become(item: EngineItem, state: EngineItem['state'], station?: string | null): void;
	/** As it was told last. */
	readonly current: Engines;
	readonly news: News;
};

/** Between two tellings of how far a build is. */
const TELL_MS = 1000;

/** `waitsFor`: why one that waits is not built now, for people. */
export function createEngineTelling(
	{ box, build }: TellingSettings,
	items: ReadonlyMap<string, EngineItem>,
	waitsFor: () => string | null,
	{ choices, record, pace, wallClock, secrets }: TellingWorld,
): EngineTelling {
	const news = createNews();
	let said = '';
	let toldMs = Number.NEGATIVE_INFINITY;
	let current = enginesMessage({ box, builds: build, engines: [] }, wallClock());

	const toldOf = (item: EngineItem): EngineTold => {
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
				waitsFor: item.state === 'waiting' && !isOff ? waitsFor() : null,
				progress: item.progress,
				error: item.error,
			},
			secrets,
		);
	};
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
	return {
		of: toldOf,
		tell,
		become: (item, state, station = null) => {
			item.state = state;
			item.since = instantOf(wallClock());
			if (state !== 'building') item.progress = null;
			if (state !== 'failed') item.error = null;
			if (state !== 'waiting') void record.note(engineEntry(toldOf(item), station, wallClock()));
			tell();
		},
		get current() {
			return current;
		},
		news,
	};
}
