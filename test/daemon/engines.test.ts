import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import type { Precision } from '../../src/base/precision.js';
import { randomFrom } from '../../src/base/random.js';
import type { RecipeConfig } from '../../src/config/schema.js';
import { Refusal } from '../../src/control/answer.js';
import { createEngineChoices } from '../../src/daemon/engine-choices.js';
import type { StationSeen } from '../../src/daemon/engine-items.js';
import { type EnginesService, type EnginesSettings, startEngines } from '../../src/daemon/engines.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from '../../src/protocol/engine-messages.js';
import {
	type EngineNotes,
	type Engines,
	type EngineTold,
	engineNotesSchema,
	enginesSchema,
} from '../../src/protocol/engines.js';
import type { Entry } from '../../src/protocol/events.js';
import { type Degraded, noCounts, type StationState, stationState } from '../../src/protocol/states.js';
import type { ModelTold } from '../../src/protocol/verdict.js';
import { failureOf } from '../failure-of.js';
import { recipeWith } from '../inspect/inspection.js';
import { simulatedPace } from '../simulated-pace.js';

const engines = suite('the engines of a box');

const shaOf = (n: number) => n.toString(16).padStart(2, '0').repeat(32);

/** A build that a test ends as it likes. */
type Build = {
	readonly request: EngineRequest;
	readonly report: (progress: EngineProgress) => void;
	readonly signal: AbortSignal;
	done(built?: Partial<EngineBuilt>): void;
	fail(thrown: unknown): void;
};

type Move = { readonly station: string; readonly engine: string; done(): void; fail(thrown: unknown): void };

const modelWith = (bundle: string, precision: Precision, engine: string | null): ModelTold => ({
	...{ name: 'm', bundle, sha256: shaOf(1), precision, engine },
	...{ provider: engine === null ? 'cpu' : 'tensorrt', fingerprint: null },
});

const runsIn = (precision: RecipeConfig['precision']) => (precision === 'bundle' ? 'fp16' : precision);

