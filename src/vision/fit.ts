import type { Size } from './image.js';

/** The pictures that a part was taught with: the least and the most of their widths and heights, in pixels. */
export type TaughtSizes = { readonly smallest: Size; readonly largest: Size };

/** How far the ratio of width to height may lie outside of what was taught. */
const SHAPE_TOLERANCE = 0.02;

/** How much smaller or larger a picture of the same shape may be. */
const MOST_SCALED = 2;

/** Why a picture of this size is not like those that were taught, in words; undefined when it is. */
export function misfit({ width, height }: Size, { smallest, largest }: TaughtSizes): string | undefined {
	const taught = [smallest, largest].map((size) => `${size.width}x${size.height}`);
	const was = `taught were ${[...new Set(taught)].join(' to ')}`;
	const ratio = width / height;
	const [narrowest, widest] = [smallest.width / largest.height, largest.width / smallest.height];
	if (ratio < narrowest * (1 - SHAPE_TOLERANCE) || ratio > widest * (1 + SHAPE_TOLERANCE))
		return `it is ${width}x${height}, another shape: ${was}`;
	if (width * MOST_SCALED < smallest.width) return `it is ${width}x${height}, too small: ${was}`;
	if (width > largest.width * MOST_SCALED) return `it is ${width}x${height}, too large: ${was}`;
	return undefined;
}
