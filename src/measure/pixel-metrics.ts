import type { Size } from '../vision/image.js';
import { flood } from '../vision/regions.js';
import { areaRightOf, rankIn } from './metrics.js';

/** How well maps find the defects' pixels; null where there is no defective or no good pixel to tell. */
export type PixelMetrics = {
	/** Over all pixels of all images. */
	readonly pixelAuroc: number | null;
	/** Mean over defective images of `proRd4ad`. */
	readonly proRd4ad: number | null;
	/**
	 * Area under the mean per-region overlap against the false positive rate over all defect-free pixels, good images
	 * included, up to a rate of 0.3 and divided by it: the data set's authors' own measure.
	 */
	readonly aupro03: number | null;
	/** The curve behind `aupro03`: overlaps at false positive rates evenly spaced from 0 to 0.3; empty where that is null. */
	readonly proCurve: readonly number[];
};

/** Collects maps one by one: four bytes a good pixel, and four a defective one. */
export type PixelTally = {
	/** `map` is `[height, width]`; `mask` of the same shape is nonzero on the defect, null for a good image. */
	add(map: Float32Array, mask: Uint8Array | null): void;
	metrics(): PixelMetrics;
};

/** Where masks show defects: `labels` are 0 outside and 1 … `areas.length` inside, `areas` in pixels. */
export type Regions = { readonly labels: Int32Array; readonly areas: readonly number[] };

const FPR_LIMIT = 0.3;
const THRESHOLDS = 200;
const CURVE_STEPS = 300;

/** Room for at most `images` maps of a size. */
export function pixelTally({ width, height }: Size, images: number): PixelTally {
	const good = new Float32Array(images * width * height);
	let goodCount = 0;
	const regions: Float32Array[] = [];
	let proSum = 0;
	let proImages = 0;

	const addGood = (values: Float32Array) => {
		good.set(values, goodCount);
		goodCount += values.length;
	};

	return {
		add(map, mask) {
			if (mask === null) return addGood(map);
			const found = labelRegions(mask, width);
			const { labels, areas } = found;
			const buckets = [map.length - areas.reduce((sum, area) => sum + area, 0), ...areas].map((length) => ({
				values: new Float32Array(length),
				filled: 0,
			}));
			for (let i = 0; i < map.length; i += 1) {
				const bucket = buckets[labels[i]!]!;
				bucket.values[bucket.filled] = map[i]!;
				bucket.filled += 1;
			}
			addGood(buckets[0]!.values);
			regions.push(...buckets.slice(1).map(({ values }) => values));
			const pro = proRd4ad(map, found);
			if (pro !== null) {
				proSum += pro;
				proImages += 1;
			}
		},
		metrics() {
			if (goodCount === 0 || regions.length === 0) {
				return { pixelAuroc: null, proRd4ad: null, aupro03: null, proCurve: [] };
			}
			const sorted = good.subarray(0, goodCount).sort();
			let pixels = 0;
			let rocArea = 0;
			let proArea = 0;
			const gains = new Float64Array(CURVE_STEPS + 1);
			for (const values of regions) {
				pixels += values.length;
				const weight = 1 / (values.length * regions.length);
				for (const value of values) {
					const rank = rankIn(sorted, value);
					rocArea += areaRightOf(rank, 1);
					proArea += areaRightOf(rank, FPR_LIMIT) * weight;
					const step = Math.ceil(((rank.above + rank.equal / 2) / FPR_LIMIT) * CURVE_STEPS);
					if (step <= CURVE_STEPS) gains[step]! += weight;
				}
			}
			let overlap = 0;
			return {
				pixelAuroc: rocArea / pixels,
				proRd4ad: proImages === 0 ? null : proSum / proImages,
				aupro03: proArea / FPR_LIMIT,
				proCurve: Array.from(gains, (gain) => (overlap += gain)),
			};
		},
	};
}

/**
 * The per-region overlap of one image as the reverse distillation paper's code computes it: 200 thresholds evenly
 * spaced from the map's minimum to its maximum, the false positive rate within this image, the points below a rate
 * of 0.3 stretched to [0, 1], trapezoids. Null without a defective or a good pixel. When no kept point has a false
 * positive it is the highest overlap among them, the limit of the stretched area.
 */
export function proRd4ad(map: Float32Array, { labels, areas }: Regions): number | null {
	const goodCount = map.length - areas.reduce((sum, area) => sum + area, 0);
	if (areas.length === 0 || goodCount === 0) return null;
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (const value of map) {
		if (value < low) low = value;
		if (value > high) high = value;
	}
	const step = (high - low) / (THRESHOLDS - 1);
	const thresholdAt = (k: number) => (k === THRESHOLDS - 1 ? high : low + k * step);

	// A value is found by the thresholds below it: the first `count` ones.
	const falsePositives = new Float64Array(THRESHOLDS + 1);
	const overlaps = new Float64Array(THRESHOLDS + 1);
	for (let i = 0; i < map.length; i += 1) {
		const value = map[i]!;
		let count = step === 0 ? 0 : Math.min(THRESHOLDS, Math.ceil((value - low) / step));
		while (count > 0 && value <= thresholdAt(count - 1)) count -= 1;
		while (count < THRESHOLDS && value > thresholdAt(count)) count += 1;
		const label = labels[i]!;
		if (label === 0) falsePositives[count]! += 1 / goodCount;
		else overlaps[count]! += 1 / (areas[label - 1]! * areas.length);
	}

	let fpr = 0;
	let overlap = 0;
	let area = 0;
	for (let k = THRESHOLDS - 1; k >= 0; k -= 1) {
		const nextFpr = fpr + falsePositives[k + 1]!;
		if (nextFpr >= FPR_LIMIT) break;
		const nextOverlap = overlap + overlaps[k + 1]!;
		area += ((nextFpr - fpr) * (overlap + nextOverlap)) / 2;
		fpr = nextFpr;
		overlap = nextOverlap;
	}
	return fpr === 0 ? overlap : area / fpr;
}

/** The 8-connected regions of nonzero pixels of a mask `width` wide, in scan order. */
export function labelRegions(mask: Uint8Array, width: number): Regions {
	const labels = new Int32Array(mask.length);
	const areas: number[] = [];
	flood(mask, { width, height: mask.length / width }, (at, region) => {
		labels[at] = region + 1;
		areas[region] = (areas[region] ?? 0) + 1;
	});
	return { labels, areas };
}
