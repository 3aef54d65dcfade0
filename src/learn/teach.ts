import { Failure } from '../base/failure.js';
import { permutation, randomFrom } from '../base/random.js';
import { median } from '../measure/statistics.js';
import { paperAdam } from '../model/adam.js';
import { architectures } from '../model/architecture.js';
import type { BundleContents } from '../model/bundle.js';
import type { Pair } from '../model/inference.js';
import type { Preset } from '../model/manifest.js';
import { viewCount, viewOf } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import { wobbled } from '../vision/warp.js';
import { calibrate } from './calibrate.js';
import { openFeatures } from './features.js';
import {
	assertEnough,
	type GoodImages,
	type Pictures,
	type Teacher,
	type TeachSettings,
	type TeachWorld,
} from './lesson.js';
import { contentsOf } from './pack.js';
import type { TrainingSettings } from './plan.js';
import { chooseModels, type Probes } from './precisions.js';
import { survey } from './survey.js';
import { assertSupported, outlierAmong, thresholdOf } from './threshold.js';
import { type Checkpoints, train } from './train.js';

/** How each preset's training departs from the published one. */
const recipes: Readonly<Record<Preset, Pick<TrainingSettings, 'hardness' | 'cooling'>>> = {
	standard: { hardness: 1, cooling: 0.3 },
	paper: { hardness: 0, cooling: 0 },
};

/** What teaching may be given beside good pictures. */
export type Extras = {
	readonly labelled?: Probes['labelled'];
	/** A student that was trained elsewhere: nothing is trained, all pictures set the threshold. */
	readonly student?: Weights | undefined;
	/** Those of the lesson from pictures whose names and contents have this SHA-256. @throws Failure file-unreadable */
	readonly checkpoints?: (pictures: string) => Promise<Checkpoints>;
};

/**
 * Good pictures in, a bundle out: teacher features, student, one inference graph, threshold = the maximum of the scores of the
 * pictures that were kept from training, golden vectors.
 * @throws Failure images-missing with fewer than FEWEST_IMAGES, teaching-failed when the loss or a score is not a number
 */
export async function teach(
	images: GoodImages,
	teacher: Teacher,
	settings: TeachSettings,
	world: TeachWorld,
	{ labelled, student, checkpoints }: Extras = {},
): Promise<BundleContents> {
	assertEnough(images);
	const started = world.now();
	const { tiling, threads, seed } = settings;
	const split = student ? allHeldOut(images.count) : holdOut(images.count, settings.holdout, seed);
	assertSupported(split.heldOut.length, settings.falseRejects, student ? 1 : settings.holdout);
	const { warnings, picture, sha256 } = await survey(images, world.signal);
	for (const message of warnings) world.report({ phase: 'warning', message });
	if (settings.precision !== 'fp32' && labelled) await readable(labelled, world.signal);
	const { weights, losses } = student
		? { weights: student, losses: [] }
		: await trainOn(images, split.train, teacher, settings, world, await checkpoints?.(sha256));
	const pair: Pair = { backbone: settings.backbone, teacher: teacher.weights, student: weights, tiling };
	const { preset, normality, scored } = await calibrate(pair, images, split.heldOut, settings, world);
	const scores = scored.map(({ score }) => score);
	const threshold = thresholdOf(scores, settings.falseRejects);
	const outlier = outlierAmong(scores);
	if (outlier?.score === threshold.threshold) {
		const message =
			`"${images.name(split.heldOut[outlier.index]!)}" alone sets the threshold: it scores ${outlier.score.toFixed(3)}, ` +
			`the next good picture ${outlier.next.toFixed(3)}; look at it, and teach without it if it is not good`;
		world.report({ phase: 'warning', message });
	}
	const heldOut = among(images, split.heldOut);
	const ranges = student ? heldOut : among(images, split.train);
	const models = await chooseModels(
		pair,
		normality,
		{ ranges, good: heldOut, ...(labelled && { labelled }) },
		{ threshold: threshold.threshold, usual: median(scores) },
		settings,
		world,
	);
	return contentsOf(
		{
			name: settings.name,
			architecture: {
				backbone: settings.backbone,
				teacher: { sha256: teacher.sha256, origin: teacher.origin, seeded: teacher.seeded },
			},
			models,
			heldOut,
			calibrated: scored,
			preset,
			threshold,
			tiling,
			region: settings.region,
			picture,
			threads,
			training: {
				images: split.train.length,
				heldOut: split.heldOut.length,
				iterations: losses.length,
				batch: Math.min(settings.batch, split.train.length * viewCount(tiling)),
				learningRate: paperAdam.learningRate,
				seed,
				...recipes[student ? 'paper' : settings.preset],
				wobble: settings.wobble ?? null,
				seconds: (world.now() - started) / 1000,
				losses,
			},
		},
		world,
	);
}

