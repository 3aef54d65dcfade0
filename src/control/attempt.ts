import { Failure } from '../base/failure.js';
import type { Pace } from '../base/retry.js';

export type Step = 'probe' | 'prepare' | 'stop' | 'start' | 'retell' | 'health';

/** What failed, and at which step. */
export type Setback = {
	readonly step: Step;
	readonly service: string;
	readonly reason: unknown;
	/** Where the configuration speaks of it, where that is known. */
	readonly path?: string;
};

/** What a step does, as "Cannot … it" says. */
export const verbs: Readonly<Record<Step, string>> = {
	probe: 'try',
	prepare: 'prepare',
	stop: 'stop',
	start: 'start',
	retell: 'change',
	health: 'trust',
};

export type Attempted<T> = { readonly value: T } | { readonly setback: Setback };

/** Whatever is thrown is a setback, as is what takes too long. */
export async function attempt<T>(
	step: Step,
	{ name }: { readonly name: string },
	work: () => Promise<T> | PromiseLike<T>,
	pace: Pick<Pace, 'pause'>,
	limitMs: number,
): Promise<Attempted<T>> {
	const settled = new AbortController();
	const limit = async (): Promise<never> => {
		await pace.pause(limitMs, settled.signal);
		throw new Failure(
			'service-late',
			`Cannot ${verbs[step]} "${name}": not done within ${Math.round(limitMs)} ms`,
		);
	};
	try {
		return { value: await Promise.race([work(), limit()]) };
	} catch (reason) {
		return { setback: { step, service: name, reason } };
	} finally {
		settled.abort();
	}
}
