import { Failure } from '../base/failure.js';
import { paperAdam } from '../model/adam.js';
import type { BundleContents } from '../model/bundle.js';
import type { Pair } from '../model/inference.js';
import { viewCount } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import { finish } from './finish.js';
import { type Split, splitOf } from './folds.js';
import { judgedIn } from './forecast.js';
import {
	assertEnough,
	type GoodImages,
	type Pictures,
	type Teacher,
	type TeachSettings,
	type TeachWorld,
} from './lesson.js';
import type { Probes } from './precisions.js';
import { scoringsFor, usesFeatures } from './scoring.js';
import { recipes, trainStudents } from './student.js';
import { survey } from './survey.js';
import { threadRuns } from './threads.js';
import { assertSupported } from './threshold.js';
import type { Checkpoints } from './train.js';

/** What teaching may be given beside good pictures. */
export type Extras = {
	readonly labelled?: Probes['labelled'];
	/** A student that was trained elsewhere: nothing is trained, all pictures set the threshold. */
	readonly student?: Weights | undefined;
	/** Those of the lesson from pictures whose names and contents have this SHA-256. @throws Failure file-unreadable */
	readonly checkpoints?: (pictures: string) => Promise<Checkpoints>;
};

/**
 * Good pictures in, a bundle out: teacher features, student, one inference graph, threshold by the scores of the
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
	const { tiling, seed } = settings;
	const splitBy = (groups: readonly (readonly number[])[]): Split => {
		const split = student ? allHeldOut(images.count) : splitOf(images.count, settings, groups);
		const share = student || split.folds.length > 0 ? 1 : settings.holdout;
		assertSupported(split.heldOut.length, settings, share);
		return split;
	};
	if (student) assertAsked(settings);
	splitBy([]);
	const { warnings, picture, sha256, groups, likenesses, quality } = await survey(
		images,
		tiling,
		world.signal,
	);
	const split = splitBy(groups ?? []);
	const { folds } = split;
	for (const message of warnings) world.report({ phase: 'warning', message });
	if (settings.precision !== 'fp32' && labelled) await readable(labelled, world.signal);
	const wantsFeatures = scoringsFor(settings, split.heldOut.length, student === undefined).some(usesFeatures);
	const pairOf = (weights: Weights): Pair => ({
		backbone: settings.backbone,
		teacher: teacher.weights,
		student: weights,
		tiling,
	});
	const given = student && { weights: student, losses: [], gaussians: undefined };
	const { whole, others, provider } = given
		? { whole: given, others: [], provider: 'cpu' as const }
		: await trainStudents(images, split.train, teacher, settings, world, {
				folds: folds.map(({ train }) => train),
				judged:
					judgedIn(settings, split.heldOut.length, labelled?.count ?? 0) +
					threadRuns((await world.processor()).cores),
				startedMs: started,
				wantsFeatures,
				checkpoints: await checkpoints?.(sha256),
			});
	return finish(
		{
			pair: pairOf(whole.weights),
			gaussians: whole.gaussians,
			teacher,
			images,
			...split,
			folds: others.map(({ weights, gaussians }, i) => ({
				pair: pairOf(weights),
				gaussians,
				pictures: folds[i]!.heldOut,
			})),
			struck: [],
			picture,
			likenesses,
			quality,
			...(labelled && { labelled }),
			training: () => ({
				images: split.train.length,
				heldOut: split.heldOut.length,
				folds: folds.length,
				iterations: whole.losses.length,
				batch: Math.min(settings.batch, split.train.length * viewCount(tiling)),
				learningRate: paperAdam.learningRate,
				seed,
				...recipes[student ? 'paper' : settings.preset],
				wobble: settings.wobble ?? null,
				seconds: (world.now() - started) / 1000,
				losses: [...whole.losses],
				provider,
				pictures: sha256,
				groups: groups?.length ?? null,
			}),
		},
		settings,
		world,
	);
}

/** Labelled pictures are needed at the end: one that cannot be read ends teaching now. @throws Failure image-unreadable */
async function readable({ count, input }: Pictures, signal: AbortSignal): Promise<void> {
	for (let i = 0; i < count; i += 1) {
		signal.throwIfAborted();
		await input(i);
	}
}

/** @throws Failure usage for a scoring by features where no picture says what those of good parts are like */
function assertAsked({ scoring = 'auto' }: TeachSettings): void {
	if (scoring === 'auto' || !usesFeatures(scoring)) return;
	throw new Failure(
		'usage',
		`Cannot score by "${scoring}" with a student that was trained elsewhere: no picture is left that says what features are usual`,
		'Leave the scoring to the lesson, or ask for one without features.',
	);
}

function allHeldOut(count: number): Split {
	return { train: [], heldOut: Array.from({ length: count }, (_, i) => i), folds: [] };
}
