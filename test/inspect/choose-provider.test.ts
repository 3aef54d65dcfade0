import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import type { Provider } from '../../src/base/provider.js';
import { wishOf } from '../../src/config/provider.js';
import type { RecipeConfig } from '../../src/config/schema.js';
import { readBundle } from '../../src/disk/bundle.js';
import type { OpenSession } from '../../src/graph/session.js';
import { type Choice, chooseProvider, type ProviderWorld } from '../../src/inspect/choose-provider.js';
import { type Bundle, chosenModel } from '../../src/model/bundle.js';
import type { Engine, EngineKey } from '../../src/model/engine.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const choices = suite('what computes');

/** How a provider is on a machine of functions. */
type State =
	| 'good'
	| 'absent'
	| 'without a library'
	| 'does not open'
	| 'runs elsewhere'
	| 'runs partly elsewhere'
	| 'scores wrongly'
	| 'is slow'
	| 'has no engine'
	| 'has a damaged engine'
	| 'has an engine of another driver'
	| 'has an engine of another model'
	| 'has an engine that changed';

type Machine = Readonly<Partial<Record<Provider, State>>> & { readonly driver?: null };

const told = { tensorrt: '10.3.0', driver: '540.4.0', sm: '8.7', l4t: '36.4.3' };

const CEILING_MS = 100;

/** Computes nothing: it knows what is right. Its clock moves as long as a picture takes. */
function standIn(bundle: Bundle, machine: Machine): { world: ProviderWorld; open: () => number } {
	let open = 0;
	let nowMs = 0;
	const stateOf = (provider: Provider): State =>
		machine[provider] ?? (provider === 'cpu' ? 'good' : 'absent');
	const { sha256 } = chosenModel(bundle);
	const openSession: OpenSession = async (model, { provider = 'cpu' }) => {
		const state = stateOf(provider);
		if (state === 'does not open') throw new Failure('model-failed', `Cannot open it with "${provider}"`);
		open += 1;
		const isEngine = typeof model === 'object' && 'engine' in model;
		assert.is(isEngine, provider === 'tensorrt', 'TensorRT computes through an engine alone');
		return {
			sha256: isEngine ? (state === 'has an engine that changed' ? 'changed' : 'e') : sha256,
			...(isEngine && { wrapper: 'w' }),
			run: async ({ image }) => {
				nowMs += state === 'is slow' ? CEILING_MS + 1 : 10;
				const bytes = Buffer.from(image!.data as Uint8Array);
				const expected = bundle.golden.find((vector) => bytes.equals(vector.image))!.expected.fp32!;
				const { width, height } = bundle.manifest.input.tiling;
				const map = new Float32Array(width * height);
				for (const [i, value] of Object.entries(expected.map)) map[Number(i)] = value;
				const score = expected.score * (state === 'scores wrongly' ? 2 : 1);
				return {
					map: { dtype: 'float32', shape: [height, width], data: map },
					score: { dtype: 'float32', shape: [], data: Float32Array.of(score) },
				};
			},
			ranOn: async () => {
				if (state === 'runs elsewhere') return ['cpu'];
				return state === 'runs partly elsewhere' ? ['cpu', provider] : [provider];
			},
			close: async () => {
				open -= 1;
			},
		};
	};
	const engineFor = async (key: EngineKey): Promise<Engine> => {
		const state = stateOf('tensorrt');
		if (state === 'has no engine') throw new Failure('engine-missing', 'There is none');
		if (state === 'has a damaged engine') throw new Failure('engine-invalid', 'It is damaged');
		const driver = state === 'has an engine of another driver' ? '1.0' : key.driver;
		const model = state === 'has an engine of another model' ? 'other' : key.model;
		return {
			id: 'e',
			engine: '/e/model.engine',
			wrapper: '/e/model.onnx',
			record: {
				formatVersion: 1,
				key: { ...key, driver, model },
				bundle: bundle.id,
				source: 's',
				engine: 'e',
				wrapper: 'w',
				builtAt: '2026-11-30T00:00:00Z',
				seconds: 1,
				pictures: 1,
				gate: [],
			} as Engine['record'],
		};
	};
	const world: ProviderWorld = {
		openSession,
		engineFor,
		lackOf: (provider) => {
			const state = stateOf(provider);
			if (state !== 'absent' && state !== 'without a library') return null;
			const failure = new Failure('provider-unavailable', `Cannot use provider "${provider}": ${state}`);
			return { failure, isAbsent: state === 'absent' };
		},
		machine: async () => (machine.driver === null ? { ...told, driver: null } : told),
		now: () => nowMs,
	};
	return { world, open: () => open };
}

