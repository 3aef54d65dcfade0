import { basename, relative } from 'node:path';
import { shownPath } from '../base/file-name.js';
import { goodImages } from '../disk/dataset.js';
import type { Parts } from '../learn/judge-geometry.js';
import type { GoodImage, GoodImages } from '../learn/lesson.js';
import { frameOf, readPicture } from '../opencv/picture.js';
import type { TeachRequest } from '../protocol/teach-messages.js';
import { drawPart } from '../sim/line.js';
import type { Frame } from '../vision/frame.js';
import type { Rect, Size } from '../vision/image.js';

/** Pictures as they lie there: `frame(i)` reads one. */
export type Frames = {
	readonly count: number;
	/** Of its file, with the folders before it where another has the same. */
	name(index: number): string;
	frame(index: number): Promise<Frame>;
};

/** Good ones of a folder, or of the simulated line; `told` hears what was left out. @throws Failure file-unreadable, images-missing */
export async function goodFrames(
	images: TeachRequest['images'],
	told?: (line: string) => void,
): Promise<Frames> {
	if (typeof images !== 'string') {
		const { seed, count } = images.sim;
		return {
			count,
			name: (i) => `part ${i}`,
			frame: async (i) => frameOf(drawPart(seed, i).image),
		};
	}
	const paths = await goodImages(images, told);
	const seen = new Map<string, number>();
	for (const path of paths) seen.set(basename(path), 1 + (seen.get(basename(path)) ?? 0));
	const isOnly = (path: string) => seen.get(basename(path)) === 1;
	return {
		count: paths.length,
		name: (i) => shownPath(isOnly(paths[i]!) ? basename(paths[i]!) : relative(images, paths[i]!)),
		frame: (i) => readPicture(paths[i]!),
	};
}

/** The same, prepared for a model whose input is of `size`. */
export function preparedImages(
	{ count, name, frame }: Frames,
	region: Rect | undefined,
	size: Size,
): GoodImages {
	const image = remembered(async (i) => {
		const { width, height, modelInput, release } = await frame(i);
		try {
			return { input: modelInput(region, size), size: { width, height } };
		} finally {
			release();
		}
	});
	return { count, name, image };
}

/** The same at their own resolution, for whoever has not decided yet what a model's input is. */
export function wholeParts({ count, frame }: Frames, region: Rect | undefined): Parts {
	return {
		count,
		picture: async (i, longestSide) => {
			const { width, height, crop, release } = await frame(i);
			try {
				return crop(region ?? { x: 0, y: 0, width, height }, longestSide);
			} finally {
				release();
			}
		},
		prepared: (picture, size) => {
			const { modelInput, release } = frameOf(picture);
			const input = modelInput(undefined, size);
			release();
			return input;
		},
	};
}

/** Prepared pictures that are kept for the next look: teaching looks at each two or three times. */
const REMEMBERED_BYTES = 200e6;

function remembered(load: (index: number) => Promise<GoodImage>): (index: number) => Promise<GoodImage> {
	const kept = new Map<number, GoodImage>();
	let bytes = 0;
	return async (index) => {
		const known = kept.get(index);
		if (known) return known;
		const picture = await load(index);
		if (bytes + picture.input.length <= REMEMBERED_BYTES) {
			bytes += picture.input.length;
			kept.set(index, picture);
		}
		return picture;
	};
}
