import type { Failure } from '../base/failure.js';
import type { RecipeConfig } from '../config/schema.js';
import type { Heatmap } from '../protocol/station-messages.js';
import { topicOf } from '../protocol/topics.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import type { Frame } from '../vision/frame.js';
import { overlay, type Scale } from '../vision/heatmap.js';
import type { Image, Rect } from '../vision/image.js';
import { regionsAbove, toFrameBox } from '../vision/regions.js';
import { type Decision, decide } from './decide.js';
import type { Scorer } from './scorer.js';

/** What a station inspects with; does not change while it runs. */
export type Inspection = {
	readonly box: string;
	readonly station: string;
	readonly recipeName: string;
	readonly recipe: RecipeConfig;
	/** The part of the picture to inspect; undefined for all of it. */
	readonly region: Rect | undefined;
	readonly scorer: Scorer;
	readonly model: { readonly name: string; readonly sha256: string };
	readonly threshold: number;
	/** What maps of good parts usually show: the lower end of the heatmaps' scale. */
	readonly mapMedian: number;
	/** Identifies this run of the process in verdict ids. */
	readonly run: string;
	readonly encodeJpeg: (image: Image, quality: number) => Uint8Array;
	/** Milliseconds of the clock that frames are stamped with. */
	readonly now: () => number;
};

export type Inspected = { readonly message: VerdictMessage; readonly heatmaps: readonly Heatmap[] };

/** One frame → verdict, with heatmaps when it is rejected. Does not release the frame. @throws Failure model-failed, image-unreadable */
export async function inspectFrame(
	frame: Frame,
	sequence: number,
	inspection: Inspection,
): Promise<Inspected> {
	const { recipe, region, scorer, model, threshold, now } = inspection;
	const begun = now();
	const input = frame.modelInput(region, scorer.size);
	const prepared = now();
	const { map, score } = await scorer.score(input);
	const scored = now();
	const decision = decide({
		score,
		threshold,
		ageMs: scored - frame.taken.monotonicMs,
		deadlineMs: recipe.deadlineMs,
		model: scorer.model,
		recipeModel: model.sha256,
		provider: scorer.provider,
		allowedProvider: recipe.provider,
	});
	const base = blank(inspection, sequence, frame.taken, frame.name ?? null);
	const drawn = decision.verdict === 'reject' ? drawHeatmaps(frame, map, base.id, inspection) : [];
	return {
		heatmaps: drawn.map(({ listed: { topic }, jpeg }) => ({ topic, jpeg })),
		message: {
			...base,
			...judged(decision),
			score: Number.isFinite(score) ? score : null,
			margin: Number.isFinite(score) ? score - threshold : null,
			times: {
				prepareMs: round(prepared - begun),
				modelMs: round(scored - prepared),
				totalMs: round(now() - begun),
			},
			heatmaps: drawn.map(({ listed }) => listed),
		},
	};
}

/** The verdict for a part that could not be inspected. */
export function failedVerdict(
	inspection: Omit<Inspection, 'scorer' | 'encodeJpeg' | 'now'> & {
		readonly scorer: Pick<Scorer, 'provider'>;
	},
	sequence: number,
	taken: { readonly wallMs: number; readonly monotonicMs: number },
	failure: Failure,
	frame: string | null = null,
): VerdictMessage {
	const { code, message } = failure;
	return { ...blank(inspection, sequence, taken, frame), verdict: 'error', error: { code, message } };
}

function blank(
	inspection: Parameters<typeof failedVerdict>[0],
	sequence: number,
	taken: { readonly wallMs: number; readonly monotonicMs: number },
	frame: string | null,
): VerdictMessage {
	const { box, station, recipeName, model, threshold, run, scorer } = inspection;
	return {
		id: `${run}-${String(sequence).padStart(6, '0')}`,
		box,
		station,
		recipe: recipeName,
		sequence,
		run,
		verdict: 'error',
		score: null,
		threshold,
		margin: null,
		takenAt: new Date(taken.wallMs).toISOString(),
		monotonicMs: round(taken.monotonicMs),
		frame,
		model: { ...model, provider: scorer.provider },
		times: null,
		heatmaps: [],
		error: null,
	};
}

function judged({ verdict, error = undefined }: Decision): Pick<VerdictMessage, 'verdict' | 'error'> {
	return { verdict, error: error ?? null };
}

type Drawn = { readonly listed: VerdictMessage['heatmaps'][number]; readonly jpeg: Uint8Array };

function drawHeatmaps(frame: Frame, map: Float32Array, id: string, inspection: Inspection): Drawn[] {
	const { box, station, recipe, scorer, threshold, mapMedian, encodeJpeg } = inspection;
	const { most, padding, longestSide, quality } = recipe.heatmap;
	const area: Rect = inspection.region ?? { x: 0, y: 0, width: frame.width, height: frame.height };
	const scale: Scale = { low: Math.min(mapMedian, threshold), threshold };
	return regionsAbove(map, scorer.size, threshold, { most, pad: padding }).map((region, index) => {
		const frameBox = toFrameBox(region.box, scorer.size, area);
		const picture = overlay(frame.crop(frameBox, longestSide), map, scorer.size, region.box, scale);
		const jpeg = encodeJpeg(picture, quality);
		const topic = topicOf('heatmap', { box, station, id, index: String(index) });
		return { listed: { box: frameBox, peak: region.peak, topic, bytes: jpeg.length }, jpeg };
	});
}

function round(ms: number): number {
	return Math.round(ms * 100) / 100;
}
