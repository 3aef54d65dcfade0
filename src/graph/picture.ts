import type { Graph } from './graph.js';
import type { Value } from './ops.js';
import { float32 } from './tensor.js';

/** What a network wants of RGB in [0, 1]: per channel (x − mean) / deviation. */
export type Normalisation = { readonly mean: readonly number[]; readonly deviation: readonly number[] };

/** Pictures as uint8 RGB [N, H, W, 3] → normalised [N, 3, H, W]. */
export function normalise(graph: Graph, image: Value, { mean, deviation }: Normalisation): Value {
	const planes = graph.transpose(graph.apply('Cast', [image], { to: 'float32' }), [0, 3, 1, 2]);
	const channels = (values: readonly number[]) => graph.constant(float32([1, 3, 1, 1], values));
	const scaled = graph.mul(planes, channels(deviation.map((d) => 1 / (255 * d))));
	return graph.sub(scaled, channels(mean.map((m, i) => m / deviation[i]!)));
}
