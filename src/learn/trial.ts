import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import type { Tensor } from '../graph/tensor.js';
import { type AdamSchedule, adamStep } from '../model/adam.js';
import { firstMoment, type StepProgram, secondMoment } from '../model/step.js';
import type { TeachingProvider } from '../protocol/teach-messages.js';

/** Tensors by their names. */
export type Named = Record<string, Tensor<'float32'>>;

/** Steps in which a provider must do what the processor does, before a lesson depends on it. */
export const TRIAL_STEPS = 10;

/**
 * How far a provider may be from the processor, which starts from the same state in every step: let run, two engines that are both
 * right part by 2 % of the loss within ten steps, because Adam divides small gradients by themselves. Each figure but the first is
 * the distance of a tensor's change from what it should be, over the length of that change. Seen over float32 on another engine
 * (webgpu): loss 4e-7, gradients 2e-5, statistics 3e-6; with products rounded to 16 bits of a mantissa: 3e-7, 0.02, 3e-5; to the 10
 * bits of TF32, which is refused: 2e-5, 0.13, 2e-3.
 */
const LIMITS = { loss: 1e-4, gradients: 0.05, squares: 0.1, weights: 0.01, statistics: 3e-4 } as const;

/** Of the teacher's features, over their length. */
export const FEATURE_LIMIT = 3e-4;

/** A tensor that hardly changes is measured by a thousandth of what all of its kind change. */
const LEAST_SHARE = 1e-3;

/** One step: the state before it, and after it as the processor (`reference`) and the provider (`other`) have it. */
export type Compared = {
	readonly before: Named;
	readonly reference: { readonly loss: number; readonly state: Named };
	readonly other: { readonly loss: number; readonly state: Named };
	readonly schedule: AdamSchedule;
};

/** What of a step is not as it should be, in words; undefined where all of it is. What is no number is far off. */
export function differenceIn(
	{ parameters, statistics }: Pick<StepProgram, 'parameters' | 'statistics'>,
	{ before, reference, other, schedule }: Compared,
): string | undefined {
	const off = Math.abs(other.loss - reference.loss) / Math.abs(reference.loss);
	if (!(off <= LIMITS.loss)) return `its loss is ${other.loss} instead of ${reference.loss}`;
	const kinds: readonly (readonly [keyof typeof LIMITS, readonly string[]])[] = [
		['gradients', parameters.map(({ name }) => firstMoment(name))],
		['squares', parameters.map(({ name }) => secondMoment(name))],
		['statistics', statistics.map(({ name }) => name)],
	];
	for (const [kind, names] of kinds) {
		const found = names.map((name) =>
			changeIn(before[name]!, reference.state[name]!.data, other.state[name]!.data),
		);
		const said = worstOf(names, found, kind);
		if (said !== undefined) return said;
	}
	// Weights follow from their moments, which are right by now.
	const names = parameters.map(({ name }) => name);
	const found = names.map((name) => {
		const [first, second] = [other.state[firstMoment(name)]!.data, other.state[secondMoment(name)]!.data];
		const weights = before[name]!.data;
		const due = weights.map((weight, i) => weight - adamStep(first[i]!, second[i]!, schedule));
		return changeIn(before[name]!, due, other.state[name]!.data);
	});
	return worstOf(names, found, 'weights');
}

type Change = { readonly distance: number; readonly length: number };

/** Squares of how far `other` is from `due`, and of how far `due` is from what was before. */
function changeIn({ data }: Tensor<'float32'>, due: Float32Array, other: Float32Array): Change {
	let [distance, length] = [0, 0];
	for (let i = 0; i < data.length; i += 1) {
		distance += (other[i]! - due[i]!) ** 2;
		length += (due[i]! - data[i]!) ** 2;
	}
	return { distance, length };
}

function worstOf(
	names: readonly string[],
	found: readonly Change[],
	kind: keyof typeof LIMITS,
): string | undefined {
	const whole = found.reduce((sum, { length }) => sum + length, 0);
	for (const [i, { distance, length }] of found.entries()) {
		if (distance === 0) continue;
		const off = Math.sqrt(distance / Math.max(length, LEAST_SHARE ** 2 * whole));
		if (!(off <= LIMITS[kind]))
			return `its ${kind} are off by ${off.toPrecision(2)} of their change in "${names[i]}", allowed is ${LIMITS[kind]}`;
	}
	return undefined;
}

/** How far `other` is from `reference`, over its length. NaN where one holds what is no number. */
export function distanceOf(reference: Float32Array, other: Float32Array): number {
	let [distance, length] = [0, 0];
	for (let i = 0; i < reference.length; i += 1) {
		distance += (other[i]! - reference[i]!) ** 2;
		length += reference[i]! ** 2;
	}
	return distance === 0 ? 0 : Math.sqrt(distance / length);
}

/**
 * What 'auto' tries, in this order, before the processor. webgpu is for those who name it: its adapter may be a processor's
 * software, and to find that out takes longer than many a lesson.
 */
const AUTO: readonly Provider[] = ['cuda'];

export function candidates(asked: TeachingProvider): readonly Provider[] {
	return asked === 'auto' ? AUTO : asked === 'cpu' ? [] : [asked];
}

/**
 * What to do about a provider that cannot be used: 'auto' goes on on the processor, and says so by `warn`.
 * @throws Failure provider-unavailable, model-failed where the provider was asked for by its name
 */
export function stepBack(
	asked: TeachingProvider,
	provider: Provider,
	{ code, reason }: { readonly code: 'provider-unavailable' | 'model-failed'; readonly reason: string },
	warn: (message: string) => void,
): void {
	if (asked !== 'auto')
		throw new Failure(
			code,
			`Cannot teach on provider "${provider}": ${reason}`,
			'Teach with --provider cpu, or with auto, which goes on on the processor.',
		);
	warn(`the lesson goes on on the processor: provider "${provider}" cannot be used: ${reason}`);
}

/** What failed, in words; a fault of ours is thrown on. */
export function reasonIn(thrown: unknown): string {
	if (thrown instanceof Failure) return thrown.message;
	throw thrown;
}
