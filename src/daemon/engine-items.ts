import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { candidatesOf, wishOf } from '../config/provider.js';
import type { RecipeConfig } from '../config/schema.js';
import type { EngineState, EngineTold } from '../protocol/engines.js';
import type { StationState } from '../protocol/states.js';

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

export type Asked = Pick<RecipeConfig, 'model' | 'precision'>;

/** A station that computes with an engine, or would. */
export type Want = { readonly seen: StationSeen; readonly sought: Sought };

/** What is known of an engine that stations use or want, or that somebody asked for. */
export type EngineItem = {
	readonly sought: Sought;
	state: Exclude<EngineState, 'off'>;
	since: string;
	/** SHA-256 of what lies there. */
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

export type WantsWorld = {
	readonly stations: () => readonly StationSeen[];
	/** @throws Failure bundle-invalid; engine-missing where this machine can have none */
	readonly seek: (model: Asked) => Promise<Sought>;
	readonly log: Log;
};

/** Engines that are told of; beyond them those go first that nobody wants. */
const MOST_ENGINES = 64;

/** What a station that cannot inspect says for want of an engine. One that inspects elsewhere than it prefers may want one whatever it says. */
const WANTING: ReadonlySet<string> = new Set(['engine-missing', 'engine-invalid', 'engine-failed']);

const COMPUTING: readonly StationState['state'][] = ['running', 'resting', 'finished'];

/** @returns what tells which engines stations use or want now */
export function createWants({ stations, seek, log }: WantsWorld): () => Promise<readonly Want[]> {
	/** Where the models of recipes lead, until a station says something new. */
	const known = new Map<string, Promise<Sought | undefined>>();
	const unsought = (thrown: unknown): undefined => {
		if (!(thrown instanceof Failure)) throw thrown;
		log('debug', 'engines', thrown.message, 'engine.unknown');
		return undefined;
	};
	/** Which engine a station's recipe means; undefined where none can be. What cannot be read the station itself tells. */
	const soughtBy = ({ recipe, state }: StationSeen): [key: string, found: Promise<Sought | undefined>] => {
		const { model, precision } = recipe;
		const key = JSON.stringify([model, precision, state?.model?.bundle ?? state?.at]);
		return [key, known.get(key) ?? seek({ model, precision }).catch(unsought)];
	};
	return async () => {
		const concerned = stations().filter((one) => isWanting(one) || engineOf(one) !== null);
		const keyed = concerned.map((seen) => ({ seen, key: soughtBy(seen) }));
		known.clear();
		for (const { key } of keyed) known.set(...key);
		const found = await Promise.all(keyed.map(async ({ seen, key }) => ({ seen, sought: await key[1] })));
		return found.flatMap(({ seen, sought }) => (sought && isOf(seen, sought) ? [{ seen, sought }] : []));
	};
}

/** One that was heard of just now, at `at`. `engine`: what a station has found there; `error`: how its build failed that nobody has tried since. */
export function newItem(
	sought: Sought,
	engine: string | null,
	error: EngineTold['error'],
	at: string,
): EngineItem {
	return {
		sought,
		state: engine !== null ? 'ready' : error ? 'failed' : 'waiting',
		since: error?.at ?? at,
		engine,
		...{ isAsked: false, wasAsked: false, again: false, wanting: [], using: [], progress: null },
		restUntilMs: 0,
		tried: new Set(),
		falls: new Map(),
		error: engine === null ? error : null,
	};
}

/** What stations say now becomes what is wanted of each. @returns with their engines those that somebody else has built, as a station has found them */
export function takeWants(
	items: ReadonlyMap<string, EngineItem>,
	wants: readonly Want[],
	add: (sought: Sought, engine: string | null) => EngineItem,
): ReadonlyMap<EngineItem, string> {
	const found = new Map<EngineItem, string>();
	for (const item of items.values()) {
		item.wanting = [];
		item.using = [];
	}
	for (const { seen, sought } of wants) {
		const engine = engineOf(seen);
		const item = items.get(sought.id) ?? add(sought, engine);
		if (engine === null) item.wanting = [...item.wanting, seen];
		else item.using = [...item.using, seen];
		const isLacking = (item.state === 'waiting' || item.state === 'failed') && !item.isAsked;
		if (engine !== null && isLacking && !found.has(item)) found.set(item, engine);
	}
	return found;
}

/** Whether nobody misses it among `known` engines. */
export function isForgotten(item: EngineItem, known: number): boolean {
	const isNeeded = item.isAsked || item.wanting.length + item.using.length > 0;
	return !isNeeded && !(item.wasAsked && known <= MOST_ENGINES);
}

/** While an edit is carried out a station's recipe may be of another model than what its process tells of. */
function isOf({ state }: StationSeen, { bundle, precision }: Sought): boolean {
	const model = state?.model ?? null;
	return model === null || (model.bundle === bundle && model.precision === precision);
}

/** Why a station computes elsewhere, or not at all. */
export function troubleOf({ state }: StationSeen): { code: string; message: string } | null {
	if (!state || state.state === 'stopped') return null;
	return state.degraded ?? (state.state === 'error' ? state.error : null);
}

/** Whether a station would compute with an engine, and does not. */
export function isWanting(seen: StationSeen): boolean {
	if (engineOf(seen) !== null || !candidatesOf(wishOf(seen.recipe.provider)).includes('tensorrt'))
		return false;
	return (seen.state?.degraded ?? null) !== null || WANTING.has(troubleOf(seen)?.code ?? '');
}

/** With which engine (SHA-256) a station computes now; null without one. */
export function engineOf({ state }: StationSeen): string | null {
	return state && COMPUTING.includes(state.state) ? (state.model?.engine ?? null) : null;
}
