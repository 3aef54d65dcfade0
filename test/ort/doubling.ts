import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';

/** A model that adds its three numbers `x` to themselves as `y`. */
export function doubling(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [3]);
	graph.output(graph.add(x, x), 'y');
	return encodeOnnx(graph, 'doubling');
}
