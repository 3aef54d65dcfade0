import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import type { Tensor } from '../graph/tensor.js';
import type { Weights } from './weights.js';

/** A convolution without bias and the batch norm behind it: what residual networks are made of. */
export type Unit = {
	/** Name of the convolution and of its norm, as in torchvision and the published checkpoints. */
	readonly conv: string;
	readonly norm: string;
	readonly channels: number;
	readonly kernel: number;
	readonly stride: number;
	/** True for a transposed convolution. */
	readonly up?: boolean;
	readonly relu: boolean;
	/** Added before the ReLU: the shortcut of a residual block. */
	readonly plus?: Value;
};

/** How units become graph: frozen for teachers and inference, trainable for the student's training. */
export type Units = (x: Value, unit: Unit) => Value;

/** Variance floor of batch norm, as in PyTorch. */
export const NORM_EPSILON = 1e-5;

/** The fixed kernel and bias of a unit, its norm folded in. */
export type Kernels = (unit: Unit) => {
	readonly weight: Tensor<'float32'>;
	readonly bias: Tensor<'float32'>;
};

/** Kernels out of weights whose norms are folded: `<conv>.weight` and `<conv>.bias`. */
export function frozenKernels(folded: Weights): Kernels {
	return ({ conv }) => ({ weight: folded.get(`${conv}.weight`), bias: folded.get(`${conv}.bias`) });
}

/** Units with fixed weights in float32. */
export function frozenUnits(graph: Graph, kernels: Kernels): Units {
	return (x, unit) => {
		const { conv, kernel, stride, up, relu, plus } = unit;
		const { weight, bias } = kernels(unit);
		const [w, b] = [graph.constant(weight, `${conv}.weight`), graph.constant(bias, `${conv}.bias`)];
		const y = convolve(graph, [x, w, b], kernel, stride, up);
		const sum = plus ? graph.add(y, plus) : y;
		return relu ? graph.relu(sum) : sum;
	};
}

/** Channels and padding follow the kernel: k / 2 on each side, none for a transposed one. */
export function convolve(
	graph: Graph,
	inputs: readonly Value[],
	kernel: number,
	stride: number,
	up = false,
): Value {
	if (up) {
		return graph.apply('ConvTranspose', inputs, {
			strides: [stride, stride],
			pads: [0, 0, 0, 0],
			outputPadding: [0, 0],
		});
	}
	const pad = kernel >> 1;
	return graph.apply('Conv', inputs, { strides: [stride, stride], pads: [pad, pad, pad, pad], group: 1 });
}