/** A box of functions: stations say what a test says, builds and moves end when it says so. */
function box(settings: Partial<EnginesSettings> = {}, kept: { notes: unknown } = { notes: undefined }) {
	const pace = simulatedPace();
	const seen = new Map<string, StationSeen>();
	const builds: Build[] = [];
	const moves: Move[] = [];
	const said: Engines[] = [];
	const events: Entry[] = [];
	const logged: string[] = [];
	const choices = createEngineChoices();
	const given = {
		isTeaching: false,
		setback: { tail: 'the last words of trtexec' } as { readonly tail: string } | null,
		machine: 'orin',
		seeks: 0,
	};
	const stateOf = (
		station: string,
		told: Partial<Pick<StationState, 'state' | 'model' | 'error' | 'degraded'>>,
	): StationState =>
		stationState(
			{
				...{ state: 'running', model: null, threshold: 0.5, error: null, degraded: null, drift: [] },
				...told,
			},
			{ box: 't', station, recipe: 'r' },
			noCounts,
			Math.round(pace.now()),
		);
	const bundleOf = (model: string) => `${model.slice(model.lastIndexOf('/') + 1)}@1c947c1d`;
	const world = {
		stations: () => [...seen.values()],
		seek: async ({ model, precision }: Pick<RecipeConfig, 'model' | 'precision'>) => {
			given.seeks += 1;
			if (model.endsWith('broken')) throw new Failure('bundle-invalid', 'it is broken');
			const runs = runsIn(precision);
			const bundle = bundleOf(model);
			return { id: `${bundle}-${runs}-${given.machine}`, bundle, precision: runs, place: model };
		},
		build: (request: EngineRequest, { signal, report }: Pick<Build, 'signal' | 'report'>) =>
			new Promise<EngineBuilt>((resolve, reject) => {
				const engine = shaOf(builds.length + 0x10);
				builds.push({
					...{ request, signal, report, fail: reject },
					done: (built) => resolve({ id: 'x', engine, seconds: 1, isNew: true, ...built }),
				});
				signal.addEventListener('abort', () => reject(signal.reason));
			}),
		setbackOf: async () => given.setback,
		remove: async (id: string) => id.includes('@'),
		kept: async () => [],
		isTeaching: () => given.isTeaching,
		move: ({ station }: StationSeen, engine: string, signal: AbortSignal) =>
			new Promise<void>((resolve, reject) => {
				moves.push({ station, engine, done: resolve, fail: reject });
				signal.addEventListener('abort', () => reject(signal.reason));
			}),
		choices,
		noted: async () => kept.notes,
		note: async (notes: EngineNotes) => {
			kept.notes = JSON.parse(JSON.stringify(engineNotesSchema.parse(notes)));
		},
		record: {
			note: async (entry: Entry) => {
				events.push(entry);
				return undefined;
			},
			retain: (topicAt: (root: string) => string, payload: Uint8Array) => {
				assert.is(topicAt('root'), 'root/t/engines');
				said.push(enginesSchema.parse(JSON.parse(new TextDecoder().decode(payload))));
			},
		},
		pace: { ...pace, chance: () => 0 },
		wallClock: () => 1_700_000_000_000 + Math.round(pace.now()),
		secrets: ['hunter22'],
		log: (level: string, about: string, message: string) => void logged.push(`${level} ${about}: ${message}`),
	};
	const put = (
		station: string,
		told: Parameters<typeof stateOf>[1],
		recipe: RecipeConfig = seen.get(station)?.recipe ?? recipeWith({ model: `/b/${station}` }),
	) => void seen.set(station, { station, recipe, state: stateOf(station, told) });
	return {
		...{ pace, given, builds, moves, said, events, logged, choices, kept, seen, put },
		start: () => startEngines({ box: 't', folder: '/e', build: true, limitS: 100, ...settings }, world),
		/** It computes elsewhere, and says so. */
		want: (station: string, code: Degraded['code'] = 'engine-missing', recipe?: RecipeConfig) => {
			const asked = recipe ?? recipeWith({ model: `/b/${station}` });
			const model = modelWith(bundleOf(asked.model), runsIn(asked.precision), null);
			put(station, { model, degraded: { code, message: `${station} has none` } }, recipe);
		},
		/** It computes with an engine. */
		use: (station: string, engine: string) => {
			const { recipe } = seen.get(station) ?? { recipe: recipeWith({ model: `/b/${station}` }) };
			put(station, { model: modelWith(bundleOf(recipe.model), 'fp16', engine) }, recipe);
		},
		/** Lets time pass. */
		after: (ms: number) => pace.during(pace.pause(ms, new AbortController().signal)),
		until: async (what: string, holds: () => unknown) => {
			for (let i = 0; !holds(); i += 1) {
				assert.ok(i < 200, what);
				await pace.during(pace.pause(1000, new AbortController().signal));
			}
		},
		events: () => events.map(({ station, body }) => `${station ?? '–'} ${(body as EngineTold).state}`),
	};
}

const end = async (service: EnginesService) => service[Symbol.asyncDispose]();

const rowOf = (service: EnginesService, bundle: string): EngineTold => {
	const found = service.current.engines.find((one) => one.bundle.startsWith(bundle));
	assert.ok(found, `there is an engine of ${bundle}`);
	return found;
};

const progress = (share: number | null = 0.5, line: string | null = 'hunter22 layers'): EngineProgress => ({
	phase: 'building',
	share,
	line,
});

engines(
	'are built when stations want them, and the stations are moved to them one after the other',
	async () => {
		const here = box();
		const both = recipeWith({ model: '/b/lid' });
		here.want('a', 'engine-missing', both);
		here.want('b', 'engine-missing', both);
		here.put('c', {});
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		const [build] = here.builds;
		assert.equal(build!.request, {
			bundle: '/b/lid',
			precision: 'fp16',
			cache: '/e',
			limitMs: 100_000,
			again: false,
		});
		build!.report(progress());
		await here.after(3000);
		const row = rowOf(service, 'lid');
		assert.equal([row.state, row.wantedBy, row.progress?.share], ['building', ['a', 'b'], 0.5]);
		assert.is(row.progress?.line, '*** layers', 'what is secret is hidden');
		assert.is(here.builds.length, 1, 'each once');
		build!.done({ engine: shaOf(7) });
		await here.until('a is moved', () => here.moves.length === 1);
		assert.equal([here.moves[0]!.station, here.moves[0]!.engine], ['a', shaOf(7)]);
		await here.after(5000);
		assert.is(here.moves.length, 1, 'one after the other');
		assert.is(rowOf(service, 'lid').state, 'moving');
		here.use('a', shaOf(7));
		here.moves[0]!.done();
		await here.until('b is moved', () => here.moves.length === 2);
		here.use('b', shaOf(7));
		here.moves[1]!.done();
		await here.after(5000);
		const ready = rowOf(service, 'lid');
		assert.equal(
			[ready.state, ready.wantedBy, ready.usedBy, ready.engine],
			['ready', [], ['a', 'b'], shaOf(7)],
		);
		assert.equal(here.events(), ['– building', '– ready', 'a moving', 'a ready', 'b moving', 'b ready']);
		assert.equal([here.builds.length, here.moves.length], [1, 2]);
		await end(service);
	},
);

