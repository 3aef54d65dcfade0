import { elementsOf, FLOAT16 } from './elements.js';
import { parseOnnx } from './foreign.js';

/**
 * The names of the nodes that a model computes in float16: all others must stay as they are where an engine's layers may be computed in
 * whatever is fastest. @throws Error when the bytes are not an ONNX model
 */
export function halfNodes(model: Uint8Array): string[] {
	const { graph } = parseOnnx(model);
	const types = elementsOf(graph);
	return graph.node.filter(({ output }) => types.get(output[0] ?? '') === FLOAT16).map(({ name }) => name);
}
