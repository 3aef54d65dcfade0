import { mean } from '../measure/statistics.js';

export type TrainingSettings = {
	readonly batch: number;
	/** So many steps, or 'auto': until the loss has settled, and the cooling after it. */
	readonly iterations: number | 'auto';
	readonly seed: number;
	readonly threads: number;
	/** How much the loss dwells on what is hard, 0 (as published) to 1. */
	readonly hardness: number;
	/** Share of the steps over which the learning rate sinks to nothing at the end, 0 (as published) to less than 1. */
	readonly cooling: number;
};

/** With 'auto', no more steps than this. */
export const MOST_STEPS = 200;

/** The loss has settled when over this many steps it fell by less than this share of what it was over as many before. */
const SETTLING_STEPS = 20;
const LEAST_FALL = 0.1;

/** The stopping rule: it sees the training loss and nothing else. */
export function settled(losses: readonly number[]): boolean {
	if (losses.length < 2 * SETTLING_STEPS) return false;
	const before = mean(losses.slice(-2 * SETTLING_STEPS, -SETTLING_STEPS));
	return mean(losses.slice(-SETTLING_STEPS)) > (1 - LEAST_FALL) * before;
}

/**
 * How many steps a lesson takes, as far as its losses tell, and the share of the learning rate that its next step has. At the full
 * rate weights move so fast that the running statistics of the norms, which judge later, lag behind them: cooling lets them arrive.
 */
export function scheduleOf(
	losses: readonly number[],
	{ iterations, cooling }: Pick<TrainingSettings, 'iterations' | 'cooling'>,
): { of: number; rateShare: number } {
	const most = iterations === 'auto' ? MOST_STEPS : iterations;
	const mostAtFullRate = most - Math.round(most * cooling);
	const settles = (_: number, i: number) => settled(losses.slice(0, i + 1));
	const settledAfter = iterations === 'auto' ? losses.slice(0, mostAtFullRate).findIndex(settles) + 1 : 0;
	const atFullRate = settledAfter || mostAtFullRate;
	const of = settledAfter > 0 ? Math.round(settledAfter / (1 - cooling)) : most;
	return { of, rateShare: Math.min(1, (of - losses.length) / (of - atFullRate + 1)) };
}
