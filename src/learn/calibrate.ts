import { setImmediate as breathe } from 'node:timers/promises';
import { Failure } from '../base/failure.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Tensor } from '../graph/tensor.js';
import { median } from '../measure/statistics.js';
import { type Pair, scalesProgram } from '../model/inference.js';
import type { Preset } from '../model/manifest.js';
import {
	FEWEST_FOR_NORMALITY,
	leaveOneOutScores,
	mapUnder,
	type Normality,
	normalityOf,
	type ScaleMaps,
} from '../model/normality.js';
import type { GoodImages, TeachSettings, TeachWorld } from './lesson.js';

/** What a good picture that was not trained on shows: its score, and the middle of its map. */
export type Calibrated = { readonly score: number; readonly middle: number };

/**
 * Scores of the held-out pictures by the preset, and what the preset learns from them. Where they are too few to tell what is
 * usual, the paper's plain sum is used.
 */
export async function calibrate(
	pair: Pair,
	images: GoodImages,
	heldOut: readonly number[],
	settings: TeachSettings,
	{ openSession, report, signal }: TeachWorld,
): Promise<{ preset: Preset; normality?: Normality; scored: Calibrated[] }> {
	const preset: Preset = heldOut.length < FEWEST_FOR_NORMALITY ? 'paper' : settings.preset;
	const { tiling, threads } = settings;
	const shape = [1, tiling.height, tiling.width, 3];
	const session = await openSession(encodeOnnx(scalesProgram(pair), 'scales'), { threads });
	const pictures: ScaleMaps[] = [];
	try {
		for (const index of heldOut) {
			signal.throwIfAborted();
			const { input } = await images.image(index);
			const image: Tensor = { dtype: 'uint8', shape, data: input };
			const results = await session.run({ image });
			const maps = Object.keys(results).map((_, i) => results[`scale${i + 1}`]!.data as Float32Array);
			if (!maps.every((map) => map.every(Number.isFinite))) {
				throw new Failure(
					'teaching-failed',
					`Cannot calibrate: the map of good image "${images.name(index)}" holds what is not a number`,
					'Check the images and the teacher file.',
				);
			}
			pictures.push(maps);
			report({ phase: 'calibrating', done: pictures.length, of: heldOut.length });
			await breathe();
		}
	} finally {
		await session.close();
	}
	if (preset === 'standard')
		return { preset, normality: normalityOf(pictures), scored: leaveOneOutScores(pictures) };
	const plain = pictures[0]!.map((map) => ({
		mean: new Float32Array(map.length),
		weight: new Float32Array(map.length).fill(1),
	}));
	const scored = pictures.map((maps) => {
		const map = mapUnder(maps, plain);
		return { score: map.reduce((a, b) => Math.max(a, b)), middle: median(map) };
	});
	return { preset, scored };
}
