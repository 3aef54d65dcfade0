import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../base/failure.js';
import { tally } from '../measure/thresholds.js';
import { openSearch } from './search.js';
import type { Beside, BesideAsk, BesideSaid } from './search-beside.js';

/** A thread that searches once and ends. */
const { folder, search: wanted } = workerData as BesideAsk;

function found(): Beside[keyof Beside]['found'] {
	using search = openSearch(folder);
	if (wanted.kind === 'events') return [...search.find(wanted.query)];
	if (wanted.kind === 'counts') return search.counts();
	const { fromMs, toMs, isMore, ...decided } = search.scores(wanted.query);
	return { fromMs, toMs, isMore, ...tally(decided, wanted.thresholds) };
}

function said(): BesideSaid {
	try {
		return { found: found() };
	} catch (thrown) {
		if (!(thrown instanceof Failure)) throw thrown;
		const { code, message, advice = null } = thrown;
		return { failure: { code, message, advice } };
	}
}

parentPort?.postMessage(said());
