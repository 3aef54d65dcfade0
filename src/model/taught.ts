import { floatsIn } from '../graph/constants.js';
import { Graph } from '../graph/graph.js';
import type { Tensor } from '../graph/tensor.js';
import { architectures, type Backbone } from './architecture.js';
import type { Gaussian } from './gaussian.js';
import type { Pair } from './inference.js';
import { student, teacher } from './networks.js';
import type { Tiling } from './tiling.js';
import { convolve, type Units } from './units.js';
import { Weights } from './weights.js';

/**
 * What a bundle's float32 model was made of: the pair, its norms folded, and the Gaussians where it scores by features; constants stand in it under
 * their names.
 * @throws Error in words naming the first that is missing or has another shape
 */
export function taughtIn(
	model: Uint8Array,
	backbone: Backbone,
	tiling: Tiling,
): { readonly pair: Pair; readonly gaussians: readonly Gaussian[] | undefined } {
	const arch = architectures[backbone];
	const constants = floatsIn(model);
	const graph = new Graph();
	const takingTo = (folded: Weights): Units => {
		const take = (name: string, shape: readonly number[]) => {
			const found = constants.get(name);
			if (!found) throw new Error(`its model has no constant "${name}", which a ${backbone} has`);
			if (`${found.shape}` !== `${shape}`)
				throw new Error(`the constant "${name}" of its model is [${found.shape}], not [${shape}]`);
			folded.set(name, found);
		};
		return (x, { conv, channels, kernel, stride, up = false }) => {
			const from = x.shape[1]!;
			const shape = [...(up ? [from, channels] : [channels, from]), kernel, kernel];
			take(`${conv}.weight`, shape);
			take(`${conv}.bias`, [channels]);
			return convolve(graph, [x, graph.input(`${conv}.weight`, 'float32', shape)], kernel, stride, up);
		};
	};
	const pair = { backbone, teacher: new Weights(), student: new Weights(), tiling };
	const image = graph.input('image', 'float32', [1, 3, 64, 64]);
	const features = teacher(graph, takingTo(pair.teacher), arch, image);
	student(graph, takingTo(pair.student), arch, features);
	return { pair, gaussians: gaussiansIn(constants) };
}

/** Of squares, and of the overview where there is one. */
function gaussiansIn(constants: ReadonlyMap<string, Tensor<'float32'>>): Gaussian[] | undefined {
	const found = ['gaussian', 'gaussian.overview'].flatMap((name) => {
		const part = (of: string) => constants.get(`${name}.${of}`)?.data;
		const [mean, whitening, centres] = [part('mean'), part('whitening'), part('centres')];
		return mean && whitening ? [{ mean, whitening, ...(centres && { centres }) }] : [];
	});
	return found.length > 0 ? found : undefined;
}
