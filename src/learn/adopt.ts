import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { randomFrom } from '../base/random.js';
import { median } from '../measure/statistics.js';
import type { BundleContents } from '../model/bundle.js';
import { scoreWith } from '../model/scored.js';
import type { Tiling } from '../model/tiling.js';
import { plainSpoil, spoiledBy } from '../vision/spoils.js';
import { rankCorrelation } from './gate.js';
import { assertEnough, type GoodImages, type TeachWorld } from './lesson.js';
import { contentsOf } from './pack.js';
import { survey } from './survey.js';
import { measureThreads } from './threads.js';
import { thresholdOf } from './threshold.js';

export type AdoptSettings = {
	readonly name: string;
	/** What failures call the model. */
	readonly file: string;
	/** What the model's pictures look like: one tile, which need not be square. */
	readonly tiling: Tiling;
	readonly threads: number;
	readonly origin: string;
	readonly sha256: string;
};

/** Scores of good pictures that are all the same say that the model clamps them. */
const FEWEST_SCORES = 3;

/** A map has many values; a mask two. */
const FEWEST_VALUES = 3;

/** Good pictures that are also scored with a defect pasted in, and the share of them whose score must rise. */
const MOST_SPOILED = 24;
const LEAST_RISING = 0.1;

/** A score that falls with the map says how good a part is. */
const LEAST_AGREEMENT = -0.8;

/**
 * A bundle around a model that was trained elsewhere and has our contract already (graph/foreign.ts): the good pictures set the
 * threshold and become golden vectors.
 * @throws Failure images-missing, model-failed when it gives no scores, a mask for a map, or scores that are high for what is good,
 * teaching-failed when the scores hardly differ
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
	const { warnings, picture, sha256, groups, likenesses, quality } = await survey(
		images,
		tiling,
		world.signal,
	);
	for (const message of warnings) world.report({ phase: 'warning', message });
	const calibrated: (Shown & { readonly name: string; readonly middle: number })[] = [];
	const pasted: Shown[] = [];
	const values = new Set<number>();
	const session = await world.openSession(model, { threads, name: settings.file });
	const shown = async (input: Uint8Array, of: string) => {
		const { map, score } = await scoreWith(session, input, tiling);
		if (!Number.isFinite(score)) {
			const state = `for ${of} it gives the score ${score}, or a map that holds what is no number`;
			throw refusal(settings.file, state, 'Compare it with the framework that it comes from.');
		}
		for (let i = 0; i < map.length && values.size < FEWEST_VALUES; i += 1) values.add(map[i]!);
		const most = map.reduce((a, b) => Math.max(a, b));
		const mean = map.reduce((a, b) => a + b) / map.length;
		return { map, score, most, mean };
	};
	try {
		for (let i = 0; i < images.count; i += 1) {
			world.signal.throwIfAborted();
			const { input } = await images.image(i);
			const { map, ...found } = await shown(input, `good image "${images.name(i)}"`);
			calibrated.push({ ...found, name: images.name(i), middle: median(map) });
			if (i < MOST_SPOILED) {
				const { map: _, ...other } = await shown(
					spoiledBy(input, tiling, plainSpoil(i), randomFrom(i)),
					`good image "${images.name(i)}" with a defect pasted in`,
				);
				pasted.push(other);
			}
			world.report({ phase: 'calibrating', done: i + 1, of: images.count });
			await breathe();
		}
	} finally {
		await session.close();
	}
	const scores = calibrated.map(({ score }) => score);
	const clamped = new Set(scores).size < FEWEST_SCORES;
	if (values.size < FEWEST_VALUES && !(clamped && values.size === 1))
		throw refusal(
			settings.file,
			`its map holds only ${[...values].join(' and ')}: it is a mask`,
			'Name the output that holds how unusual each pixel is with --map.',
		);
	if (clamped) {
		throw new Failure(
			'teaching-failed',
			`Cannot set a threshold: ${images.count} good images have ${new Set(scores).size} different scores`,
			'The model clamps its scores or its map: export it without normalisation, or name another score with --score (map for the maximum of the map).',
		);
	}
	if (fallsWithDefects(calibrated, pasted))
		throw refusal(
			settings.file,
			'its score is higher for what is good',
			'Take the maximum of its map with --score map, or export a score that is higher for what is unusual.',
		);
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
			spoiled: pasted,
			struck: [],
			preset: 'paper',
			scoring: null,
			threshold: thresholdOf(scores),
			tiling,
			region: undefined,
			picture,
			likenesses,
			quality,
			threads,
			fastest: await measureThreads(model, { input: (await images.image(0)).input, size: tiling }, world),
			training: {
				images: 0,
				heldOut: images.count,
				folds: 0,
				iterations: 0,
				batch: 0,
				learningRate: 0,
				seed: 0,
				hardness: 0,
				cooling: 0,
				wobble: null,
				seconds: (world.now() - started) / 1000,
				losses: [],
				provider: 'cpu',
				pictures: sha256,
				groups: groups?.length ?? null,
			},
		},
		world,
	);
}

/** A score, and what the map was like. */
type Shown = { readonly score: number; readonly most: number; readonly mean: number };

/** Whether scores go against the map, or sink when a defect is pasted in. */
function fallsWithDefects(good: readonly Shown[], pasted: readonly Shown[]): boolean {
	const all = [...good, ...pasted];
	const scores = all.map(({ score }) => score);
	const against = (of: (shown: Shown) => number) => rankCorrelation(scores, all.map(of)) <= LEAST_AGREEMENT;
	const changed = pasted.filter(({ score }, i) => score !== good[i]!.score);
	const risen = pasted.filter(({ score }, i) => score > good[i]!.score);
	return (
		against(({ most }) => most) ||
		against(({ mean }) => mean) ||
		(changed.length > 0 && risen.length < LEAST_RISING * changed.length)
	);
}

function refusal(file: string, state: string, advice: string): Failure {
	return new Failure('model-failed', `Cannot import model "${file}": ${state}`, advice);
}
