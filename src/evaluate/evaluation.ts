import { Failure } from '../base/failure.js';
import { isDefective, type LabelledPicture } from '../measure/labelled.js';
import { auroc, confusionAt } from '../measure/metrics.js';
import { pixelTally } from '../measure/pixel-metrics.js';
import type { Frame } from '../vision/frame.js';
import type { Image, Size } from '../vision/image.js';
import { areSiblings, likenessOf } from '../vision/likeness.js';

/** One image as the model scored it; `ms` is what preparing and scoring took. */
export type ScoredImage = LabelledPicture & { readonly score: number; readonly ms: number };

/** What `evaluate --json` prints. Null where the data set cannot tell: one kind of part only, or no masks. */
export type Figures = {
	readonly images: number;
	readonly imageAuroc: number | null;
	readonly pixelAuroc: number | null;
	readonly proRd4ad: number | null;
	readonly aupro03: number | null;
	readonly threshold: number;
	/** Good images scoring above the threshold. */
	readonly falseRejects: number;
	/** Defective images scoring at or below it. */
	readonly escapes: number;
	readonly msPerImage: number;
	/** What is left without good images that are other exposures of pictures that were taught; null where none are, or it is not known. */
	readonly withoutSiblings: {
		readonly siblings: number;
		readonly good: number;
		readonly falseRejects: number;
		readonly imageAuroc: number | null;
	} | null;
};

/** An evaluation with what it was made of. */
export type Evaluation = {
	readonly figures: Figures;
	readonly scored: readonly ScoredImage[];
	/** As in `PixelMetrics`. */
	readonly proCurve: readonly number[];
};

/** What evaluating needs of the world. */
export type EvaluateWorld = {
	readPicture(path: string): Promise<Frame>;
	/** One channel, of `size`, nonzero on the defect of the picture at `picture`. */
	readMask(path: string, size: Size, picture: string): Promise<Image>;
	/** `input` is `[height, width, 3]`, `map` `[height, width]`. */
	score(input: Uint8Array): Promise<{ readonly map: Float32Array; readonly score: number }>;
	/** A monotonic clock. */
	now(): number;
};

/**
 * Scores every image, or fails: an evaluation of a part of them is never returned. Defective images without a mask
 * count for the image metrics only.
 * @throws Failure model-failed, whatever `world` throws, and the signal's reason
 */
export async function evaluate(
	images: readonly LabelledPicture[],
	world: EvaluateWorld,
	options: {
		readonly size: Size;
		readonly threshold: number;
		/** What the pictures that were taught are known again by. */
		readonly taught?: readonly Int8Array[];
		readonly signal: AbortSignal;
		onProgress(done: number, of: number): void;
	},
): Promise<Evaluation> {
	const { size, threshold, taught = [], signal, onProgress } = options;
	const hasMasks = images.some(({ mask }) => mask !== null);
	const counted = hasMasks ? images.filter((image) => !isDefective(image) || image.mask !== null).length : 0;
	const tally = pixelTally(size, counted);
	const scored: ScoredImage[] = [];
	const likenesses: Int8Array[] = [];
	for (const image of images) {
		signal.throwIfAborted();
		const frame = await world.readPicture(image.path);
		let startMs: number;
		let input: Uint8Array;
		try {
			startMs = world.now();
			input = frame.modelInput(undefined, size);
		} finally {
			frame.release();
		}
		const { map, score } = await world.score(input);
		const ms = world.now() - startMs;
		if (!Number.isFinite(score) || map.some(Number.isNaN)) {
			throw new Failure('model-failed', `Cannot evaluate "${image.path}": the model's score is ${score}`);
		}
		scored.push({ ...image, score, ms });
		if (!isDefective(image) && taught.length > 0) likenesses.push(likenessOf(input, size));
		if (hasMasks && !isDefective(image)) tally.add(map, null);
		else if (image.mask !== null) tally.add(map, (await world.readMask(image.mask, size, image.path)).data);
		onProgress(scored.length, images.length);
	}
	const scores = scored.map(({ score }) => score);
	const defective = scored.map(isDefective);
	const { falseRejects, escapes } = confusionAt(threshold, scores, defective);
	const { proCurve, ...pixels } = tally.metrics();
	return {
		figures: {
			images: scored.length,
			imageAuroc: auroc(scores, defective),
			...pixels,
			threshold,
			falseRejects,
			escapes,
			msPerImage: scored.reduce((sum, { ms }) => sum + ms, 0) / scored.length,
			withoutSiblings: withoutSiblings(scored, threshold, areSiblings(taught, likenesses)),
		},
		scored,
		proCurve,
	};
}

/** `sibling`: for each good image in its order; none where what was taught is not known. */
function withoutSiblings(
	scored: readonly ScoredImage[],
	threshold: number,
	sibling: readonly boolean[],
): Figures['withoutSiblings'] {
	const good = scored.filter((image) => !isDefective(image));
	const siblings = new Set(good.filter((_, i) => sibling[i]));
	if (siblings.size === 0) return null;
	const left = scored.filter((image) => !siblings.has(image));
	const scores = left.map(({ score }) => score);
	const defective = left.map(isDefective);
	return {
		siblings: siblings.size,
		good: good.length - siblings.size,
		falseRejects: confusionAt(threshold, scores, defective).falseRejects,
		imageAuroc: auroc(scores, defective),
	};
}
