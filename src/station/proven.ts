import type { Choice } from '../inspect/choose-provider.js';
import { promisedBy, promiseWords } from '../measure/promise.js';
import type { Bundle } from '../model/bundle.js';
import { type ThreadsHere, threadsWords } from '../model/threads.js';

/** What a bundle is that has proven its golden vectors, and on what, in words. `model`: as the recipe names it. */
export function provenWords(
	model: string,
	{ manifest }: Bundle,
	choice: Choice,
	threads: ThreadsHere,
): string {
	const { calibration, architecture } = manifest;
	const { scorer, fingerprint, degraded } = choice;
	const where = `${scorer.precision} on ${scorer.provider}${fingerprint === null ? '' : ` (${fingerprint})`}`;
	const by = choice.provider === 'cpu' ? `${where} (${threadsWords(threads)})` : where;
	const words = `bundle "${model}" (${architecture.backbone}) proves its golden vectors in ${by}; threshold ${calibration.threshold.toFixed(4)}, by which ${promiseWords(promisedBy(calibration))}`;
	return degraded ? `${words}; degraded: ${degraded.message}` : words;
}