engines('are built one after the other, and what waits is told', async () => {
	const here = box();
	here.want('a');
	here.want('b');
	here.want('c', 'engine-missing', recipeWith({ model: '/b/a', precision: 'int8' }));
	const service = await here.start();
	await here.until('the first is built', () => here.builds.length === 1);
	await here.after(10_000);
	assert.is(here.builds.length, 1);
	const waits = service.current.engines.map(({ state, waitsFor }) => [state, waitsFor]);
	assert.equal(waits, [
		['building', null],
		['waiting', 'the engine of a@1c947c1d is its turn'],
		['waiting', 'the engine of a@1c947c1d is its turn'],
	]);
	for (const n of [0, 1, 2]) {
		await here.until(`${n} is built`, () => here.builds.length === n + 1);
		here.builds[n]!.fail(new Failure('engine-failed', 'no'));
	}
	await here.after(60_000);
	assert.equal(
		here.builds.map(({ request }) => [request.bundle, request.precision]),
		[
			['/b/a', 'fp16'],
			['/b/b', 'fp16'],
			['/b/a', 'int8'],
		],
	);
	await end(service);
});

engines('are not built again when that failed and would again, and its words are told', async () => {
	for (const tail of ['the last words of trtexec', '']) {
		const here = box();
		here.given.setback = { tail };
		here.want('a');
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		for (const line of ['one', 'hunter22', 'hunter22']) here.builds[0]!.report(progress(0.5, line));
		here.builds[0]!.fail(new Failure('engine-failed', 'Cannot build: out of memory of hunter22'));
		await here.until('it has failed', () => rowOf(service, 'a').state === 'failed');
		await here.after(36_000_000);
		assert.is(here.builds.length, 1);
		assert.is(rowOf(service, 'a').error?.againAt, null);
		const { error, wantedBy } = rowOf(service, 'a');
		assert.equal(
			[error?.code, error?.message, error?.tail, wantedBy],
			['engine-failed', 'Cannot build: out of memory of ***', tail || 'one\n***', ['a']],
		);
		assert.ok(here.logged.some((line) => line.startsWith('warning engines: Cannot build')));
		await end(service);
	}
});

engines('are built again after a while that doubles when what failed may have passed', async () => {
	for (const thrown of [
		new Failure('file-unwritable', 'Cannot write "/e": no space left on device'),
		new Failure('child-died', 'the process ended (SIGKILL)'),
		new Failure('engine-failed', 'trtexec ran out of memory'),
	]) {
		const here = box();
		here.given.setback = null;
		here.want('a');
		const service = await here.start();
		for (const [i, minutes] of [5, 10, 20].entries()) {
			await here.until('it is built', () => here.builds.length === i + 1);
			here.builds[i]!.fail(thrown);
			await here.until('it has failed', () => rowOf(service, 'a').state === 'failed');
			const { error } = rowOf(service, 'a');
			assert.equal([error?.code, error?.times], [thrown.code, i + 1]);
			assert.is(Date.parse(error!.againAt!) - Date.parse(error!.at), minutes * 60_000);
			await here.after(minutes * 60_000 - 2000);
			assert.is(here.builds.length, i + 1);
			await here.after(3000);
		}
		await here.until('it is built', () => here.builds.length === 4);
		here.builds[3]!.done();
		await here.until('it lies there', () => rowOf(service, 'a').engine !== null);
		await end(service);
	}
});