/** Everything that can be wrong with a provider that is here, and the code that says so. */
const wrong: readonly (readonly [state: State, code: string])[] = [
	['without a library', 'provider-unavailable'],
	['does not open', 'model-failed'],
	['runs elsewhere', 'provider-mistaken'],
	['runs partly elsewhere', 'provider-mistaken'],
	['scores wrongly', 'bundle-golden'],
	['is slow', 'provider-slow'],
];

const wrongEngine: typeof wrong = [
	['has no engine', 'engine-missing'],
	['has a damaged engine', 'engine-invalid'],
	['has an engine of another driver', 'engine-invalid'],
	['has an engine of another model', 'engine-invalid'],
	['has an engine that changed', 'engine-invalid'],
];

type Row = readonly [
	setting: RecipeConfig['provider'],
	machine: Machine,
	provider: Provider,
	degraded: string | null,
];

const served: readonly Row[] = [
	['auto', {}, 'cpu', null],
	['auto', { cuda: 'good' }, 'cuda', null],
	['auto', { tensorrt: 'good', cuda: 'good' }, 'tensorrt', null],
	['auto', { webgpu: 'good' }, 'cpu', null],
	['cpu', { tensorrt: 'good', cuda: 'good' }, 'cpu', null],
	['cpu', { cpu: 'is slow' }, 'cpu', null],
	['webgpu', { webgpu: 'good', cuda: 'good' }, 'webgpu', null],
	[{ prefer: 'cpu' }, { cuda: 'good' }, 'cpu', null],
	[{ prefer: 'tensorrt' }, { tensorrt: 'good' }, 'tensorrt', null],
	[{ prefer: 'tensorrt' }, { cuda: 'good' }, 'cuda', 'provider-unavailable'],
	[{ prefer: 'tensorrt' }, {}, 'cpu', 'provider-unavailable'],
	[{ prefer: 'webgpu' }, { cuda: 'good' }, 'cuda', 'provider-unavailable'],
	[{ prefer: 'webgpu' }, {}, 'cpu', 'provider-unavailable'],
	// Libraries without a device.
	['auto', { cuda: 'without a library', driver: null }, 'cpu', null],
	[{ prefer: 'cuda' }, { cuda: 'without a library', driver: null }, 'cpu', 'provider-unavailable'],
	...wrong.flatMap(([state, code]): Row[] => [
		['auto', { cuda: state }, 'cpu', code],
		['auto', { tensorrt: state, cuda: 'good' }, 'cuda', code],
		[{ prefer: 'cuda' }, { cuda: state }, 'cpu', code],
		[{ prefer: 'tensorrt' }, { tensorrt: 'has no engine', cuda: state }, 'cpu', 'engine-missing'],
		[{ prefer: 'webgpu' }, { webgpu: state }, 'cpu', code],
	]),
	...wrongEngine.flatMap(([state, code]): Row[] => [
		['auto', { tensorrt: state, cuda: 'good' }, 'cuda', code],
		[{ prefer: 'tensorrt' }, { tensorrt: state }, 'cpu', code],
	]),
];

for (const [setting, machine, provider, degraded] of served)
	choices(`is ${provider} for ${JSON.stringify(setting)} where ${JSON.stringify(machine)}`, async () => {
		const { bundle, choose, open } = await on(machine);
		const choice = await choose(setting);
		assert.is(choice.provider, provider);
		assert.is(choice.scorer.provider, provider);
		assert.is(choice.degraded?.code ?? null, degraded);
		assert.is(choice.scorer.model, chosenModel(bundle).sha256);
		assert.is(choice.scorer.engine, provider === 'tensorrt' ? 'e' : null);
		assert.is(
			choice.fingerprint,
			{
				tensorrt: 'TensorRT 10.3.0, SM 8.7, driver 540.4.0, L4T 36.4.3',
				cuda: 'SM 8.7, driver 540.4.0, L4T 36.4.3',
			}[provider as string] ?? null,
		);
		assert.is(open(), 1, 'nothing that was tried before stays open');
		await choice.scorer.close();
	});

