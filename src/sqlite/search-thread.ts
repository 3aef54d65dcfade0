import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../base/failure.js';
import { openSearch } from './search.js';
import type { SearchAsk, SearchSaid } from './search-beside.js';

/** A thread that searches once and ends. */
const { folder, query } = workerData as SearchAsk;

function said(): SearchSaid {
	try {
		using search = openSearch(folder);
		return { events: [...search.find(query)] };
	} catch (thrown) {
		if (!(thrown instanceof Failure)) throw thrown;
		const { code, message, advice = null } = thrown;
		return { failure: { code, message, advice } };
	}
}

parentPort?.postMessage(said());
