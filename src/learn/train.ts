import { setImmediate as breathe } from 'node:timers/promises';
import type { Provider } from '../base/provider.js';
import { permutation, type Random, randomFrom } from '../base/random.js';
import { type Tensor, zeros } from '../graph/tensor.js';
import { adamSchedule, paperAdam } from '../model/adam.js';
import type { Architecture } from '../model/architecture.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { featureShapes, firstMoment, type StepProgram, secondMoment, stepProgram } from '../model/step.js';
import { initialWeights, Weights } from '../model/weights.js';
import type { TeachingProvider } from '../protocol/teach-messages.js';
import type { FeatureSource } from './features.js';
import type { TeachWorld } from './lesson.js';
import { scheduleOf, type TrainingSettings } from './plan.js';
import { openSteps, type States, type StepsWorld } from './steps.js';
import type { Named } from './trial.js';

/** Where a lesson may be gone on with, and where it leaves what that takes. */
export type Checkpoints = {
	readonly lesson: string;
	readonly found: Checkpoint | undefined;
	/** Whether it is time to save; it is saved when the lesson is interrupted, too. */
	due(): boolean;
	save(checkpoint: Checkpoint): Promise<void>;
};

/** A step that was taken: the loss, how many there will be as far as is known, what it took and where. */
export type Step = {
	readonly step: number;
	readonly of: number;
	readonly loss: number;
	readonly ms: number;
	readonly provider: Provider;
};

export type TrainWorld = StepsWorld &
	Pick<TeachWorld, 'signal'> & {
		/** Heard out before the next step. */
		readonly onStep: (step: Step) => void | Promise<void>;
	};

/**
 * Trains a student on the teacher's features by the published recipe (Adam over the distillation loss, shuffled epochs, no
 * augmentation), from which `hardness` and `cooling` depart. `onStep` hears of each step. An abort ends it between two steps, after
 * its state was saved. From a checkpoint it goes on as if it had never stopped.
 * @returns parameters and running statistics by name, and the loss of every step
 */
export async function train(
	arch: Architecture,
	side: number,
	features: FeatureSource,
	settings: TrainingSettings & { readonly provider?: TeachingProvider },
	world: TrainWorld,
	checkpoints?: Checkpoints,
): Promise<{ weights: Weights; losses: number[] }> {
	const { seed, threads, hardness, provider = 'cpu' } = settings;
	const { signal, onStep } = world;
	const batch = Math.min(settings.batch, features.count);
	const program = stepProgram(arch, paperAdam, batch, side, hardness);
	const steps = await openSteps(program, { provider, threads }, world, () => emptyState(program));
	try {
		const teacher = featureShapes(arch, batch, side).map(zeros);
		const feeds = Object.fromEntries(teacher.map((tensor, i) => [`teacher${i + 1}`, tensor]));
		const states: { -readonly [K in keyof States]: Named } = {
			now: initialState(program, seed),
			next: emptyState(program),
		};
		const order = shuffledEpochs(features.count, batch, randomFrom(seed + 1));
		const losses = [...(checkpoints?.found?.losses ?? [])];
		if (checkpoints?.found) fill(states.now, checkpoints.found.state);
		for (let done = 0; done < losses.length; done += 1) order();
		const save = () =>
			checkpoints?.save({
				lesson: checkpoints.lesson,
				losses,
				state: new Weights(Object.entries(states.now)),
			});
		let plan = scheduleOf(losses, settings);
		while (losses.length < plan.of) {
			if (signal.aborted || checkpoints?.due()) await save();
			signal.throwIfAborted();
			for (const [slot, index] of order().entries()) place(await features.of(index), teacher, slot);
			const { rate, floor } = adamSchedule(paperAdam, losses.length + 1);
			const schedule = { rate: rate * plan.rateShare, floor };
			const { loss, ms } = await steps.take(feeds, states, schedule);
			[states.now, states.next] = [states.next, states.now];
			losses.push(loss);
			plan = scheduleOf(losses, settings);
			try {
				await onStep({ step: losses.length, of: plan.of, loss, ms, provider: steps.provider });
			} catch (thrown) {
				// Whoever hears of a step may look at pictures for minutes: an abort there saves like one between two steps.
				if (signal.aborted && thrown === signal.reason) await save();
				throw thrown;
			}
			// run() blocks the thread: signals and messages are heard here.
			await breathe();
		}
		return { weights: networkOf(program, states.now), losses };
	} finally {
		await steps.close();
	}
}

/** @throws Error when a tensor is missing or has another length */
function fill(state: Named, saved: Weights): void {
	for (const [name, { data }] of Object.entries(state)) {
		const { data: values } = saved.get(name);
		if (values.length !== data.length)
			throw new Error(`the checkpoint's "${name}" has ${values.length} values`);
		data.set(values);
	}
}

/** Batches over reshuffled epochs; a rest smaller than a batch is dropped, as in the published training. */
function shuffledEpochs(count: number, batch: number, random: Random): () => number[] {
	let rest: number[] = [];
	return () => {
		if (rest.length < batch) rest = permutation(count, random);
		return rest.splice(0, batch);
	};
}

function place(features: readonly Float32Array[], batch: readonly Tensor<'float32'>[], slot: number): void {
	features.forEach((feature, i) => {
		batch[i]!.data.set(feature, slot * feature.length);
	});
}

export function initialState(program: StepProgram, seed: number): Named {
	const state = emptyState(program);
	for (const [name, tensor] of initialWeights(program.parameters, seed).entries()) state[name] = tensor;
	for (const { name } of program.statistics) if (name.endsWith('running_var')) state[name]!.data.fill(1);
	return state;
}

export function emptyState({ parameters, statistics }: StepProgram): Named {
	const state: Named = {};
	for (const { name, shape } of parameters) {
		for (const part of [name, firstMoment(name), secondMoment(name)]) state[part] = zeros(shape);
	}
	for (const { name, length } of statistics) state[name] = zeros([length]);
	return state;
}

function networkOf({ parameters, statistics }: StepProgram, state: Named): Weights {
	return new Weights([...parameters, ...statistics].map(({ name }) => [name, state[name]!]));
}
