import { shortened } from '../base/words.js';
import { inHundred } from '../measure/promise.js';
import type { CurvePoint } from '../model/manifest.js';
import type { Rect } from '../vision/image.js';
import { type Sheet, type SheetPicture, sheetOf } from '../vision/sheet.js';
import type { GoodImages } from './lesson.js';

/** Longer names lose their middle. */
const LONGEST_NAME = 30;

/** Where on the scale of heatmaps colours end. */
const REDDEST = 2.2;

/** A held-out picture by its index among all, and its map as if it had not said what is usual. */
export type HighPicture = { readonly index: number; readonly map: Float32Array };

/**
 * The pictures of a curve with their maps, in its order, for people to look at: coloured is what a lower threshold would reject.
 * Undefined where there is no curve. `tiling`: the size of maps.
 */
export async function sheetFor(
	curve: readonly CurvePoint[],
	high: readonly HighPicture[],
	images: GoodImages,
	{
		tiling,
		region,
		mapMedian,
		threshold,
	}: {
		readonly tiling: { readonly width: number; readonly height: number };
		readonly region: Rect | undefined;
		readonly mapMedian: number;
		readonly threshold: number;
	},
): Promise<Sheet | undefined> {
	const lowest = curve.at(-1)?.threshold;
	if (lowest === undefined) return undefined;
	// At their own threshold none would be coloured; and not all of the first is to be red.
	const coloured = Math.max(lowest, mapMedian + (curve[0]!.score - mapMedian) / REDDEST);
	const pictures: SheetPicture[] = [];
	for (const [i, point] of curve.entries()) {
		const found = high.find(({ index }) => images.name(index) === point.picture);
		if (!found) continue;
		const { input, size } = await images.image(found.index);
		const { width, height } = region ?? size;
		pictures.push({
			picture: input,
			map: found.map,
			size: tiling,
			aspect: width / height,
			lines: [
				`${i + 1}  ${shortened(point.picture, LONGEST_NAME)}   ${point.score.toFixed(4)}`,
				`without it: threshold ${point.threshold.toFixed(4)}, at most ${inHundred(point.falseRejectBound95)} of 100 good rejected`,
				...(point.spoiledPass === null
					? []
					: [`${Math.round(100 * point.spoiledPass)} % of spoiled copies pass; --threshold-rank ${i + 2}`]),
			],
		});
	}
	if (pictures.length === 0) return undefined;
	return sheetOf(
		pictures,
		{
			head: [
				`Good pictures that score the highest: the threshold is ${threshold.toFixed(4)}`,
				'Is each a good part, without stain, dust or shadow? Strike those that are not. Below: what holds without it and all above it.',
			],
			ends: ['usual', `what a threshold of ${coloured.toFixed(4)} would reject`],
		},
		{ low: mapMedian, threshold: coloured },
	);
}
