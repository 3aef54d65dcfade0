import { setImmediate as breathe } from 'node:timers/promises';
import type { Precision } from '../base/precision.js';
import { randomFrom } from '../base/random.js';
import { encodeOnnx } from '../graph/onnx.js';
import { float32, type Tensor } from '../graph/tensor.js';
import { median } from '../measure/statistics.js';
import { adamSchedule, paperAdam } from '../model/adam.js';
import { architectures, type Backbone } from '../model/architecture.js';
import { featureShapes, NEXT, stepProgram } from '../model/step.js';
import { featureProgram, seededTeacher } from '../model/teacher.js';
import type { Forecast } from '../protocol/teach-messages.js';
import { SPOILS } from '../vision/spoils.js';
import { MOST_SPOILED } from './calibrate.js';
import type { TeachWorld } from './lesson.js';
import { GOLDEN_IMAGES } from './pack.js';
import { MOST_STEPS } from './plan.js';
import { RANGE_PICTURES } from './precisions.js';
import { emptyState, initialState } from './train.js';

/** So many steps are taken before a lesson says how long it will take; the first of them touches its memory. */
export const FORECAST_STEPS = 4;

/** What lessons take that end when their loss has settled: 137 to 194 steps were seen (BENCHMARKS.md). */
const USUAL_STEPS = 160;

/** From so long on the pocket teacher is thought of, where it is so many times as fast. */
const LONG_S = 180;
const MUCH_FASTER = 2;

/** What a lesson has to do, in pictures, tiles and steps. */
export type Work = {
	/** Tiles in all, in a step, in a picture. */
	readonly tiles: number;
	readonly batch: number;
	readonly views: number;
	/** Tiles whose features are kept. */
	readonly kept: number;
	/** Pictures that whole models are run on, each of its views a teacher and a student. */
	readonly judged: number;
	/** Students that are trained, each as long as the others; the steps that the first has taken. */
	readonly students: number;
	readonly done: number;
};

/** What a tile's features and a step cost, in milliseconds. */
export type Costs = { readonly tileMs: number; readonly stepMs: number };

/** Seconds of a whole lesson whose first student has so many steps ahead. */
export function lessonSeconds(work: Work, steps: number, { tileMs, stepMs }: Costs): number {
	const { tiles, batch, views, kept, judged, students, done } = work;
	const first = kept * tileMs;
	const again = batch * (1 - kept / tiles) * tileMs;
	// A student's way forward is a third of its step, and a teacher goes with it.
	const judging = judged * views * (tileMs + stepMs / batch / 3);
	const taken = steps + (students - 1) * (steps + done);
	return (first + taken * (stepMs + again) + judging) / 1000;
}

/** The steps that such a lesson usually takes from here, and the most that it can, `done` of `of` being over. */
export function stepsAhead(
	iterations: number | 'auto',
	of: number,
	done: number,
): { readonly steps: number; readonly mostSteps: number } {
	const isOpen = iterations === 'auto' && of === MOST_STEPS;
	const usual = isOpen ? Math.max(USUAL_STEPS, done + FORECAST_STEPS) : of;
	return { steps: usual - done, mostSteps: of - done };
}

/** Pictures that whole models are run on when a student has learnt: for threshold, lower precisions, golden vectors. */
export function judgedIn(
	{ precision }: { readonly precision: Precision },
	heldOut: number,
	labelled: number,
): number {
	const scored = 2 * heldOut + SPOILS.length * Math.min(heldOut, MOST_SPOILED);
	if (precision === 'fp32') return scored + GOLDEN_IMAGES;
	const ranges = precision === 'int8' ? RANGE_PICTURES : 0;
	return scored + 2 * (2 * heldOut + labelled + GOLDEN_IMAGES) + ranges;
}

/** `spentS`: what the lesson took beside looking and steps; `pocket`: costs with the pocket teacher, where they were asked. */
export function forecastOf(
	work: Work,
	costs: Costs,
	{
		spentS,
		...said
	}: Pick<Forecast, 'backbone' | 'provider' | 'steps' | 'mostSteps'> & { readonly spentS: number },
	pocket?: Costs,
): Forecast {
	const range = (of: Costs) => ({
		seconds: spentS + lessonSeconds(work, said.steps, of),
		mostSeconds: spentS + lessonSeconds(work, said.mostSteps, of),
	});
	const took = range(costs);
	const proposed = pocket && range(pocket);
	return {
		...took,
		...said,
		stepSeconds: costs.stepMs / 1000,
		pocket: proposed && took.seconds >= MUCH_FASTER * proposed.seconds ? proposed : null,
	};
}

/** Whether it is worth finding out what the pocket teacher would take. */
export function isLong({ seconds, backbone }: Forecast): boolean {
	return backbone !== 'pocket' && seconds >= LONG_S;
}

/** What a tile and a step of a backbone cost on the processor, by running each; the first run of each does not count. */
export async function costsOf(
	backbone: Backbone,
	{ batch, side, threads }: { readonly batch: number; readonly side: number; readonly threads: number },
	{ openSession, now, signal }: Pick<TeachWorld, 'openSession' | 'now' | 'signal'>,
): Promise<Costs> {
	const timed = async (runs: number, run: () => Promise<unknown>): Promise<number> => {
		const took: number[] = [];
		for (let i = 0; i <= runs; i += 1) {
			signal.throwIfAborted();
			const begun = now();
			await run();
			took.push(now() - begun);
			await breathe();
		}
		return median(took.slice(1));
	};
	const random = randomFrom(1);
	const arch = architectures[backbone];
	const teacher = await openSession(
		encodeOnnx(featureProgram(backbone, seededTeacher(backbone, 1), 1, side), 'teacher'),
		{ threads },
	);
	const data = Uint8Array.from({ length: side * side * 3 }, () => 256 * random.uniform());
	const image: Tensor = { dtype: 'uint8', shape: [1, side, side, 3], data };
	const tileMs = await timed(3, () => teacher.run({ image })).finally(() => teacher.close());
	const program = stepProgram(arch, paperAdam, batch, side, 1);
	const step = await openSession(encodeOnnx(program.graph, 'step'), { threads, memoryPlan: false });
	const features = featureShapes(arch, batch, side).map((shape, i) => {
		const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.uniform());
		return [`teacher${i + 1}`, float32(shape, values)] as const;
	});
	const { rate, floor } = adamSchedule(paperAdam, 1);
	const feeds = {
		...Object.fromEntries(features),
		...initialState(program, 1),
		rate: float32([], [rate]),
		floor: float32([], [floor]),
	};
	const next = Object.fromEntries(
		Object.entries(emptyState(program)).map(([name, tensor]) => [name + NEXT, tensor]),
	);
	const stepMs = await timed(2, () => step.run(feeds, next)).finally(() => step.close());
	return { tileMs, stepMs };
}
