import type { Precision } from '../base/precision.js';
import type { Manifest } from './manifest.js';

/** As it names itself, and how many cores we may use. */
export type Processor = { readonly name: string; readonly cores: number };

/** What follows a number of threads. */
const sayings = {
	recipe: '',
	bundle: ", the fastest by the bundle's figures for this processor",
	share: ', its share of the cores',
	default: '',
} as const;

/** Threads inside one operator (0: one a core), and who said so. */
export type ThreadsHere = { readonly threads: number; readonly by: keyof typeof sayings };

/**
 * What a recipe's `threads` means here: as many as it says; where it says 0, what was the fastest when the bundle was taught, if that
 * was on such a processor with as many cores and in the precision that runs; else one a core. Where stations share the cores, no more
 * than `share` of them; 0 where there is one alone.
 */
export function threadsHere(
	{ threads: measured, precision }: Pick<Manifest, 'threads' | 'precision'>,
	asked: { readonly threads: number; readonly precision: Precision },
	{ name, cores }: Processor,
	share: number,
): ThreadsHere {
	if (asked.threads > 0) return { threads: asked.threads, by: 'recipe' };
	const here = Object.hasOwn(measured, name) ? measured[name] : undefined;
	if (here && here.cores === cores && here.threads > 0 && precision.runs === asked.precision)
		return share > 0 && share < here.threads
			? { threads: share, by: 'share' }
			: { threads: here.threads, by: 'bundle' };
	return share > 0 ? { threads: share, by: 'share' } : { threads: 0, by: 'default' };
}

export function threadsWords({ threads, by }: ThreadsHere): string {
	if (by === 'default') return 'one thread a core';
	const count = threads === 1 ? '1 thread' : `${threads} threads`;
	return `${count}${sayings[by]}`;
}
