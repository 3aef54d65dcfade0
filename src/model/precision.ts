import type { Graph } from '../graph/graph.js';
import { float16, type HeldWeights, LARGEST_HALF, MOST_LOST, SMALLEST_HALF } from '../graph/half.js';
import type { Value } from '../graph/ops.js';
import type { Measure } from './manifest.js';
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

/** What of a lower precision was compared with float32, and whether each kept its limit. */
export type GateFinding = {
	readonly measure: Measure;
	readonly value: number;
	readonly limit: number;
	readonly ok: boolean;
	/** The place in the network that the number is of, where it is of one. */
	readonly unit?: string | undefined;
};

/** A finding in words: `float16 range of "layer1.0.conv2" 7.1e+4, the limit is 16376`. */
export function findingWords({ measure, value, limit, unit }: GateFinding): string {
	const of = unit === undefined ? '' : ` of "${unit}"`;
	return `${measure}${of} ${Number(value.toPrecision(3))}, the limit is ${Number(limit.toPrecision(5))}`;
}

/** Pictures that nobody has seen yet may make activations this many times as large as those that were seen. */
const HEADROOM = 4;

/**
 * Whether float16 holds a network: its weights, and the largest magnitudes that its places (convolutions and sums, by name) reached on
 * pictures. The range and the loss of the worst place each, so that it can be named. What a place loses is the smallest step of float16
 * as a share of its largest magnitude; one that was 0 throughout has nothing to lose.
 */
export function halfFindings(
	weights: readonly HeldWeights[],
	reached: ReadonlyMap<string, number>,
): GateFinding[] {
	const ends = [
		...weights.map(({ name, largest }) => ({ unit: name, value: largest, limit: LARGEST_HALF })),
		...[...reached].map(([unit, value]) => ({ unit, value, limit: LARGEST_HALF / HEADROOM })),
	];
	const losses = [
		...weights.map(({ name, lost }) => ({ unit: name, value: lost, limit: MOST_LOST })),
		...[...reached].map(([unit, largest]) => ({
			unit,
			value: largest === 0 ? 0 : SMALLEST_HALF / 2 / largest,
			limit: MOST_LOST,
		})),
	];
	// What is no number is the worst.
	const worst = (places: typeof ends) =>
		places.reduce((a, b) => (Number.isNaN(a.value) || b.value / b.limit <= a.value / a.limit ? a : b));
	return (
		[
			['float16 range', ends],
			['float16 loss', losses],
		] as const
	)
		.filter(([, places]) => places.length > 0)
		.map(([measure, places]) => {
			const { unit, value, limit } = worst(places);
			return { measure, value, limit, ok: value <= limit, unit };
		});
}