const refused: readonly (readonly [setting: RecipeConfig['provider'], machine: Machine, code: string])[] = [
	...(['tensorrt', 'cuda', 'webgpu'] as const).flatMap((require) => [
		[require, {}, 'provider-unavailable'] as const,
		...wrong.map(([state, code]) => [{ require }, { [require]: state }, code] as const),
	]),
	...wrongEngine.map(([state, code]) => ['tensorrt', { tensorrt: state, cuda: 'good' }, code] as const),
	[{ require: 'tensorrt' }, { tensorrt: 'good', driver: null }, 'engine-missing'],
	['cpu', { cpu: 'scores wrongly', cuda: 'good' }, 'bundle-golden'],
	['auto', { cpu: 'does not open', cuda: 'is slow' }, 'model-failed'],
];

for (const [setting, machine, code] of refused)
	choices(`fails with ${code} for ${JSON.stringify(setting)} where ${JSON.stringify(machine)}`, async () => {
		const { choose, open } = await on(machine);
		assert.is((await failureOf(choose(setting))).code, code);
		assert.is(open(), 0);
	});

choices('names each thing that stood in the way, and what the machine does not tell', async () => {
	const both = await on({ tensorrt: 'has no engine', cuda: 'is slow' });
	const { degraded, scorer } = await both.choose({ prefer: 'tensorrt' });
	assert.match(
		degraded!.message,
		/There is none; .*"cuda".*a picture takes 101 ms there, the deadline allows 100 ms/,
	);
	await scorer.close();
	const silent = await on({ tensorrt: 'good', driver: null });
	assert.match((await failureOf(silent.choose('tensorrt'))).message, /no NVIDIA driver was found/);
});

choices(
	'is not what a process died of, unless nothing else may compute; and is told before it is tried',
	async () => {
		const { bundle, world } = await on({ tensorrt: 'good', cuda: 'good' });
		const tried: Provider[] = [];
		const settings = {
			threads: 1,
			precision: 'bundle',
			ceilingMs: CEILING_MS,
			avoided: ['tensorrt'],
		} as const;
		const choose = (setting: RecipeConfig['provider']) =>
			chooseProvider(bundle, wishOf(setting), settings, {
				...world,
				trying: async (provider) => void tried.push(provider),
			});
		for (const [setting, provider, code] of [
			['auto', 'cuda', 'model-failed'],
			[{ prefer: 'tensorrt' }, 'cuda', 'model-failed'],
			['tensorrt', 'tensorrt', undefined],
		] as const) {
			const { scorer, degraded, provider: chosen } = await choose(setting);
			assert.equal([chosen, degraded?.code], [provider, code]);
			await scorer.close();
		}
		assert.equal(tried, ['cuda', 'cuda', 'tensorrt']);
	},
);

choices('looks no further where another provider would not help', async () => {
	const { bundle, world } = await on({ cuda: 'good' });
	const changed = { ...bundle.manifest.files, models: { fp32: '0'.repeat(64) } };
	const other = { ...bundle, manifest: { ...bundle.manifest, files: changed } };
	const settings = { threads: 1, precision: 'bundle', ceilingMs: CEILING_MS } as const;
	const failure = await failureOf(chooseProvider(other, wishOf('auto'), settings, world));
	assert.is(failure.code, 'bundle-invalid');
	const fp16 = { ...settings, precision: 'fp16' } as const;
	assert.is((await failureOf(chooseProvider(bundle, wishOf('auto'), fp16, world))).code, 'precision-refused');
});

let tiny: Promise<Bundle> | undefined;

/** Read once: what computes here looks at no file. */
async function tinyOnce(): Promise<Bundle> {
	await using folder = await temporaryFolder();
	return await readBundle(await tinyBundle(join(folder.path, 'b')));
}

async function on(machine: Machine) {
	tiny ??= tinyOnce();
	const bundle = await tiny;
	const { world, open } = standIn(bundle, machine);
	const settings = { threads: 1, precision: 'bundle', ceilingMs: CEILING_MS } as const;
	const choose = (setting: RecipeConfig['provider']): Promise<Choice> =>
		chooseProvider(bundle, wishOf(setting), settings, world);
	return { bundle, world, open, choose };
}

choices.run();
