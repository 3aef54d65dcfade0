import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import { elementCount } from '../graph/tensor.js';
import { whereActive } from '../graph/vjp.js';
import { convolve, NORM_EPSILON, type Unit, type Units } from './units.js';
import type { Parameter } from './weights.js';

/** New share of a batch's statistics in the running ones, as in PyTorch. */
const MOMENTUM = 0.1;

/** What a trained network is made of, in the order in which it was built. */
export type Trainable = {
	readonly units: Units;
	readonly parameters: (Parameter & { readonly value: Value })[];
	/** Running statistics [C]: `name` is a norm's `running_mean` or `running_var`. */
	readonly statistics: { readonly name: string; readonly before: Value; readonly after: Value }[];
};

/** Units whose kernels, scales and shifts are inputs of the graph, with norms in training mode. */
export function trainableUnits(graph: Graph): Trainable {
	const parameters: Trainable['parameters'] = [];
	const statistics: Trainable['statistics'] = [];
	const parameter = (name: string, shape: readonly number[], role: Parameter['role']): Value => {
		const value = graph.input(name, 'float32', shape);
		parameters.push({ name, shape, role, value });
		return value;
	};
	const running = (name: string, batch: Value): void => {
		const before = graph.input(name, 'float32', [elementCount(batch.shape)]);
		const kept = graph.mul(before, graph.scalar(1 - MOMENTUM));
		const after = graph.add(kept, graph.mul(graph.reshape(batch, before.shape), graph.scalar(MOMENTUM)));
		statistics.push({ name, before, after });
	};
	const units: Units = (x, unit) => {
		const { conv, norm, channels, kernel, stride, up } = unit;
		const into = x.shape[1]!;
		const w = up
			? parameter(`${conv}.weight`, [into, channels, kernel, kernel], 'up-kernel')
			: parameter(`${conv}.weight`, [channels, into, kernel, kernel], 'kernel');
		const scale = parameter(`${norm}.weight`, [channels], 'scale');
		const shift = parameter(`${norm}.bias`, [channels], 'shift');
		const y = convolve(graph, [x, w], kernel, stride, up);
		const { output, mean, variance } = batchNorm(graph, y, scale, shift, unit);
		const count = elementCount(y.shape) / channels;
		running(`${norm}.running_mean`, mean);
		running(`${norm}.running_var`, graph.mul(variance, graph.scalar(count / (count - 1))));
		return output;
	};
	return { units, parameters, statistics };
}

/**
 * y = relu(γ·(x − μ)/√(σ² + ε) + β + plus) over the batch's own statistics, as a region with its gradient
 * (Ioffe and Szegedy 2015): written with row products and depthwise convolutions, which pass over memory once each.
 */
function batchNorm(
	graph: Graph,
	x: Value,
	scale: Value,
	shift: Value,
	{ relu, plus }: Pick<Unit, 'relu' | 'plus'>,
): { output: Value; mean: Value; variance: Value } {
	const [n, c, h, w] = x.shape as [number, number, number, number];
	const count = graph.scalar(1 / (n * h * w));
	const minusCount = graph.scalar(-1 / (n * h * w));
	const perChannel = [1, c, 1, 1];
	const plain = { strides: [1, 1], pads: [0, 0, 0, 0], group: c } as const;
	let mean!: Value;
	let variance!: Value;
	/** Σ a·b over everything but the channel. */
	const dot = (a: Value, b: Value): Value => {
		const rows = (v: Value) => graph.reshape(v, [n, c, 1, h * w]);
		return graph.sum(graph.matMulTransposed(rows(a), rows(b)), [0]);
	};
	/** a·factor + offset (+ more), per channel. */
	const affine = (
		a: Value,
		factor: Value,
		offset: Value,
		more: Value | undefined,
		activation: 'Relu' | '',
	): Value => {
		const inputs = [a, graph.reshape(factor, [c, 1, 1, 1]), graph.reshape(offset, [c])];
		if (!more && !activation) return graph.apply('Conv', inputs, plain);
		return graph.apply('FusedConv', more ? [...inputs, more] : inputs, { ...plain, activation });
	};
	const output = graph.region([x, scale, shift, ...(plus ? [plus] : [])], () => {
		// x is never centred, which would be a pass over memory and a copy of it: σ² = mean(x²) − μ².
		mean = graph.mean(x, [0, 2, 3]);
		const spread = graph.sub(graph.mul(dot(x, x), count), graph.mul(mean, mean));
		variance = graph.apply('Max', [spread, graph.scalar(0)], {});
		const deviation = graph.sqrt(graph.add(variance, graph.scalar(NORM_EPSILON)));
		const inverse = graph.div(graph.scalar(1), deviation);
		const factor = graph.mul(graph.reshape(scale, perChannel), inverse);
		const raised = graph.sub(graph.reshape(shift, perChannel), graph.mul(factor, mean));
		const y = affine(x, factor, raised, plus, relu ? 'Relu' : '');
		return {
			output: y,
			// ∂β = Σ∂y, ∂γ = Σ∂y·x̂, ∂x = γ/σ·(∂y − mean(∂y) − x̂·mean(∂y·x̂)), with x̂ = (x − μ)/σ
			pullback: (d) => {
				const active = relu ? whereActive(graph, d, y) : d;
				const total = graph.sum(active, [0, 2, 3]);
				const product = graph.mul(graph.sub(dot(active, x), graph.mul(mean, total)), inverse);
				const slope = graph.mul(graph.mul(graph.mul(factor, inverse), product), minusCount);
				const offset = graph.sub(graph.mul(graph.mul(factor, total), minusCount), graph.mul(slope, mean));
				const dx = affine(active, factor, offset, graph.mul(x, slope), '');
				return [
					dx,
					graph.reshape(product, scale.shape),
					graph.reshape(total, shift.shape),
					...(plus ? [active] : []),
				];
			},
		};
	});
	return { output, mean, variance };
}
