import { Failure } from '../base/failure.js';
import type { Session } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import type { Size } from '../vision/image.js';

/** One scored picture: `map` is `[height, width]` row-major; `score` is not a number when a value of the map is none, or infinite. */
export type Scored = { readonly map: Float32Array; readonly score: number };

/** Runs an inference graph on one picture `[height, width, 3]`. @throws Failure model-failed, also for a map of another size */
export async function scoreWith(
	session: Session,
	input: Uint8Array,
	{ width, height }: Size,
): Promise<Scored> {
	const { map, score, mean } = await session.run({
		image: { dtype: 'uint8', shape: [1, height, width, 3], data: input },
	});
	if (map?.dtype !== 'float32' || `${map.shape}` !== `${[height, width]}` || score?.data.length !== 1)
		throw new Failure(
			'model-failed',
			`Cannot use the model: it gives ${shown(map)} as the map and ${shown(score)} as the score, not float32 [${height}, ${width}] and one number`,
		);
	const values = map.data as Float32Array;
	// Models written before have no mean.
	const whole = mean ? Number(mean.data[0]) : values.reduce((a, b) => a + b, 0);
	return { map: values, score: Number.isFinite(whole) ? Number(score.data[0]) : Number.NaN };
}

function shown(tensor: Tensor | undefined): string {
	return tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'nothing';
}
