// What keeps a verdict from being computed elsewhere than was chosen, against a real provider that is not the processor.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { readBundle } from '../../src/disk/bundle.js';
import { float32 } from '../../src/graph/tensor.js';
import { chooseProvider, type ProviderWorld } from '../../src/inspect/choose-provider.js';
import { decide } from '../../src/inspect/decide.js';
import { openScorer } from '../../src/inspect/scorer.js';
import type { Bundle } from '../../src/model/bundle.js';
import { productProbe } from '../../src/model/product-probe.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { doubledByWebgpu, doubling, noWebgpu } from './on-webgpu.js';

const webgpu = suite('webgpu');

/** As ONNX Runtime says it where it is let to compute a part on the processor. */
const SPLIT = ['CPUExecutionProvider', 'WebGpuExecutionProvider'];

webgpu("has every node in ONNX Runtime's own record", async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	const session = await openSession(doubling(), { provider: 'webgpu', recorded: true });
	const { y } = await session.run({ x: float32([3], [1, 2, 3]) });
	assert.equal([...y!.data], [2, 4, 6]);
	assert.equal(await session.ranOn(), ['webgpu']);
	await session.close();
});

webgpu(
	'takes a model whole or not at all: int8, of which it would leave a part to the processor, not',
	async () => {
		const reason = noWebgpu();
		if (reason) return console.log(`skipped: ${reason}`);
		const { model } = productProbe();
		assert.equal(await unguarded(model), SPLIT);
		const failure = await failureOf(openSession(model, { provider: 'webgpu', name: 'probe.onnx' }));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, 'Cannot open model "probe.onnx" with provider "webgpu"');
	},
);

webgpu('proves a bundle, and its verdicts count where it was chosen alone', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const there = await openScorer(bundle, openSession, { provider: 'webgpu' });
	const here = await openScorer(bundle, openSession, { provider: 'cpu', threads: 1 });
	assert.is(there.provider, 'webgpu');
	const { image } = bundle.golden[0]!;
	const [a, b] = [await there.score(image), await here.score(image)];
	assert.ok(Math.abs(a.score - b.score) < 1e-4, `${a.score} ${b.score}`);
	const furthest = a.map.reduce((most, value, i) => Math.max(most, Math.abs(value - b.map[i]!)), 0);
	assert.ok(furthest < 1e-4, `${furthest}`);
	const evidence = {
		score: a.score,
		threshold: a.score,
		ageMs: 1,
		deadlineMs: 2,
		model: there.model,
		recipeModel: there.model,
		provider: there.provider,
	};
	assert.is(decide({ ...evidence, allowedProvider: 'webgpu' }).verdict, 'accept');
	assert.is(decide({ ...evidence, allowedProvider: 'cpu' }).error?.doubt, 'provider-mistaken');
	assert.is(
		decide({ ...evidence, provider: here.provider, allowedProvider: 'webgpu' }).error?.doubt,
		'provider-mistaken',
	);
	await there.close();
	await here.close();
});

webgpu('is refused with the deviation for a bundle that it does not score as it was taught', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const failure = await failureOf(openScorer(moved(bundle, 0.5), openSession, { provider: 'webgpu' }));
	assert.is(failure.code, 'bundle-golden');
	assert.match(failure.message, /on provider "webgpu": golden vector 1 deviates by 5\.0e-1/);
});

webgpu('is taken where it is preferred and proven, else the processor serves and says why', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const absent = { failure: new Failure('provider-unavailable', 'There is no CUDA here'), isAbsent: true };
	const untold = async () => {
		throw new Error('only engines depend on it');
	};
	const world: ProviderWorld = {
		openSession,
		lackOf: (provider) => (provider === 'cuda' ? absent : null),
		machine: untold,
		engineFor: untold,
		now: () => performance.now(),
	};
	const wish = { how: 'prefer', provider: 'webgpu' } as const;
	const choose = (ceilingMs: number) => chooseProvider(bundle, wish, { ceilingMs, threads: 1 }, world);
	const proven = await choose(60_000);
	assert.equal([proven.provider, proven.scorer.provider, proven.degraded], ['webgpu', 'webgpu', null]);
	await proven.scorer.close();
	const late = await choose(0);
	assert.equal([late.provider, late.scorer.provider], ['cpu', 'cpu']);
	assert.is(late.degraded?.code, 'provider-slow');
	await late.scorer.close();
});

webgpu('ends with its process, and without a device it fails and crashes nothing', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	assert.is(doubledByWebgpu().code, 0);
	const { code, err } = doubledByWebgpu({
		VK_DRIVER_FILES: '/nowhere.json',
		VK_ICD_FILENAMES: '/nowhere.json',
	});
	assert.is(code, 1);
	assert.match(err, 'Failed to get a WebGPU adapter');
});

/** The same, with golden vectors that lie higher. */
function moved(bundle: Bundle, by: number): Bundle {
	const golden = bundle.golden.map(({ image, expected: { fp32 } }) => ({
		image,
		expected: { fp32: { ...fp32!, score: fp32!.score + by } },
	}));
	return { ...bundle, golden };
}

/** Where the nodes of the int8 probe run when nobody forbids the processor. */
async function unguarded(model: Uint8Array): Promise<string[]> {
	const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort;
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-test-'));
	const session = await ort.InferenceSession.create(model, {
		executionProviders: ['webgpu'],
		enableProfiling: true,
		profileFilePrefix: join(folder, 'profile'),
		logSeverityLevel: 4,
	});
	const { ones } = productProbe();
	await session.run({ ones: new ort.Tensor('float32', ones.data, ones.shape) });
	session.endProfiling();
	const [file = ''] = await readdir(folder);
	const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as {
		readonly args?: { readonly provider?: string };
	}[];
	await session.release();
	await rm(folder, { recursive: true });
	return [...new Set(events.flatMap(({ args }) => args?.provider ?? []))].sort();
}

webgpu.run();
