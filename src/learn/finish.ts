import { median } from '../measure/statistics.js';
import type { BundleContents } from '../model/bundle.js';
import type { Gaussian } from '../model/gaussian.js';
import type { Pair } from '../model/inference.js';
import type { Manifest } from '../model/manifest.js';
import { calibrate, type Unseen } from './calibrate.js';
import { usualOf } from './comparison.js';
import { curveOf, remarksOn, usualRank } from './curve.js';
import type { GoodImages, Pictures, Teacher, TeachSettings, TeachWorld } from './lesson.js';
import { contentsOf } from './pack.js';
import { chooseModels, type Probes } from './precisions.js';
import { sheetFor } from './sheet.js';
import { measureThreads } from './threads.js';
import { thresholdOf } from './threshold.js';

/** A trained pair, and the good pictures by which it is judged. */
export type Learnt = {
	readonly pair: Pair;
	/** What features of those that were trained on are like, of squares and of the overview; undefined where nothing is scored by them. */
	readonly gaussians: readonly Gaussian[] | undefined;
	readonly teacher: Pick<Teacher, 'sha256' | 'origin' | 'seeded'>;
	readonly images: GoodImages;
	/** Which of them were trained on, which set the threshold, and which would if nobody had struck them. */
	readonly train: readonly number[];
	readonly heldOut: readonly number[];
	/** Of few pictures all are trained on: those that set the threshold, by students that have not seen them, in the order of `heldOut`. */
	readonly folds: readonly Unseen[];
	readonly struck: readonly number[];
	/** As the survey found them. */
	readonly picture: Manifest['input']['picture'];
	/** What all good pictures are known again by; none where that is not known. */
	readonly likenesses?: readonly Int8Array[];
	readonly quality: Manifest['quality'];
	readonly labelled?: Probes['labelled'];
	/** Threads that were the fastest for this pair; without it they are measured. */
	readonly fastest?: Manifest['threads'];
	/** Asked when all else is done. */
	readonly training: () => Manifest['training'];
};

type Settings = Omit<TeachSettings, 'iterations' | 'batch' | 'holdout'>;

/** From a trained pair to its bundle: what is usual, threshold, models in their precisions, golden vectors. @throws Failure teaching-failed, model-failed */
export async function finish(learnt: Learnt, settings: Settings, world: TeachWorld): Promise<BundleContents> {
	const {
		pair,
		gaussians,
		teacher,
		images,
		train,
		heldOut,
		folds,
		struck,
		picture,
		likenesses,
		quality,
		labelled,
		training,
	} = learnt;
	const { tiling, backbone } = pair;
	const { preset, judging, scoring, scored, spoiled, high } = await calibrate(
		folds.length > 0 ? folds : [{ pair, gaussians, pictures: heldOut }],
		gaussians,
		images,
		settings,
		world,
	);
	const calibrated = scored.map((found, i) => ({ ...found, name: images.name(heldOut[i]!) }));
	const scores = scored.map(({ score }) => score);
	const mapMedian = median(scored.map(({ middle }) => middle));
	const curve = curveOf(calibrated, spoiled);
	const thresholdRank = usualRank(scores, spoiled);
	const threshold = thresholdOf(scores, { thresholdRank, ...settings });
	// Whoever was judged by a student of a fold cannot be struck.
	const remedy = folds.length > 0 ? 'teach again without what is not good' : 'strike what is not good';
	const isAsked = settings.falseRejects !== undefined || settings.thresholdRank !== undefined;
	for (const message of remarksOn(calibrated, spoiled, { ...threshold, isAsked }, remedy))
		world.report({ phase: 'warning', message });
	const good = among(images, heldOut);
	const models = await chooseModels(
		pair,
		judging,
		{ ranges: train.length > 0 ? among(images, train) : good, good, ...(labelled && { labelled }) },
		{
			threshold: threshold.threshold,
			usual: usualOf(scores, mapMedian),
		},
		settings,
		world,
	);
	const model = models.models[models.runs]!;
	const fastest =
		learnt.fastest ?? (await measureThreads(model, { input: await good.input(0), size: tiling }, world));
	const drawn = { tiling, region: settings.region, mapMedian, threshold: threshold.threshold };
	const sheet = world.encodeSheet && (await sheetFor(curve, high, images, drawn));
	const { sha256, origin, seeded } = teacher;
	return contentsOf(
		{
			name: settings.name,
			architecture: { backbone, teacher: { sha256, origin, seeded } },
			models,
			heldOut: good,
			sheet: sheet && world.encodeSheet?.(sheet),
			calibrated,
			spoiled,
			struck: struck.map(images.name),
			preset,
			scoring,
			threshold,
			tiling,
			compared: settings.compared,
			region: settings.region,
			picture,
			...(likenesses && { likenesses }),
			quality,
			threads: settings.threads,
			fastest,
			training: training(),
		},
		world,
	);
}

function among(images: GoodImages, chosen: readonly number[]): Pictures {
	return { count: chosen.length, input: async (i) => (await images.image(chosen[i]!)).input };
}
