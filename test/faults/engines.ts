import { basename } from 'node:path';
import { Failure } from '../../src/base/failure.js';
import { sha256Of } from '../../src/base/hash.js';
import { oneOf, type Random } from '../../src/base/random.js';
import type { EngineShelf } from '../../src/daemon/engine-shelf.js';
import type { JobWorks } from '../../src/jobs/run.js';
import {
	ENGINE_FORMAT_VERSION,
	type Engine,
	type EngineKey,
	type EngineRecord,
	type EngineSetback,
	engineId,
	engineKeyOf,
	fingerprintOf,
	type Machine,
} from '../../src/model/engine.js';
import type { Engines, EngineTold } from '../../src/protocol/engines.js';
import { instantOf } from '../../src/protocol/fields.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { engineFor } from '../../src/station/providers.js';
import type { Disk } from './disk.js';
import { never } from './process.js';
import type { EngineFate, Shelf } from './shelf.js';
import type { Being } from './time.js';

export type EnginesBoxWorld = {
	readonly shelf: Shelf;
	readonly disk: Pick<Disk, 'takesNothing' | 'faults'>;
	readonly wallClock: () => number;
	readonly random: Random;
	/** Asks the box, where anybody hears it. */
	readonly ask: (request: object) => void;
	readonly violated: (what: string) => void;
};

/** Builds take a while, and are told of in so many steps. */
const STEPS = 5;
const STEP_MS = 1500;
const LOOK_MS = 3;

/** With these no part is ever judged: they are built, and do not hold when a station tries them. */
const UNUSABLE: ReadonlySet<EngineFate> = new Set(['differs', 'kills', 'slow', 'frail']);

/** Failures that are known to come again: nobody tries it by itself. */
const LASTING: ReadonlySet<EngineFate> = new Set(['fails', 'hangs']);

type Lying = Engine & { isDamaged: boolean };