engines(
	'are not built again by themselves where nobody wants that, or the bundle lacks the precision',
	async () => {
		for (const [settings, thrown] of [
			[{ build: false }, new Failure('child-died', 'the process ended (SIGKILL)')],
			[{}, new Failure('precision-refused', 'it holds no such model')],
		] as const) {
			const here = box(settings);
			here.given.setback = null;
			here.want('a');
			const service = await here.start();
			await service.ask({ model: '/b/a', precision: 'bundle' }, false);
			await here.until('it is built', () => here.builds.length === 1);
			here.builds[0]!.fail(thrown);
			await here.until('it has failed', () => rowOf(service, 'a').state === 'failed');
			await here.after(36_000_000);
			assert.equal([here.builds.length, rowOf(service, 'a').error?.againAt], [1, null]);
			await end(service);
		}
	},
);

engines(
	'whose process died are not built again at once by the next daemon, before their key is another',
	async () => {
		const kept = { notes: undefined as unknown };
		const here = box({}, kept);
		here.want('a');
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		here.builds[0]!.fail(new Failure('child-died', 'the process ended (SIGKILL)'));
		await here.until('it has failed', () => rowOf(service, 'a').state === 'failed');
		await end(service);

		const next = box({}, kept);
		next.want('a');
		const again = await next.start();
		await next.after(60_000);
		const { state, error } = rowOf(again, 'a');
		assert.equal([next.builds.length, state, error?.message], [0, 'failed', 'the process ended (SIGKILL)']);
		await again.ask({ model: '/b/a', precision: 'bundle' }, false);
		await next.until('it is built, as somebody asks', () => next.builds.length === 1);
		await end(again);

		const idle = box({ build: false }, kept);
		idle.want('a');
		const unasked = await idle.start();
		await idle.after(36_000_000);
		assert.equal([rowOf(unasked, 'a').state, rowOf(unasked, 'a').error?.againAt], ['failed', null]);
		await end(unasked);

		const later = box({}, kept);
		later.given.machine = 'orin with another TensorRT';
		later.want('a');
		const other = await later.start();
		await later.until('it is tried again', () => later.builds.length === 1);
		await end(other);
	},
);

engines('wait for a lesson, and one that is built is ended for it and built again after', async () => {
	const here = box();
	here.given.isTeaching = true;
	here.want('a');
	const service = await here.start();
	await here.after(60_000);
	assert.equal([here.builds.length, rowOf(service, 'a').waitsFor], [0, 'a lesson is being learnt']);
	here.given.isTeaching = false;
	await here.until('it is built', () => here.builds.length === 1);
	here.given.isTeaching = true;
	await here.until('it is ended', () => here.builds[0]!.signal.aborted);
	await here.after(60_000);
	assert.equal([here.builds.length, rowOf(service, 'a').state], [1, 'waiting']);
	here.given.isTeaching = false;
	await here.until('it is built again', () => here.builds.length === 2);
	here.builds[1]!.done();
	await here.until('a is moved', () => here.moves.length === 1);
	assert.equal(here.kept.notes, undefined, 'nothing has failed');
	await end(service);
});

engines(
	'that a station does not run with leave it where it was, also in the next daemon, and tell why',
	async () => {
		const kept = { notes: undefined as unknown };
		const here = box({}, kept);
		here.want('a');
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		here.builds[0]!.done({ engine: shaOf(7) });
		await here.until('it is moved', () => here.moves.length === 1);
		here.moves[0]!.fail(new Refusal('failed', 'Cannot trust "station a": too late; what ran before runs'));
		await here.after(1_800_000);
		assert.equal([here.builds.length, here.moves.length], [1, 1]);
		const row = rowOf(service, 'a');
		assert.equal([row.state, row.wantedBy], ['ready', ['a']]);
		assert.match(row.refusedBy[0]!.message, /too late/);
		const { recipe } = here.seen.get('a')!;
		assert.equal(here.choices.shunned('a', recipe), [shaOf(7)]);

		const known = box({}, kept);
		known.want('a', 'engine-failed');
		const again = await known.start();
		assert.equal(known.choices.shunned('a', recipe), [shaOf(7)], 'before a station begins');
		await known.until('it is looked at', () => known.builds.length === 1);
		known.builds[0]!.done({ engine: shaOf(7), isNew: false });
		await known.after(120_000);
		assert.equal([known.builds.length, known.moves.length], [1, 0]);
		// The recipe allows it more time now.
		known.want('a', 'engine-failed', { ...recipe, deadlineMs: 60_000 });
		await known.until('it is moved', () => known.moves.length === 1);
		known.moves[0]!.done();
		await end(again);
		await end(service);
	},
);