function among(images: GoodImages, chosen: readonly number[]): Pictures {
	return { count: chosen.length, input: async (i) => (await images.image(chosen[i]!)).input };
}

/** Labelled pictures are needed at the end: one that cannot be read ends teaching now. @throws Failure image-unreadable */
async function readable({ count, input }: Pictures, signal: AbortSignal): Promise<void> {
	for (let i = 0; i < count; i += 1) {
		signal.throwIfAborted();
		await input(i);
	}
}

function allHeldOut(count: number): ReturnType<typeof holdOut> {
	return { train: [], heldOut: Array.from({ length: count }, (_, i) => i) };
}

/** Which pictures are trained on and which set the threshold: at least two of each, drawn by the seed. */
export function holdOut(count: number, share: number, seed: number): { train: number[]; heldOut: number[] } {
	const kept = Math.min(Math.max(Math.round(count * share), 2), count - 2);
	const order = permutation(count, randomFrom(seed));
	return {
		heldOut: order.slice(0, kept).sort((a, b) => a - b),
		train: order.slice(kept).sort((a, b) => a - b),
	};
}

async function trainOn(
	images: GoodImages,
	chosen: readonly number[],
	teacher: Teacher,
	settings: TeachSettings,
	{ openSession, report, signal, now, memoryMb }: TeachWorld,
	checkpoints: Checkpoints | undefined,
): Promise<{ weights: Weights; losses: number[] }> {
	const { backbone, tiling, threads, wobble, seed } = settings;
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
	const features = await openFeatures({ backbone, weights: teacher.weights }, source, openSession, threads);
	try {
		const begun = now();
		const { count } = source;
		for (let i = 0; i < count && source.keep; i += 1) {
			signal.throwIfAborted();
			await features.of(i);
			const secondsLeft = left(now() - begun, i + 1, count - i - 1);
			report({ phase: 'features', done: i + 1, of: count, secondsLeft });
		}
		const trainingBegun = now();
		let steps = 0;
		const heard = (step: number, of: number, loss: number) => {
			if (!Number.isFinite(loss)) {
				throw new Failure(
					'teaching-failed',
					`Cannot go on teaching: the loss of step ${step} is not a number`,
					'Check the images and the teacher file.',
				);
			}
			// A resumed lesson's first step is not its number 1.
			steps += 1;
			const secondsLeft = left(now() - trainingBegun, steps, of - step);
			report({ phase: 'training', done: step, of, loss, secondsLeft, memoryMb: memoryMb() });
		};
		return await train(
			architectures[backbone],
			tiling.side,
			features,
			{ ...settings, ...recipes[settings.preset] },
			openSession,
			heard,
			signal,
			checkpoints,
		);
	} finally {
		await features.close();
	}
}

/** Seconds that the remaining take, if they take as long as those done. */
function left(elapsedMs: number, done: number, remaining: number): number {
	return (elapsedMs / 1000 / done) * remaining;
}
