import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { float32 } from '../../src/graph/tensor.js';
import type { FeatureSource, PictureFeatures } from '../../src/learn/features.js';
import { settled, train } from '../../src/learn/train.js';
import { architectures } from '../../src/model/architecture.js';
import type { Checkpoint } from '../../src/model/checkpoint.js';
import { featureShapes } from '../../src/model/step.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';

const training = suite('training');

/** Twenty steps at each of these losses. */
const stairs = (...losses: number[]) => losses.flatMap((loss) => new Array<number>(20).fill(loss));

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

training('goes on from a checkpoint as if it had never stopped', async () => {
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
	const settings = { batch: 2, iterations: 5, seed: 4, threads: 1, hardness: 0.5 };
	const saved: Checkpoint[] = [];
	const run = (found: Checkpoint | undefined, save: boolean) =>
		train(architectures.pocket, 64, features, settings, openSession, () => {}, new AbortController().signal, {
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

training.run();
