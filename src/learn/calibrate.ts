import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { randomFrom } from '../base/random.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Tensor } from '../graph/tensor.js';
import { median } from '../measure/statistics.js';
import type { Gaussian } from '../model/gaussian.js';
import { type Judging, mapsProgram, type Pair } from '../model/inference.js';
import type { Manifest, Preset, Scoring } from '../model/manifest.js';
import {
	FEWEST_FOR_NORMALITY,
	type Judge,
	joinSums,
	judgedBy,
	type MapKind,
	type Maps,
	neededBy,
	normalityOf,
	noSums,
	type Sums,
	shownBy,
	sumsWithout,
} from '../model/normality.js';
import { highest } from '../model/outline.js';
import { spoiledCopies } from '../vision/spoils.js';
import { HIGHEST } from './curve.js';
import type { GoodImages, TeachSettings, TeachWorld } from './lesson.js';
import { chosenScoring, type SpoiledScore, scoringsFor, usesFeatures } from './scoring.js';
import type { HighPicture } from './sheet.js';

/** What a good picture that was not trained on shows: its score, and the middle of its map. */
export type Calibrated = { readonly score: number; readonly middle: number };

/** How maps become scores here, and why; `scored` and `spoiled` are by that scoring. */
export type Calibration = {
	readonly preset: Preset;
	readonly judging: Judging;
	readonly scoring: NonNullable<Manifest['calibration']['scoring']>;
	/** In the order of the held-out pictures. */
	readonly scored: readonly Calibrated[];
	readonly spoiled: readonly SpoiledScore[];
	/** The pictures that score the highest, and how. */
	readonly high: readonly HighPicture[];
};

/** Held-out pictures that are spoiled: more tell nothing new, and every copy is a run of the network. */
export const MOST_SPOILED = 48;

/** Places of a map that say where its middle is. */
const MIDDLE_PLACES = 4096;

/** A way to score that is still in the running, and what it gave. */
type Running = { readonly scoring: Scoring; readonly good: Calibrated[]; readonly spoiled: SpoiledScore[] };

/** A pair, and good pictures that it was not taught; `gaussians`: what features of those that it was taught are like. */
export type Unseen = {
	readonly pair: Pair;
	readonly gaussians: readonly Gaussian[] | undefined;
	readonly pictures: readonly number[];
};

/**
 * Chooses how maps become scores: good pictures that were not trained on, each left out in its turn, against spoiled copies of them. A
 * scoring that was asked for is taken; the paper's preset sums, and so does a lesson with too few pictures to tell what is usual.
 * `gaussians`: of the pair that will judge. The pictures of all `unseen` count as one set, in their order.
 * @throws Failure teaching-failed for a map that is not of numbers
 */
