import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { median } from '../measure/statistics.js';
import type { BundleContents } from '../model/bundle.js';
import { scoreWith } from '../model/inference.js';
import type { Tiling } from '../model/tiling.js';
import { assertEnough, type GoodImages, type TeachWorld } from './lesson.js';
import { contentsOf } from './pack.js';
import { survey } from './survey.js';
import { thresholdOf } from './threshold.js';

export type AdoptSettings = {
	readonly name: string;
	/** What the model's pictures look like: one tile, which need not be square. */
	readonly tiling: Tiling;
	readonly threads: number;
	readonly origin: string;
	readonly sha256: string;
};

/** Scores of good pictures that are all the same say that the model clamps them. */
const FEWEST_SCORES = 3;

/**
 * A bundle around a model that was trained elsewhere and has our contract already (graph/foreign.ts): the good pictures set the
 * threshold and become golden vectors.
 * @throws Failure images-missing, model-failed when a score is not a number, teaching-failed when the scores hardly differ
 */
export async function adopt(
	images: GoodImages,
	model: Uint8Array,
	settings: AdoptSettings,
	world: TeachWorld,
): Promise<BundleContents> {
	assertEnough(images);
	const started = world.now();
	const { tiling, threads } = settings;
	const { warnings, picture } = await survey(images, world.signal);
	for (const message of warnings) world.report({ phase: 'warning', message });
	const calibrated: { score: number; middle: number }[] = [];
	const session = await world.openSession(model, { threads });
	try {
		for (let i = 0; i < images.count; i += 1) {
			world.signal.throwIfAborted();
			const { map, score } = await scoreWith(session, (await images.image(i)).input, tiling);
			if (!Number.isFinite(score) || map.some((v) => !Number.isFinite(v))) {
				const state = `it gives ${score} for good image "${images.name(i)}"`;
				throw new Failure('model-failed', `Cannot adopt the model: ${state}`);
			}
			calibrated.push({ score, middle: median(map) });
			world.report({ phase: 'calibrating', done: i + 1, of: images.count });
			await breathe();
		}
	} finally {
		await session.close();
	}
	const scores = calibrated.map(({ score }) => score);
	if (new Set(scores).size < FEWEST_SCORES) {
		throw new Failure(
			'teaching-failed',
			`Cannot set a threshold: ${images.count} good images have ${new Set(scores).size} different scores`,
			'The model clamps its scores; export it without normalisation, or take the maximum of its map with --score map.',
		);
	}
	return contentsOf(
		{
			name: settings.name,
			architecture: {
				backbone: 'imported',
				teacher: { sha256: settings.sha256, origin: settings.origin, seeded: false },
			},
			models: { models: { fp32: model }, runs: 'fp32', gates: {} },
			heldOut: { count: images.count, input: async (i) => (await images.image(i)).input },
			calibrated,
			preset: 'paper',
			threshold: thresholdOf(scores),
			tiling,
			region: undefined,
			picture,
			threads,
			training: {
				images: 0,
				heldOut: images.count,
				iterations: 0,
				batch: 0,
				learningRate: 0,
				seed: 0,
				hardness: 0,
				cooling: 0,
				wobble: null,
				seconds: (world.now() - started) / 1000,
				losses: [],
			},
		},
		world,
	);
}