/** The engines of one box, the machine that they are for, and what is told of them. */
export function createEngines({ shelf, disk, wallClock, random, ask, violated }: EnginesBoxWorld) {
	let machine: Machine = { tensorrt: '10.3.0', driver: '540.4.0', sm: '8.7', l4t: '36.4.3' };
	const lying = new Map<string, Lying>();
	const setbacks = new Map<string, EngineSetback>();
	/** All that ever lay there, by their hashes. */
	const made = new Map<string, { readonly bundle: string; readonly fate: EngineFate }>();
	let noted: unknown;
	let builds = 0;
	let count = 0;
	let told: Engines | undefined;

	const keyOf = (model: string): EngineKey =>
		engineKeyOf({ files: { golden: '', models: { fp32: shelf.sha256Of(model) } } }, 'fp32', machine);
	const unwritable = () => new Failure('file-unwritable', 'Cannot write the engine: the disk takes nothing');
	const find = async (_: string, key: EngineKey): Promise<Engine | undefined> => {
		const found = lying.get(engineId(key));
		if (found?.isDamaged)
			throw new Failure('engine-invalid', `Cannot use engine "${found.id}": "model.engine" is damaged`);
		return found;
	};
	const setback = async (_: string, key: EngineKey) => setbacks.get(engineId(key));
	const install = (key: EngineKey, model: string, fate: EngineFate): Engine => {
		builds += 1;
		const id = engineId(key);
		const engine = sha256Of(`engine ${id} ${builds}`);
		const record: EngineRecord = {
			...{ formatVersion: ENGINE_FORMAT_VERSION, key, bundle: basename(model), source: key.model, engine },
			...{ wrapper: sha256Of(engine), builtAt: instantOf(wallClock()), seconds: 1, pictures: 1, gate: [] },
		};
		const place = `${id}/${builds}`;
		const found = { id, record, wrapper: `${place}.onnx`, engine: `${place}.engine`, isDamaged: false };
		lying.set(id, found);
		setbacks.delete(id);
		made.set(engine, { bundle: basename(model), fate });
		return found;
	};

	/** One job; it can be ended between any two of its waits. */
	const build =
		(process: Being, die: () => void): JobWorks['engine'] =>
		async ({ bundle, limitMs, again }, signal, report) => {
			const shelved = shelf.find(bundle);
			if (!shelved)
				throw new Failure('bundle-invalid', `Cannot use bundle "${bundle}": there is no such folder`);
			const key = keyOf(bundle);
			if (!again) {
				const stands = await find('', key).catch(() => undefined);
				if (stands) return { id: stands.id, engine: stands.record.engine, seconds: 0, isNew: false };
				const before = await setback('', key);
				if (before) throw new Failure('engine-failed', `It failed before: ${before.message}`);
			}
			const fate = shelved.engine;
			const beganMs = process.now();
			const failed = (message: string): Failure => {
				const at = instantOf(wallClock());
				const lasting = { key, at, code: 'engine-failed', message, tail: 'its last words' };
				if (!disk.takesNothing) setbacks.set(engineId(key), lasting);
				return new Failure('engine-failed', message);
			};
			if (fate === 'mute') return never;
			const endsAt = STEPS * process.chance();
			for (let step = 0; step < STEPS; step += 1) {
				report({ phase: 'building', share: step / STEPS, line: `step ${step}` });
				await process.pause(fate === 'hangs' ? limitMs : STEP_MS * 2 * process.chance(), signal);
				signal.throwIfAborted();
				if (process.now() - beganMs > limitMs) throw failed('it was not done in time');
				if (fate === 'fails' && step >= endsAt) throw failed('TensorRT knows no such node');
				if (fate === 'dies' && step >= endsAt) {
					die();
					await never;
				}
			}
			if (disk.takesNothing) throw unwritable();
			const built = install(key, bundle, fate);
			await process.pause(LOOK_MS, signal);
			return { id: built.id, engine: built.record.engine, seconds: 1, isNew: true };
		};

	/** What a daemon sees of them. */
	const shelfOf = (being: Being): EngineShelf => {
		const looked = () => being.pause(LOOK_MS, new AbortController().signal);
		return {
			seek: async ({ model }) => {
				await looked();
				if (!shelf.find(model)) throw new Failure('bundle-invalid', `Cannot use bundle "${model}"`);
				return { id: engineId(keyOf(model)), bundle: basename(model), precision: 'fp32', place: model };
			},
			setbackOf: async ({ id }) => setbacks.get(id) ?? null,
			remove: async (id) => {
				await looked();
				if (disk.faults.has('failing')) throw unwritable();
				const isSetback = setbacks.delete(id);
				return lying.delete(id) || isSetback;
			},
			kept: async () =>
				[...lying.values()].map(({ id, record }) => ({
					...{
						id,
						bundle: record.bundle,
						at: record.builtAt,
						machine: fingerprintOf(record.key),
						fault: null,
					},
				})),
			noted: async () => noted,
			note: async (notes) => {
				await looked();
				if (disk.takesNothing) throw unwritable();
				noted = JSON.parse(JSON.stringify(notes));
			},
		};
	};

	return {
		machine: () => machine,
		build,
		shelfOf,
		/** As a station's process finds it. */
		engineFor: (key: EngineKey, shunned: readonly string[]): Promise<Engine> =>
			engineFor(key, { engineFolder: 'engines', shunned }, { find, setback }),
		/** Of one that a station has opened, by the place where it lies. */
		opened: (
			place: string,
		): { readonly engine: string; readonly wrapper: string; readonly fate: EngineFate } => {
			const found = [...lying.values()].find(({ engine }) => engine === place);
			if (!found) throw new Failure('engine-invalid', `Cannot use engine "${place}": there is no such file`);
			const { engine, wrapper } = found.record;
			return { engine, wrapper, fate: made.get(engine)!.fate };
		},
		/** The driver is another: no engine is for this machine any more. */
		renewMachine: (): void => {
			count += 1;
			machine = { ...machine, driver: `540.4.${count}` };
		},
		damage: (): void => {
			const all = [...lying.values()];
			if (all.length > 0) oneOf(all, random).isDamaged = true;
		},
		ask: (): void => {
			const known = told?.engines ?? [];
			if (known.length === 0) return;
			const { id, bundle } = oneOf(known, random);
			count += 1;
			const request =
				random.uniform() < 0.4
					? { action: 'remove', engine: id }
					: { action: 'build', bundle, again: random.uniform() < 0.5 };
			ask({ id: `engine-${count}`, client: 'engineer', ...request });
		},
		told: (message: Engines): void => {
			told = message;
			for (const { id, engine, bundle } of message.engines) {
				const of = engine === null ? bundle : made.get(engine)?.bundle;
				if (of !== bundle) violated(`engine ${id} of ${bundle} is told as ${engine}, which is of ${of}`);
			}
		},
		/** A part was judged: by what was built of its bundle and holds, or by no engine. */
		judged: ({ id, verdict, model }: VerdictMessage): void => {
			if (!model?.engine) return;
			const known = made.get(model.engine);
			if (!known) violated(`${id} was judged by engine ${model.engine}, which nobody made`);
			else if (known.bundle !== model.bundle)
				violated(`${id} of bundle ${model.bundle} was judged by an engine of ${known.bundle}`);
			else if (verdict !== 'error' && UNUSABLE.has(known.fate))
				violated(`${id} was judged by an engine that ${known.fate}`);
		},
		/** When everything is well. `bundles`: by which each station judges. */
		settle: (bundles: ReadonlyMap<string, string>): void => {
			const known = told?.engines ?? [];
			const isAtWork = known.some(({ state }) => state === 'building' || state === 'moving');
			for (const [station, bundle] of bundles) {
				const one = known.find((engine) => engine.bundle === bundle && engineId(keyOf(bundle)) === engine.id);
				const fate = shelf.find(bundle)?.engine;
				const fault = one ? faultOf(one, station, fate, isAtWork) : 'nobody tells of it';
				if (fault !== undefined) violated(`the engine of ${bundle} (${fate}) for ${station}: ${fault}`);
			}
		},
	};
}

/** What is wrong with an engine that a station wants while nothing else is. */
function faultOf(
	{ state, usedBy, refusedBy, error }: EngineTold,
	station: string,
	fate: EngineFate | undefined,
	isAtWork: boolean,
): string | undefined {
	if (state === 'building' || state === 'moving') return undefined;
	if (state === 'waiting') return isAtWork ? undefined : 'it waits, and nothing else is at work';
	const isUsed = usedBy.includes(station);
	if (isUsed) return fate === undefined || !UNUSABLE.has(fate) ? undefined : 'it is used';
	if (state === 'failed') {
		const isLasting = fate !== undefined && LASTING.has(fate);
		return isLasting || error?.againAt ? undefined : `it has failed for ever: ${error?.message}`;
	}
	if (refusedBy.some((one) => one.station === station)) return undefined;
	return `it is ${state}, and not used`;
}

export type EnginesBox = ReturnType<typeof createEngines>;
