import type { Provider } from '../base/provider.js';
import { Graph } from './graph.js';
import type { Attributes, Node, Value } from './ops.js';

/** How an operator that an engine may lack is said in operators that it has. */
type Saying<K extends keyof Attributes> = (
	g: Graph,
	inputs: readonly Value[],
	attributes: Attributes[K],
) => Value;

/** ONNX Runtime's own operators (com.microsoft) in those of ONNX: the same but for rounding, in more passes over memory. */
const sayings = {
	FusedMatMul: (g, [a, b], { transA, transB }) =>
		g.apply('MatMul', [transA ? turned(g, a!) : a!, transB ? turned(g, b!) : b!], {}),
	FusedConv: (g, [x, w, b, more], { activation, ...window }) => {
		const y = g.apply('Conv', b ? [x!, w!, b] : [x!, w!], window);
		const sum = more ? g.add(y, more) : y;
		return activation === 'Relu' ? g.relu(sum) : sum;
	},
} satisfies { readonly [K in 'FusedMatMul' | 'FusedConv']: Saying<K> };

export type Replaceable = keyof typeof sayings;

/**
 * What a provider of ONNX Runtime 1.30 lacks, or computes otherwise, by its source (contrib_ops/cuda/fused_conv.cc,
 * contrib_ops/webgpu/fused_conv.cc and webgpu_contrib_kernels.cc): CUDA knows FusedConv with Relu alone; webgpu has no
 * FusedMatMul, and its FusedConv leaves the sum out without a word (seen). TensorRT has neither.
 */
export const lacking: { readonly [P in Provider]: readonly Replaceable[] } = {
	cpu: [],
	cuda: ['FusedConv'],
	webgpu: ['FusedMatMul', 'FusedConv'],
	tensorrt: ['FusedMatMul', 'FusedConv'],
};

/** The same graph without the operators that are named: same inputs, constants and outputs, other nodes. It has no tape. */
export function without(graph: Graph, operators: readonly Replaceable[]): Graph {
	if (!graph.nodes.some(({ op }) => operators.some((operator) => operator === op))) return graph;
	const plain = new Graph();
	const values = new Map<string, Value>();
	for (const { name, dtype, shape } of graph.inputs) values.set(name, plain.input(name, dtype, shape));
	for (const [name, tensor] of graph.constants) values.set(name, plain.constant(tensor, name));
	for (const { op, inputs, attributes, output } of graph.nodes) {
		const from = inputs.map(({ name }) => values.get(name)!);
		const say = operators.find((operator) => operator === op);
		const value = say
			? (sayings[say] as Saying<typeof say>)(plain, from, attributes as Node<typeof say>['attributes'])
			: plain.apply(op, from, attributes);
		values.set(output.name, value);
	}
	for (const { name, value } of graph.outputs) plain.output(values.get(value.name)!, name);
	return plain;
}

/** The last two axes exchanged. */
function turned(g: Graph, x: Value): Value {
	const last = x.shape.length - 1;
	return g.transpose(
		x,
		x.shape.map((_, axis) => (axis < last - 1 ? axis : 2 * last - 1 - axis)),
	);
}