export async function calibrate(
	unseen: readonly Unseen[],
	gaussians: readonly Gaussian[] | undefined,
	images: GoodImages,
	settings: Pick<TeachSettings, 'preset' | 'scoring' | 'seed' | 'tiling' | 'threads'>,
	{ openSession, report, signal }: Pick<TeachWorld, 'openSession' | 'report' | 'signal'>,
): Promise<Calibration> {
	const { tiling, threads, seed } = settings;
	const placed = unseen.flatMap((one) => one.pictures.map((index) => ({ one, index })));
	const count = placed.length;
	const candidates = scoringsFor(settings, count, gaussians !== undefined);
	const uses = [...new Set(candidates.flatMap(neededBy))];
	const programOf = (one: Unseen) => mapsProgram(one.pair, one.gaussians, uses);
	const { kinds } = programOf(unseen[0]!);
	/** Hands each picture, or those at the `wanted` places, to `look`: its place among all, and what gives the maps of it and of copies of it. */
	const eachUnseen = async (
		look: (place: number, input: Uint8Array, mapsOf: (data: Uint8Array) => Promise<Maps>) => Promise<void>,
		wanted: ReadonlySet<number> = new Set(placed.keys()),
	): Promise<void> => {
		for (const one of unseen) {
			const own = [...placed.keys()].filter((place) => wanted.has(place) && placed[place]!.one === one);
			if (own.length === 0) continue;
			const session = await openSession(encodeOnnx(programOf(one).graph, 'maps'), { threads });
			const mapsOf = async (data: Uint8Array, name: string): Promise<Maps> => {
				signal.throwIfAborted();
				const shape = [1, tiling.height, tiling.width, 3];
				const image: Tensor = { dtype: 'uint8', shape, data };
				const results = await session.run({ image });
				await breathe();
				const maps = kinds.map((_, i) => results[`map${i + 1}`]!.data as Float32Array);
				if (maps.every((map) => map.every(Number.isFinite))) return maps;
				throw new Failure(
					'teaching-failed',
					`Cannot calibrate: the map of ${name} holds what is not a number`,
					'Check the images and the teacher file.',
				);
			};
			try {
				for (const place of own) {
					const { index } = placed[place]!;
					const { input } = await images.image(index);
					const name = `good image "${images.name(index)}"`;
					await look(place, input, (data) =>
						mapsOf(data, data === input ? name : `${name} with a defect drawn in`),
					);
				}
			} finally {
				await session.close();
			}
		}
	};
	const running = candidates.map((scoring): Running => ({ scoring, good: [], spoiled: [] }));
	let sums = noSums(kinds.length, tiling.width * tiling.height);
	await eachUnseen(async (place, input, mapsOf) => {
		sums = joinSums(sums, await mapsOf(input));
		report({ phase: 'calibrating', done: place + 1, of: count });
	});
	// Maps of many large pictures would not fit into memory: they are computed again.
	await eachUnseen(async (of, input, mapsOf) => {
		const maps = await mapsOf(input);
		const judges = judgesWithout(maps, sums, candidates, kinds);
		for (const [i, judge] of judges.entries()) running[i]!.good.push(calibratedIn(shownBy(judge, maps)));
		if (isSpoiled(of, count)) {
			for (const { spoil, picture } of spoiledCopies(input, tiling, randomFrom(seed + of))) {
				const spoilt = await mapsOf(picture);
				for (const [i, judge] of judges.entries())
					running[i]!.spoiled.push({ of, spoil, score: highest(judgedBy(judge, spoilt)) });
			}
		}
		report({ phase: 'choosing', done: of + 1, of: count });
	});
	const choice = chosenScoring(
		running.map(({ good, ...candidate }) => ({ ...candidate, good: good.map(({ score }) => score) })),
	);
	const { scoring, good, spoiled } = running.find((candidate) => candidate.scoring === choice.chosen)!;
	const found = { ...choice, spoiled: spoiled.length, asked: settings.scoring === scoring };
	report({ phase: 'scoring', ...found });
	const high: HighPicture[] = [];
	await eachUnseen(
		async (place, input, mapsOf) => {
			const maps = await mapsOf(input);
			const [judge] = judgesWithout(maps, sums, [scoring], kinds);
			high.push({ index: placed[place]!.index, map: shownBy(judge!, maps) });
		},
		new Set(highestOf(good)),
	);
	return {
		preset: count < FEWEST_FOR_NORMALITY ? 'paper' : settings.preset,
		judging: {
			scoring,
			normality: normalityOf(sums, scoring, kinds),
			gaussians: usesFeatures(scoring) ? gaussians : undefined,
		},
		scoring: found,
		scored: good,
		spoiled,
		high,
	};
}

/** By each scoring, as if a picture of these maps had not said what is usual. */
function judgesWithout(
	maps: Maps,
	sums: Sums,
	candidates: readonly Scoring[],
	kinds: readonly MapKind[],
): Judge[] {
	const others = sumsWithout(sums, maps);
	return candidates.map((scoring) => ({ kinds, scoring, normality: normalityOf(others, scoring, kinds) }));
}

/** Whether the `index`th of so many is among those that are spoiled, which are spread over all. */
function isSpoiled(index: number, count: number): boolean {
	const share = MOST_SPOILED / count;
	return share >= 1 || Math.floor((index + 1) * share) > Math.floor(index * share);
}

function calibratedIn(map: Float32Array): Calibrated {
	const step = Math.ceil(map.length / MIDDLE_PLACES);
	return { score: highest(map), middle: median(map.filter((_, p) => p % step === 0)) };
}

/** Places of the highest scores. */
function highestOf(good: readonly Calibrated[]): number[] {
	const order = good.map((_, i) => i).sort((a, b) => good[b]!.score - good[a]!.score);
	return order.slice(0, HIGHEST);
}
