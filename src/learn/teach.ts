import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { permutation, randomFrom } from '../base/random.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { OpenSession } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import { paperAdam } from '../model/adam.js';
import { architectures, type Backbone } from '../model/architecture.js';
import type { BundleContents } from '../model/bundle.js';
import { type Pair, scalesProgram } from '../model/inference.js';
import type { Preset } from '../model/manifest.js';
import {
	FEWEST_FOR_NORMALITY,
	leaveOneOutScores,
	mapUnder,
	median,
	type Normality,
	normalityOf,
	type ScaleMaps,
} from '../model/normality.js';
import { type Tiling, viewCount, viewOf } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import type { Progress, TeachRequest } from '../protocol/teach-messages.js';
import type { Size } from '../vision/image.js';
import { wobbled } from '../vision/warp.js';
import { openFeatures } from './features.js';
import { contentsOf } from './pack.js';
import { chooseModels, type Pictures, type Probes } from './precisions.js';
import { survey } from './survey.js';
import { assertSupported, outlierAmong, thresholdOf } from './threshold.js';
import { type Checkpoints, type TrainingSettings, train } from './train.js';

/** How each preset's training departs from the published one. */
const recipes: Readonly<Record<Preset, Pick<TrainingSettings, 'hardness' | 'cooling'>>> = {
	standard: { hardness: 1, cooling: 0.3 },
	paper: { hardness: 0, cooling: 0 },
};

/** Fewer good pictures than this say too little about what good is. */
export const FEWEST_IMAGES = 8;

export type TeachSettings = Omit<
	TeachRequest,
	'images' | 'teacher' | 'out' | 'backbone' | 'size' | 'tiles'
> & {
	readonly backbone: Backbone;
	readonly tiling: Tiling;
};

/** `input` is interleaved RGB `[height, width, 3]` of the tiling, prepared as when running; `size` is the picture's own. */
export type GoodImage = { readonly input: Uint8Array; readonly size: Size };

/** The good pictures. */
export type GoodImages = {
	readonly count: number;
	/** @throws Failure image-unreadable */
	image(index: number): Promise<GoodImage>;
	name(index: number): string;
};

export type Teacher = {
	readonly weights: Weights;
	readonly sha256: string;
	readonly origin: string;
	readonly seeded: boolean;
};

/** What teaching may be given beside good pictures. */
export type Extras = {
	readonly labelled?: Probes['labelled'];
	/** A student that was trained elsewhere: nothing is trained, all pictures set the threshold. */
	readonly student?: Weights | undefined;
	readonly checkpoints?: Checkpoints;
};

/** What teaching needs of the world. */
export type TeachWorld = {
	readonly openSession: OpenSession;
	readonly report: (progress: Progress) => void;
	readonly signal: AbortSignal;
	/** Milliseconds that only go forward. */
	readonly now: () => number;
	readonly wallClock: () => Date;
	readonly memoryMb: () => number;
	readonly versions: { readonly inspectord: string; readonly onnxruntime: string; readonly opencv: string };
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
	for (const message of await survey(images, world.signal)) world.report({ phase: 'warning', message });
	const { weights, losses } = student
		? { weights: student, losses: [] }
		: await trainOn(images, split.train, teacher, settings, world, checkpoints);
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

/** @throws Failure images-missing */
export function assertEnough({ count }: GoodImages): void {
	if (count >= FEWEST_IMAGES) return;
	throw new Failure(
		'images-missing',
		`Cannot teach from ${count} good image(s): at least ${FEWEST_IMAGES} are needed`,
		'Take more pictures of good parts; 50 to 200 are usual.',
	);
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

type Calibrated = { readonly score: number; readonly middle: number };

/**
 * Scores of the held-out pictures by the preset, and what the preset learns from them. Where they are too few to tell what is
 * usual, the paper's plain sum is used.
 */
async function calibrate(
	pair: Pair,
	images: GoodImages,
	heldOut: readonly number[],
	settings: TeachSettings,
	{ openSession, report, signal }: TeachWorld,
): Promise<{ preset: Preset; normality?: Normality; scored: Calibrated[] }> {
	const preset: Preset = heldOut.length < FEWEST_FOR_NORMALITY ? 'paper' : settings.preset;
	const { tiling, threads } = settings;
	const shape = [1, tiling.height, tiling.width, 3];
	const session = await openSession(encodeOnnx(scalesProgram(pair), 'scales'), { threads });
	const pictures: ScaleMaps[] = [];
	try {
		for (const index of heldOut) {
			signal.throwIfAborted();
			const { input } = await images.image(index);
			const image: Tensor = { dtype: 'uint8', shape, data: input };
			const results = await session.run({ image });
			const maps = Object.keys(results).map((_, i) => results[`scale${i + 1}`]!.data as Float32Array);
			if (!maps.every((map) => map.every(Number.isFinite))) {
				throw new Failure(
					'teaching-failed',
					`Cannot calibrate: the map of good image "${images.name(index)}" holds what is not a number`,
					'Check the images and the teacher file.',
				);
			}
			pictures.push(maps);
			report({ phase: 'calibrating', done: pictures.length, of: heldOut.length });
			await breathe();
		}
	} finally {
		await session.close();
	}
	if (preset === 'standard')
		return { preset, normality: normalityOf(pictures), scored: leaveOneOutScores(pictures) };
	const plain = pictures[0]!.map((map) => ({
		mean: new Float32Array(map.length),
		weight: new Float32Array(map.length).fill(1),
	}));
	const scored = pictures.map((maps) => {
		const map = mapUnder(maps, plain);
		return { score: map.reduce((a, b) => Math.max(a, b)), middle: median(map) };
	});
	return { preset, scored };
}

/** Seconds that the remaining take, if they take as long as those done. */
function left(elapsedMs: number, done: number, remaining: number): number {
	return (elapsedMs / 1000 / done) * remaining;
}
