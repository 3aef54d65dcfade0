import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { without } from '../../src/graph/plain.js';
import type { OpenSession } from '../../src/graph/session.js';
import type { FeatureSource, PictureFeatures } from '../../src/learn/features.js';
import { train } from '../../src/learn/train.js';
import { paperAdam } from '../../src/model/adam.js';
import type { Architecture } from '../../src/model/architecture.js';
import { featureShapes, stepProgram } from '../../src/model/step.js';
import { openSession } from '../../src/ort/session.js';
import type { Progress } from '../../src/protocol/teach-messages.js';
import { failureOf } from '../failure-of.js';
import { noWebgpu } from '../ort/on-webgpu.js';

const webgpu = suite('a lesson on webgpu');

/** A student with every kind of block and few channels: compiling what it needs takes the longest. */
const small: Architecture = {
	block: 'basic',
	stem: 8,
	inner: [8, 8, 8, 8],
	outer: [8, 8, 8, 8],
	blocks: [1, 1, 1],
	embedding: 1,
};
const [SIDE, BATCH] = [64, 4];

const features: FeatureSource = {
	count: BATCH,
	of: async (index) => {
		const random = randomFrom(index);
		return featureShapes(small, 1, SIDE).map((shape) =>
			Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.max(0, random.normal())),
		) as unknown as PictureFeatures;
	},
	close: async () => {},
};

async function lesson(open: OpenSession) {
	const warnings: string[] = [];
	const ran: string[] = [];
	const report = (p: Progress) => void (p.phase === 'warning' && warnings.push(p.message));
	const settings = { batch: BATCH, iterations: 3, seed: 4, threads: 2, hardness: 0.5, cooling: 0 };
	const { losses } = await train(
		small,
		SIDE,
		features,
		{ ...settings, provider: 'webgpu' },
		{
			openSession: open,
			now: () => performance.now(),
			report,
			onStep: ({ provider }) => void ran.push(provider),
			signal: new AbortController().signal,
		},
	);
	return { losses, warnings, ran };
}

webgpu('runs there, every node of it, and does what the processor does', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	const { losses, warnings, ran } = await lesson(openSession);
	assert.equal(ran, ['webgpu', 'webgpu', 'webgpu']);
	assert.equal(warnings, []);
	assert.ok(losses[2]! < losses[0]!);
});

webgpu('is refused in a form that it computes otherwise: its FusedConv leaves the sum out', async () => {
	const reason = noWebgpu();
	if (reason) return console.log(`skipped: ${reason}`);
	const { graph } = stepProgram(small, paperAdam, BATCH, SIDE, 0.5);
	const wrong = encodeOnnx(without(graph, ['FusedMatMul']), 'step');
	const failure = await failureOf(
		lesson((model, options) => openSession(options.provider === 'webgpu' ? wrong : model, options)),
	);
	assert.is(failure.code, 'model-failed');
	assert.match(failure.message, /Cannot teach on provider "webgpu": in step 1 of its trial: its loss is/);
});

webgpu(
	'is refused in a form that it has no operators for: nothing goes to the processor unsaid',
	async () => {
		const reason = noWebgpu();
		if (reason) return console.log(`skipped: ${reason}`);
		const { graph } = stepProgram(small, paperAdam, BATCH, SIDE, 0.5);
		const fused = encodeOnnx(graph, 'step');
		const failure = await failureOf(
			lesson((model, options) => openSession(options.provider === 'webgpu' ? fused : model, options)),
		);
		assert.is(failure.code, 'provider-unavailable');
		assert.match(failure.message, /Cannot teach on provider "webgpu": /);
	},
);

webgpu.run();
