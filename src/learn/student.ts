import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { randomFrom } from '../base/random.js';
import { median } from '../measure/statistics.js';
import { architectures } from '../model/architecture.js';
import type { Gaussian } from '../model/gaussian.js';
import type { Preset } from '../model/manifest.js';
import { viewCount, viewOf } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import { wobbled } from '../vision/warp.js';
import { gaussiansAround } from './centres.js';
import { type FeatureSource, openFeatures } from './features.js';
import {
	type Costs,
	costsOf,
	FORECAST_STEPS,
	forecastOf,
	isLong,
	stepsAhead,
	type Work,
} from './forecast.js';
import type { GoodImages, Teacher, TeachSettings, TeachWorld } from './lesson.js';
import { momentsOf } from './moments.js';
import type { TrainingSettings } from './plan.js';
import { type Checkpoints, type Step, train } from './train.js';
import { TRIAL_STEPS } from './trial.js';

/** How each preset's training departs from the published one. */
export const recipes: Readonly<Record<Preset, Pick<TrainingSettings, 'hardness' | 'cooling'>>> = {
	standard: { hardness: 1, cooling: 0.3 },
	paper: { hardness: 0, cooling: 0 },
};

/** What was learnt from some pictures; `gaussians`: what their features are like, where that is wanted. */
export type Student = {
	readonly weights: Weights;
	readonly losses: readonly number[];
	readonly gaussians: readonly Gaussian[] | undefined;
};

type Beside = {
	/** Pictures, each list among those chosen, from which a further student is trained. */
	readonly folds: readonly (readonly number[])[];
	/** Pictures that whole models are run on afterwards. */
	readonly judged: number;
	readonly startedMs: number;
	/** Whether it must be known what features of the pictures are like. */
	readonly wantsFeatures: boolean;
	readonly checkpoints: Checkpoints | undefined;
};

/**
 * Trains a student on the chosen pictures, and one on each fold. Looks at all pictures after its first step, and says after a few more how long
 * all will take. `provider`: where the last step of the first ran.
 * @throws Failure teaching-failed when a loss is not a number
 */
export async function trainStudents(
	images: GoodImages,
	chosen: readonly number[],
	teacher: Teacher,
	settings: TeachSettings,
	world: TeachWorld,
	{ folds, judged, startedMs, wantsFeatures, checkpoints }: Beside,
): Promise<{ readonly whole: Student; readonly others: readonly Student[]; readonly provider: Provider }> {
	const { report, signal, now, memoryMb } = world;
	const { backbone, tiling, threads, wobble, seed, provider: asked = 'cpu' } = settings;
	const views = viewCount(tiling);
	const random = randomFrom(seed + 2);
	const source = {
		count: chosen.length * views,
		side: tiling.side,
		keep: !wobble,
		tile: async (i: number) => {
			const { input } = await images.image(chosen[Math.floor(i / views)]!);
			return viewOf(wobble ? wobbled(input, tiling, wobble, random) : input, tiling, i % views);
		},
	};
	const { count } = source;
	const on = { provider: asked, threads };
	const looked = await openFeatures({ backbone, weights: teacher.weights }, source, on, world);
	const seen = new Set<number>();
	const features: FeatureSource = {
		...looked,
		of: async (index) => {
			const found = await looked.of(index);
			if (!source.keep || seen.has(index)) return found;
			seen.add(index);
			const secondsLeft = (median(looked.tookMs) / 1000) * (count - seen.size);
			report({ phase: 'features', done: seen.size, of: count, secondsLeft });
			return found;
		},
	};
	const lookAtAll = async (): Promise<void> => {
		for (let i = 0; i < count && source.keep; i += 1) {
			signal.throwIfAborted();
			await features.of(i);
		}
	};
	const batch = Math.min(settings.batch, count);
	/** Of the steps that ran where the next will run, in milliseconds; the first touches its memory. */
	let took: number[] = [];
	let provider: Provider = 'cpu';
	let steps = 0;
	const students = 1 + folds.length;
	const stepMs = () => median(took.length > 1 ? took.slice(1) : took);
	const forecast = async (step: number, of: number): Promise<void> => {
		const work: Work = { tiles: count, batch, views, kept: looked.kept, judged, students, done: step };
		const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
		const spentS = (now() - startedMs - sum(looked.tookMs) - sum(took)) / 1000;
		const by = { ...stepsAhead(settings.iterations, of, step - steps), spentS, backbone, provider };
		// Some tiles cost more than others, always the same: an overview is shrunk.
		const costs: Costs = { tileMs: sum(looked.tookMs) / looked.tookMs.length, stepMs: stepMs() };
		const said = forecastOf(work, costs, by);
		const pocket =
			provider === 'cpu' && isLong(said)
				? await costsOf('pocket', { batch, side: tiling.side, threads }, world)
				: undefined;
		report({ phase: 'forecast', forecast: pocket ? forecastOf(work, costs, by, pocket) : said });
	};
	const tell = ({ step, of, loss }: Step, number: number): void => {
		if (!Number.isFinite(loss)) {
			throw new Failure(
				'teaching-failed',
				`Cannot go on teaching: the loss of step ${step} is not a number`,
				'Check the images and the teacher file.',
			);
		}
		report({
			phase: 'training',
			done: step,
			of,
			loss,
			secondsLeft: (stepMs() / 1000) * (of - step + (students - number) * of),
			memoryMb: memoryMb(),
			...(students > 1 && { student: { number, of: students } }),
		});
	};
	const onStep = async (taken: Step): Promise<void> => {
		const { step, of, ms, provider: on } = taken;
		// A resumed lesson's first step is not its number 1.
		steps += 1;
		if (on !== provider) took = [];
		provider = on;
		took.push(ms);
		tell(taken, 1);
		const known = provider === 'cpu' ? FORECAST_STEPS : TRIAL_STEPS;
		// A step is slower while pictures are looked at between steps.
		if (steps === 1) await lookAtAll();
		if (steps === known && step < of) await forecast(step, of);
	};
	const studentOf = async (
		seen: FeatureSource,
		onStep: (step: Step) => void | Promise<void>,
		checkpoints?: Checkpoints,
	): Promise<Student> => {
		const recipe = { ...settings, ...recipes[settings.preset] };
		const learnt = await train(
			architectures[backbone],
			tiling.side,
			seen,
			recipe,
			{ ...world, onStep },
			checkpoints,
		);
		if (!wantsFeatures) return { ...learnt, gaussians: undefined };
		const kinds = await momentsOf(backbone, tiling, seen, { threads, seed }, world);
		return { ...learnt, gaussians: await gaussiansAround(kinds, { threads, seed }, world) };
	};
	try {
		const whole = await studentOf(features, onStep, checkpoints);
		const others: Student[] = [];
		for (const [index, fold] of folds.entries()) {
			const places = fold.map((image) => chosen.indexOf(image) * views);
			const part = (i: number) => features.of(places[Math.floor(i / views)]! + (i % views));
			others.push(
				await studentOf({ ...features, count: places.length * views, of: part }, (step) =>
					tell(step, index + 2),
				),
			);
		}
		return { whole, others, provider };
	} finally {
		await features.close();
	}
}