engines('that a station did not run with are tried again after an hour, then two', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	await here.until('it is built', () => here.builds.length === 1);
	here.builds[0]!.done({ engine: shaOf(7) });
	for (const [i, hours] of [1, 2].entries()) {
		await here.until('it is moved', () => here.moves.length === i + 1);
		here.moves[i]!.fail(new Refusal('failed', 'Cannot trust "station a": its camera was silent'));
		await here.until('it is refused', () => rowOf(service, 'a').refusedBy[0]?.times === i + 1);
		const { at, againAt } = rowOf(service, 'a').refusedBy[0]!;
		assert.is(Date.parse(againAt) - Date.parse(at), hours * 3_600_000);
		await here.after(hours * 3_600_000 - 5000);
		assert.is(here.moves.length, i + 1);
		await here.after(10_000);
	}
	await here.until('it is moved', () => here.moves.length === 3);
	here.moves[2]!.done();
	await here.until('nobody refuses it', () => rowOf(service, 'a').refusedBy.length === 0);
	await end(service);
});

engines('are of the model that a station computes with, while its recipe is of another already', async () => {
	const here = box();
	here.use('a', shaOf(7));
	const service = await here.start();
	await here.after(5000);
	// An edit moves it: its new process has not spoken yet.
	const recipe = recipeWith({ model: '/b/next' });
	here.put('a', { model: modelWith('a@1c947c1d', 'fp16', shaOf(7)) }, recipe);
	await here.after(5000);
	here.want('a', 'engine-missing', recipe);
	await here.until('its own is built', () => here.builds.length === 1);
	assert.is(here.builds[0]!.request.bundle, '/b/next');
	assert.equal([rowOf(service, 'next').engine, here.moves.length], [null, 0]);
	here.builds[0]!.done();
	await end(service);
});

engines('are what a station is moved to that computes elsewhere, whatever kept it from them', async () => {
	for (const code of ['model-failed', 'bundle-golden', 'provider-slow', 'provider-mistaken'] as const) {
		const here = box();
		here.want('a', code);
		const service = await here.start();
		await here.until('it is looked at', () => here.builds.length === 1);
		here.builds[0]!.done({ engine: shaOf(7), isNew: false });
		await here.until('it is moved', () => here.moves.length === 1);
		here.moves[0]!.done();
		await end(service);
	}
	const here = box();
	here.want('a', 'model-failed', recipeWith({ model: '/b/a', provider: { prefer: 'cuda' } }));
	here.put('b', { state: 'error', error: { code: 'model-failed', message: 'the model fails' } });
	const service = await here.start();
	await here.after(60_000);
	assert.equal([here.builds.length, service.current.engines], [0, []]);
	await end(service);
});

engines('give way to a lesson that begins', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	await service.yielded(new AbortController().signal);
	await here.until('it is built', () => here.builds.length === 1);
	here.given.isTeaching = true;
	const yielded = service.yielded(new AbortController().signal);
	await here.until('it is ended', () => here.builds[0]!.signal.aborted);
	await here.pace.during(yielded);
	await here.after(60_000);
	assert.equal([here.builds.length, rowOf(service, 'a').state], [1, 'waiting']);
	await end(service);
});

engines('are moved to later when the configuration is just being mended', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	await here.until('it is built', () => here.builds.length === 1);
	here.builds[0]!.done();
	await here.until('it is moved', () => here.moves.length === 1);
	here.moves[0]!.fail(new Refusal('busy', 'it is mended'));
	await here.after(20_000);
	assert.is(here.moves.length, 1);
	await here.until('it is moved again', () => here.moves.length === 2);
	assert.equal(rowOf(service, 'a').refusedBy, []);
	await end(service);
});

