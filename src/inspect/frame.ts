import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Provider } from '../base/provider.js';
import type { RecipeConfig } from '../config/schema.js';
import {
	type Drawn,
	type Origin,
	type Part,
	type Region,
	type StationVerdict,
	unjudged,
} from '../protocol/verdict.js';
import { misfit, type TaughtSizes } from '../vision/fit.js';
import type { Frame } from '../vision/frame.js';
import { overlay, type Scale } from '../vision/heatmap.js';
import type { Image, Rect } from '../vision/image.js';
import type { Measures } from '../vision/quality.js';
import { type MapRegion, regionsAbove, toFrameBox, viewsOf } from '../vision/regions.js';
import { decide } from './decide.js';
import type { Scorer } from './scorer.js';
import type { Watch } from './watch.js';

/** What a station inspects with; does not change while it runs. */
export type Inspection = {
	readonly origin: Origin;
	readonly recipe: RecipeConfig;
	/** SHA-256 of the model that the recipe's bundle names. */
	readonly recipeModel: string;
	/** What was chosen to compute it, of what the recipe allows. */
	readonly allowedProvider: Provider;
	/** The part of the picture to inspect; undefined for all of it. */
	readonly region: Rect | undefined;
	/** The pictures that the bundle was taught with, where it knows them. */
	readonly taught: TaughtSizes | undefined;
	/** What is looked at before a picture is scored. */
	readonly watch: Watch;
	readonly scorer: Scorer;
	readonly threshold: number;
	/** What maps of good parts usually show: the lower end of the heatmaps' scale. */
	readonly mapMedian: number;
	readonly encodeJpeg: (image: Image, quality: number) => Uint8Array;
	/** Milliseconds of the clock that frames are stamped with. */
	readonly now: () => number;
};

/** Regions that a verdict tells, the highest; a map of noise can hold thousands. */
const MOST_REGIONS = 32;

/** A verdict with its pictures (JPEG), in the order of its `heatmaps`. */
export type Inspected = {
	readonly verdict: StationVerdict;
	readonly pictures: readonly Uint8Array[];
	/** What the picture is like, where that is known. */
	readonly measures?: Measures | null;
};

/** One frame → verdict, with heatmaps when it is rejected. The deadline counts from `dueMs`. Does not release the frame. @throws Failure model-failed, image-unreadable, frame-mismatch, and what the watch finds */
export async function inspectFrame(
	frame: Frame,
	part: Part,
	inspection: Inspection,
	dueMs = part.taken.monotonicMs,
): Promise<Inspected> {
	const { origin, recipe, recipeModel, allowedProvider, region, taught, scorer, threshold, now } = inspection;
	const begun = now();
	const state = taught && misfit(frame, taught);
	if (state !== undefined) {
		throw new Failure(
			'frame-mismatch',
			`Cannot inspect ${frame.name === undefined ? 'a frame' : `"${frame.name}"`}: ${state}`,
			'Set the camera to what it was when the part was taught, or teach the part again.',
		);
	}
	const input = frame.modelInput(region, scorer.size);
	const { failure, measures } = inspection.watch.look(input, frame, recipe.quality);
	if (failure) throw failure;
	const prepared = now();
	const { map, score } = await scorer.score(input);
	const scored = now();
	const { verdict, error = null } = decide({
		score,
		threshold,
		ageMs: scored - dueMs,
		deadlineMs: part.trigger?.deadlineMs ?? recipe.deadlineMs,
		model: scorer.model,
		recipeModel,
		provider: scorer.provider,
		allowedProvider,
	});
	const decided = now();
	const regions = verdict === 'reject' ? regionsAbove(map, scorer.size, threshold) : [];
	const pictures = drawHeatmaps(frame, map, regions, inspection);
	return {
		pictures: pictures.map(({ jpeg }) => jpeg),
		measures,
		verdict: {
			...unjudged(origin, part),
			verdict,
			error,
			score: Number.isFinite(score) ? score : null,
			regions: regions.slice(0, MOST_REGIONS).map((found) => inFrame(found, frame, inspection)),
			heatmaps: pictures.map(({ drawn }) => drawn),
			latency: {
				waitMs: round(begun - part.taken.monotonicMs),
				prepareMs: round(prepared - begun),
				modelMs: round(scored - prepared),
				decideMs: round(decided - scored),
				drawMs: round(now() - decided),
			},
		},
	};
}

function inFrame({ box, peak, area }: MapRegion, frame: Frame, { scorer, region }: Inspection): Region {
	const inspected: Rect = region ?? { x: 0, y: 0, width: frame.width, height: frame.height };
	const scale = (inspected.width * inspected.height) / (scorer.size.width * scorer.size.height);
	return { box: toFrameBox(box, scorer.size, inspected), peak, area: area * scale };
}

function drawHeatmaps(
	frame: Frame,
	map: Float32Array,
	regions: readonly MapRegion[],
	inspection: Inspection,
): { readonly drawn: Drawn; readonly jpeg: Uint8Array }[] {
	const { recipe, scorer, threshold, mapMedian, encodeJpeg } = inspection;
	const { most, padding, longestSide, quality } = recipe.heatmap;
	const area: Rect = inspection.region ?? { x: 0, y: 0, width: frame.width, height: frame.height };
	const scale: Scale = { low: Math.min(mapMedian, threshold), threshold };
	return viewsOf(regions, scorer.size, { most, pad: padding }).map(({ box, peak }) => {
		const frameBox = toFrameBox(box, scorer.size, area);
		const picture = overlay(frame.crop(frameBox, longestSide), map, scorer.size, box, scale);
		const jpeg = encodeJpeg(picture, quality);
		return { drawn: { box: frameBox, peak, bytes: jpeg.length, sha256: sha256Of(jpeg) }, jpeg };
	});
}

function round(ms: number): number {
	return Math.round(ms * 100) / 100;
}
