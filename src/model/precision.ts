import type { Graph } from '../graph/graph.js';
import { float16 } from '../graph/half.js';
import type { Value } from '../graph/ops.js';
import { convolve, frozenUnits, type Kernels, type Units } from './units.js';

/** Builds the units of a network over its kernels; the score is always computed in float32. */
export type Arithmetic = (graph: Graph, kernels: Kernels) => Units;

export const inFloat32: Arithmetic = frozenUnits;

/** For devices whose engines compute in half precision; processors cast back and forth. */
export const inFloat16: Arithmetic = (graph, kernels) => {
	const halves = new Map<Value, Value>();
	const half = (x: Value): Value => {
		if (x.dtype === 'float16') return x;
		const found = halves.get(x) ?? graph.apply('Cast', [x], { to: 'float16' });
		halves.set(x, found);
		return found;
	};
	return (x, unit) => {
		const { conv, kernel, stride, up, relu, plus } = unit;
		const { weight, bias } = kernels(unit);
		const w = graph.constant(float16(weight.shape, weight.data), `${conv}.weight`);
		const b = graph.constant(float16(bias.shape, bias.data), `${conv}.bias`);
		const y = convolve(graph, [half(x), w, b], kernel, stride, up);
		const sum = plus ? graph.add(y, half(plus)) : y;
		return relu ? graph.relu(sum) : sum;
	};
};

/** What the gate looks at. */
export const MEASURES = ['score difference', 'rank correlation', 'verdict flips', 'auroc drop'] as const;

/** What of a lower precision was compared with float32, and whether each kept its limit. */
export type GateFinding = {
	readonly measure: (typeof MEASURES)[number];
	readonly value: number;
	readonly limit: number;
	readonly ok: boolean;
};