engines('that turn bad are looked at again, and after a few times the station is left alone', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	for (let n = 1; n <= 3; n += 1) {
		await here.until('it is looked at', () => here.builds.length === n);
		here.builds[n - 1]!.done({ engine: shaOf(7), isNew: n === 1 });
		await here.until('it is moved', () => here.moves.length === n);
		here.use('a', shaOf(7));
		here.moves[n - 1]!.done();
		await here.after(5000);
		assert.is(rowOf(service, 'a').state, 'ready');
		// Its process died, and the next one does not take what lies there.
		here.want('a', 'engine-invalid');
	}
	await here.after(120_000);
	assert.equal([here.builds.length, here.moves.length], [3, 3]);
	assert.match(rowOf(service, 'a').refusedBy[0]!.message, /fell back 3 times: a has none/);
	await end(service);
});

engines('that a station has found by itself are told, and neither built nor moved to', async () => {
	const here = box();
	here.use('a', shaOf(9));
	const service = await here.start();
	await here.after(60_000);
	const row = rowOf(service, 'a');
	assert.equal([row.state, row.engine, row.usedBy], ['ready', shaOf(9), ['a']]);
	assert.equal([here.builds.length, here.moves.length], [0, 0]);
	await end(service);
});

engines(
	'are forgotten with the stations that wanted them, and a build that runs is not lost for it',
	async () => {
		const here = box();
		here.want('a');
		here.want('b');
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		here.seen.clear();
		await here.after(5000);
		assert.equal(
			service.current.engines.map(({ bundle, state }) => [bundle, state]),
			[['a@1c947c1d', 'building']],
		);
		here.builds[0]!.done();
		await here.after(5000);
		assert.equal(service.current.engines, []);
		assert.equal([here.builds.length, here.moves.length], [1, 0]);
		await end(service);
	},
);

engines('are not built where that is switched off, unless somebody asks', async () => {
	const here = box({ build: false });
	here.want('a');
	const service = await here.start();
	await here.after(60_000);
	assert.equal([here.builds.length, rowOf(service, 'a').state, service.current.builds], [0, 'off', false]);
	const id = await service.ask({ model: '/b/a', precision: 'bundle' }, false);
	await here.until('it is built', () => here.builds.length === 1);
	assert.is(service.of(id)?.isOver, false);
	here.builds[0]!.done({ engine: shaOf(3) });
	await here.until('it is moved', () => here.moves.length === 1);
	assert.is(service.of(id)?.isOver, false, 'the station has not moved yet');
	here.use('a', shaOf(3));
	here.moves[0]!.done();
	await here.until('it is over', () => service.of(id)?.isOver);
	assert.equal(service.of(id)?.told.usedBy, ['a']);
	await end(service);
});

engines('that failed are built again when somebody asks, and what is built already is joined', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	await here.until('it is built', () => here.builds.length === 1);
	const id = await service.ask({ model: '/b/a', precision: 'bundle' }, false);
	const refused = await service.ask({ model: '/b/a', precision: 'fp16' }, true).catch((thrown) => thrown);
	assert.is((refused as Refusal).code, 'busy');
	here.builds[0]!.fail(new Failure('engine-failed', 'no'));
	// Whoever waits for its end hears of it, and need not look again and again.
	const heard = (async () => {
		while (!service.of(id)?.isOver) await service.changed(new AbortController().signal);
	})();
	await here.pace.during(heard);
	assert.is(service.of(id)?.told.error?.message, 'no');
	await service.ask({ model: '/b/a', precision: 'bundle' }, true);
	await here.until('it is built', () => here.builds.length === 2);
	assert.is(here.builds[1]!.request.again, true);
	assert.match(
		(await failureOf(service.ask({ model: '/b/broken', precision: 'bundle' }, false))).message,
		/broken/,
	);
	await end(service);
});

engines('are taken away when no station computes with them', async () => {
	const here = box();
	here.use('a', shaOf(9));
	const service = await here.start();
	await here.after(3000);
	const { id } = rowOf(service, 'a');
	const used = await service.remove(id).catch((thrown) => thrown);
	assert.is((used as Refusal).code, 'conflict');
	assert.match((used as Refusal).message, /used by a/);
	here.seen.clear();
	await here.after(3000);
	await service.remove(id);
	const none = await service.remove('nothing').catch((thrown) => thrown);
	assert.is((none as Refusal).code, 'conflict');
	await end(service);
});

