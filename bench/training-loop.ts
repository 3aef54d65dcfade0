import { randomFrom } from '../src/base/random.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import { float32, type Tensor, zeros } from '../src/graph/tensor.js';
import { adamSchedule, paperAdam } from '../src/model/adam.js';
import { architectures, type Backbone } from '../src/model/architecture.js';
import { featureShapes, firstMoment, NEXT, secondMoment, stepProgram } from '../src/model/step.js';
import { initialWeights } from '../src/model/weights.js';
import { openSession } from '../src/ort/session.js';

/** Training steps on features that are noise, as `learn/train.ts` runs them. */
export type TrainingLoop = {
	/** Milliseconds of one step. */
	step(): Promise<number>;
	close(): Promise<void>;
};

export async function openTrainingLoop(
	backbone: Backbone,
	batch: number,
	size: number,
	threads: number,
): Promise<TrainingLoop> {
	const arch = architectures[backbone];
	const program = stepProgram(arch, paperAdam, batch, size);
	const session = await openSession(encodeOnnx(program.graph, 'step'), { threads, memoryPlan: false });
	const random = randomFrom(1);
	const teacher = Object.fromEntries(
		featureShapes(arch, batch, size).map((shape, i) => {
			const tensor = zeros(shape);
			for (let k = 0; k < tensor.data.length; k += 1)
				tensor.data[k] = Math.max(0, 2 * random.uniform() - 0.8);
			return [`teacher${i + 1}`, tensor];
		}),
	);
	const empty = (): Record<string, Tensor<'float32'>> => {
		const state: Record<string, Tensor<'float32'>> = {};
		for (const { name, shape } of program.parameters) {
			for (const part of [name, firstMoment(name), secondMoment(name)]) state[part] = zeros(shape);
		}
		for (const { name, length } of program.statistics) state[name] = zeros([length]);
		return state;
	};
	let [now, next] = [empty(), empty()];
	for (const [name, tensor] of initialWeights(program.parameters, 1).entries()) now[name] = tensor;
	let steps = 0;
	return {
		step: async () => {
			steps += 1;
			const { rate, floor } = adamSchedule(paperAdam, steps);
			const begun = performance.now();
			const into = Object.fromEntries(Object.entries(next).map(([name, tensor]) => [name + NEXT, tensor]));
			const schedule = { rate: float32([], [rate]), floor: float32([], [floor]) };
			const { loss } = await session.run({ ...teacher, ...now, ...schedule }, into);
			if (!Number.isFinite(loss!.data[0])) throw new Error(`the loss of step ${steps} is no number`);
			[now, next] = [next, now];
			return performance.now() - begun;
		},
		close: () => session.close(),
	};
}
