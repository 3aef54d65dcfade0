import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { float32 } from '../../src/graph/tensor.js';
import type { FeatureSource, PictureFeatures } from '../../src/learn/features.js';
import { MOST_STEPS, scheduleOf, settled } from '../../src/learn/plan.js';
import { train } from '../../src/learn/train.js';
import { architectures } from '../../src/model/architecture.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { featureShapes } from '../../src/model/step.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';

const training = suite('training');

/** Twenty steps at each of these losses. */
const stairs = (...losses: number[]) => losses.flatMap((loss) => new Array<number>(20).fill(loss));

/** Losses that never settle. */
const halving = (count: number) => Array.from({ length: count }, (_, i) => 0.5 ** (i / 20));

for (const [what, losses, expected] of [
	['not before there is something to compare', stairs(0.5).slice(1), false],
	['not while the loss falls by a tenth or more', stairs(1, 0.5, 0.449), false],
	['when it falls by less', stairs(1, 0.5, 0.451), true],
	['when it rises', stairs(0.5, 0.6), true],
	['not by what was long ago', [...stairs(0.5, 0.5), ...stairs(0.5, 0.3)], false],
] as const) {
	training(`ends ${what}`, () => {
		assert.is(settled(losses), expected);
	});
}

for (const [what, iterations, cooling, losses, expected] of [
	['as published: the full rate to the end', 10, 0, stairs(1).slice(11), { of: 10, rateShare: 1 }],
	['full before it cools', 10, 0.3, stairs(1).slice(14), { of: 10, rateShare: 1 }],
	['then less with every step', 10, 0.3, stairs(1).slice(13), { of: 10, rateShare: 0.75 }],
	['the last not nothing', 10, 0.3, stairs(1).slice(11), { of: 10, rateShare: 0.25 }],
	['full until the loss has settled', 'auto', 0.2, stairs(1, 0.5), { of: MOST_STEPS, rateShare: 1 }],
	['less from there', 'auto', 0.2, stairs(0.5, 0.5), { of: 50, rateShare: 10 / 11 }],
	[
		'whatever the loss does then',
		'auto',
		0.2,
		[...stairs(0.5, 0.5), 0.1, 0.1],
		{ of: 50, rateShare: 8 / 11 },
	],
	['done, as published, when it has settled', 'auto', 0, stairs(0.5, 0.5), { of: 40, rateShare: 0 }],
	[
		'less near the most steps, settled or not',
		'auto',
		0.2,
		halving(160),
		{ of: MOST_STEPS, rateShare: 40 / 41 },
	],
] as const) {
	training(`has the rate ${what}`, () => {
		const { of, rateShare } = scheduleOf(losses, { iterations, cooling });
		assert.is(of, expected.of);
		assert.ok(Math.abs(rateShare - expected.rateShare) < 1e-12, `${rateShare}`);
	});
}

/** Six pictures that show nothing, always the same. */
const features: FeatureSource = {
	count: 6,
	of: async (index) => {
		const random = randomFrom(index);
		return featureShapes(architectures.pocket, 1, 64).map((shape) =>
			Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.max(0, random.normal())),
		) as unknown as PictureFeatures;
	},
	close: async () => {},
};

/** Hears nothing, is never told to stop. */
const world = {
	openSession,
	now: () => performance.now(),
	report: () => {},
	onStep: () => {},
	signal: new AbortController().signal,
};

training('cools no earlier than it says', async () => {
	const run = async (cooling: number) => {
		const settings = { batch: 2, iterations: 5, seed: 4, threads: 1, hardness: 0, cooling };
		const { losses } = await train(architectures.pocket, 64, features, settings, world);
		return losses;
	};
	const [hot, cooled] = [await run(0), await run(0.4)];
	// The fourth loss comes before the fourth change of the weights, the first that is smaller.
	assert.equal(cooled.slice(0, 4), hot.slice(0, 4));
	assert.is.not(cooled[4], hot[4]);
});

training('goes on from a checkpoint as if it had never stopped', async () => {
	const settings = { batch: 2, iterations: 5, seed: 4, threads: 1, hardness: 0.5, cooling: 0.4 };
	const saved: Checkpoint[] = [];
	const run = (found: Checkpoint | undefined, save: boolean) =>
		train(architectures.pocket, 64, features, settings, world, {
			lesson: 'l',
			found,
			due: () => save && saved.length === 0,
			save: async ({ lesson, losses, state }) => {
				// What is handed over is the living state: a copy, as on a disk.
				const tensors = [...state.entries()].map(([n, t]) => [n, float32(t.shape, t.data.slice())] as const);
				if (losses.length === 3) saved.push({ lesson, losses: [...losses], state: new Weights(tensors) });
			},
		});
	const whole = await run(undefined, true);
	assert.is(saved[0]!.losses.length, 3);
	const resumed = await run(saved[0], false);
	assert.is(resumed.losses.length, 5);
	resumed.losses.forEach((loss, i) => {
		assert.ok(Math.abs(loss - whole.losses[i]!) < 1e-5);
	});
	for (const [name, { data }] of whole.weights.entries()) {
		const again = resumed.weights.get(name).data;
		assert.ok(
			data.every((v, i) => Math.abs(v - again[i]!) < 1e-4),
			name,
		);
	}
});

training('saves what was learnt when whoever hears of a step is cut short', async () => {
	const settings = { batch: 2, iterations: 5, seed: 4, threads: 1, hardness: 0, cooling: 0 };
	const stop = new AbortController();
	const onStep = ({ step }: { readonly step: number }) => {
		if (step === 2) stop.abort('stop');
		stop.signal.throwIfAborted();
	};
	const saved: number[] = [];
	const save = async ({ losses }: Checkpoint) => void saved.push(losses.length);
	const stopped = { ...world, onStep, signal: stop.signal };
	const kept = { lesson: 'l', found: undefined, due: () => false, save };
	const thrown = await train(architectures.pocket, 64, features, settings, stopped, kept).catch((why) => why);
	assert.equal([thrown, saved], ['stop', [2]]);
});

training.run();