engines('end their build with the daemon, and note no failure for it', async () => {
	const here = box();
	here.want('a');
	const service = await here.start();
	await here.until('it is built', () => here.builds.length === 1);
	await end(service);
	assert.is(here.builds[0]!.signal.aborted, true);
	assert.is(here.kept.notes, undefined);
	assert.is(here.moves.length, 0);
});

engines('end a build that does not end itself when its time is over', async () => {
	const here = box({ limitS: 60 });
	here.want('a');
	const service = await here.start();
	await here.until('it is built', () => here.builds.length === 1);
	await here.after(170_000);
	assert.is(here.builds[0]!.signal.aborted, false);
	await here.after(20_000);
	assert.is(here.builds[0]!.signal.aborted, true);
	assert.equal([rowOf(service, 'a').state, rowOf(service, 'a').error?.code], ['failed', 'engine-failed']);
	assert.match(rowOf(service, 'a').error!.message, /not done within 60 s/);
	await end(service);
});

engines('take what the last daemon noted for nothing where it cannot be read', async () => {
	for (const notes of [null, 7, 'x', { failed: [{}], shuns: [] }, { failed: [] }]) {
		const here = box({}, { notes });
		here.want('a');
		const service = await here.start();
		await here.until('it is built', () => here.builds.length === 1);
		await end(service);
	}
});

/** What must hold at every moment, whatever happens. */
engines(
	'build one at a time and never beside a lesson, and each ends somewhere, whatever comes',
	async () => {
		for (let seed = 1; seed <= 12; seed += 1) {
			const here = box();
			const { uniform: chance } = randomFrom(seed);
			const names = ['a', 'b', 'c', 'd'];
			const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)]!;
			const service = await here.start();
			const open = { build: undefined as Build | undefined, move: undefined as Move | undefined };
			const failedOf = new Map<string, number>();
			for (let step = 0; step < 100; step += 1) {
				const what = chance();
				if (what < 0.2) here.want(pick(names), pick(['engine-missing', 'engine-invalid', 'engine-failed']));
				else if (what < 0.25) here.seen.delete(pick(names));
				else if (what < 0.3) here.given.isTeaching = !here.given.isTeaching;
				else if (what < 0.35)
					here.put(pick(names), { state: 'error', error: { code: 'camera-silent', message: 'x' } });
				else if (what < 0.55 && open.build) {
					const { request } = open.build;
					if (chance() < 0.3) {
						failedOf.set(request.bundle, here.builds.length);
						open.build.fail(new Failure('engine-failed', 'no'));
					} else open.build.done({ engine: shaOf(request.bundle.charCodeAt(3)) });
					open.build = undefined;
				} else if (what < 0.75 && open.move) {
					const { station, engine } = open.move;
					const how = chance();
					if (how < 0.3) open.move.fail(new Refusal(pick(['failed', 'busy']), 'no'));
					else {
						if (here.seen.has(station)) here.use(station, engine);
						open.move.done();
					}
					open.move = undefined;
				}
				const [builds, moves] = [here.builds.length, here.moves.length];
				await here.after(1500);
				if (open.build?.signal.aborted) {
					assert.ok(here.given.isTeaching, 'ended for a lesson alone');
					open.build = undefined;
				}
				if (here.builds.length > builds) {
					assert.is(here.builds.length, builds + 1, 'one at a time');
					assert.ok(!open.build && !open.move, 'one thing at a time');
					assert.ok(!here.given.isTeaching, 'not beside a lesson');
					const build = here.builds.at(-1)!;
					assert.not.ok(failedOf.has(build.request.bundle), `seed ${seed}: what failed is not built again`);
					open.build = build;
				}
				if (here.moves.length > moves) {
					assert.is(here.moves.length, moves + 1, 'one at a time');
					assert.ok(!open.build && !open.move, 'one thing at a time');
					open.move = here.moves.at(-1);
				}
				for (const told of service.current.engines) {
					if (told.state === 'failed') assert.ok(told.error);
					if (told.state === 'ready') assert.ok(told.engine);
				}
			}
			await end(service);
			assert.not.ok(
				here.logged.some((line) => line.includes('a fault of ours')),
				here.logged.join('\n'),
			);
		}
	},
);

engines.run();
