import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { permutation, randomFrom } from '../base/random.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { OpenSession, Session } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import { paperAdam } from '../model/adam.js';
import { architectures, type Backbone } from '../model/architecture.js';
import type { BundleContents, GoldenVector } from '../model/bundle.js';
import { inferenceProgram, type Pair, scalesProgram, scoreWith } from '../model/inference.js';
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
import type { Weights } from '../model/weights.js';
import type { Progress, TeachRequest } from '../protocol/teach-messages.js';
import { openFeatures } from './features.js';
import { survey } from './survey.js';
import { assertSupported, thresholdOf } from './threshold.js';
import { train } from './train.js';

/** Fewer good pictures than this say too little about what good is. */
export const FEWEST_IMAGES = 8;

/** Pictures that become golden vectors, and map values kept of each. */
const GOLDEN_IMAGES = 3;
const GOLDEN_VALUES = 16;

export type TeachSettings = Omit<TeachRequest, 'images' | 'teacher' | 'out' | 'backbone'> & {
	readonly backbone: Backbone;
};

/** The good pictures: `image(i)` is picture i as interleaved RGB `[size, size, 3]`, prepared as when running. */
export type GoodImages = {
	readonly count: number;
	image(index: number): Promise<Uint8Array>;
	name(index: number): string;
};

export type Teacher = {
	readonly weights: Weights;
	readonly sha256: string;
	readonly origin: string;
	readonly seeded: boolean;
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
): Promise<BundleContents> {
	if (images.count < FEWEST_IMAGES) {
		throw new Failure(
			'images-missing',
			`Cannot teach from ${images.count} good image(s): at least ${FEWEST_IMAGES} are needed`,
			'Take more pictures of good parts; 50 to 200 are usual.',
		);
	}
	const started = world.now();
	const { size, threads, seed } = settings;
	const split = holdOut(images.count, settings.holdout, seed);
	assertSupported(split.heldOut.length, settings.falseRejects, settings.holdout);
	for (const message of await survey(images, world.signal)) world.report({ phase: 'warning', message });
	const { weights, losses } = await trainOn(images, split.train, teacher, settings, world);
	const pair: Pair = { backbone: settings.backbone, teacher: teacher.weights, student: weights, size };
	const { preset, normality, scored } = await calibrate(pair, images, split.heldOut, settings, world);
	const scores = scored.map(({ score }) => score);
	const model = encodeOnnx(inferenceProgram(pair, normality), 'inspectord');
	const session = await world.openSession(model, { threads });
	try {
		return {
			model,
			golden: await goldenVectors(session, images, split.heldOut, size),
			manifest: {
				formatVersion: 1,
				name: settings.name,
				createdAt: world.wallClock().toISOString(),
				architecture: {
					backbone: settings.backbone,
					teacher: { sha256: teacher.sha256, origin: teacher.origin, seeded: teacher.seeded },
				},
				input: {
					size,
					colour: 'RGB',
					layout: 'NHWC',
					dtype: 'uint8',
					resize: 'area',
					region: settings.region ?? null,
				},
				calibration: {
					preset,
					...thresholdOf(scores, settings.falseRejects),
					scores,
					mapMedian: median(scored.map(({ middle }) => middle)),
				},
				training: {
					images: split.train.length,
					heldOut: split.heldOut.length,
					iterations: losses.length,
					batch: Math.min(settings.batch, split.train.length),
					learningRate: paperAdam.learningRate,
					seed,
					seconds: (world.now() - started) / 1000,
					losses,
				},
				versions: world.versions,
			},
		};
	} finally {
		await session.close();
	}
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
): Promise<{ weights: Weights; losses: number[] }> {
	const { backbone, size, threads, iterations } = settings;
	const source = { count: chosen.length, size, image: (i: number) => images.image(chosen[i]!) };
	const features = await openFeatures({ backbone, weights: teacher.weights }, source, openSession, threads);
	try {
		const begun = now();
		for (let i = 0; i < chosen.length; i += 1) {
			signal.throwIfAborted();
			await features.of(i);
			report({
				phase: 'features',
				done: i + 1,
				of: chosen.length,
				secondsLeft: left(now() - begun, i + 1, chosen.length),
			});
		}
		const trainingBegun = now();
		const heard = (step: number, loss: number) => {
			if (!Number.isFinite(loss)) {
				throw new Failure(
					'teaching-failed',
					`Cannot go on teaching: the loss of step ${step} is not a number`,
					'Check the images and the teacher file.',
				);
			}
			const secondsLeft = left(now() - trainingBegun, step, iterations);
			report({ phase: 'training', done: step, of: iterations, loss, secondsLeft, memoryMb: memoryMb() });
		};
		return await train(architectures[backbone], features, settings, openSession, heard, signal);
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
	const { size, threads } = settings;
	const session = await openSession(encodeOnnx(scalesProgram(pair), 'scales'), { threads });
	const pictures: ScaleMaps[] = [];
	try {
		for (const index of heldOut) {
			signal.throwIfAborted();
			const image: Tensor = { dtype: 'uint8', shape: [1, size, size, 3], data: await images.image(index) };
			const results = await session.run({ image });
			const maps = [1, 2, 3].map((i) => results[`scale${i}`]!.data as Float32Array);
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

/** Good pictures that were not trained on, the first as its negative so that a high score is proven too. */
async function goldenVectors(
	session: Session,
	images: GoodImages,
	heldOut: readonly number[],
	size: number,
): Promise<GoldenVector[]> {
	const vectors: GoldenVector[] = [];
	for (const [i, index] of heldOut.slice(0, GOLDEN_IMAGES).entries()) {
		const picture = await images.image(index);
		const image = i === 0 ? picture.map((v) => 255 - v) : picture;
		const { map, score } = await scoreWith(session, image, size);
		const places = Array.from({ length: GOLDEN_VALUES }, (_, k) =>
			Math.floor((map.length * (k + 0.5)) / GOLDEN_VALUES),
		);
		vectors.push({ image, score, map: Object.fromEntries(places.map((place) => [place, map[place]!])) });
	}
	return vectors;
}

function left(elapsedMs: number, done: number, of: number): number {
	return (elapsedMs / 1000 / done) * (of - done);
}
