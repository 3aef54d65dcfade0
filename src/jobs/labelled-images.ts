import { readDataset } from '../disk/dataset.js';
import type { LabelledPictures } from '../learn/comparison.js';
import { isDefective } from '../measure/labelled.js';
import { readPicture } from '../opencv/picture.js';
import type { Rect, Size } from '../vision/image.js';
import { type Frames, preparedImages } from './good-images.js';

/** Those of a data set, prepared for a model whose input is of `size`. @throws Failure images-missing, file-unreadable */
export async function labelledImages(
	dataset: string,
	region: Rect | undefined,
	size: Size,
): Promise<LabelledPictures> {
	const { test } = await readDataset(dataset);
	const frames: Frames = {
		count: test.length,
		name: (i) => test[i]!.name,
		frame: (i) => readPicture(test[i]!.path),
	};
	const { image } = preparedImages(frames, region, size);
	return {
		count: test.length,
		defective: (i) => isDefective(test[i]!),
		input: async (i) => (await image(i)).input,
	};
}
