// Opens a bundle and says 'opened', or the code of the failure; a program of its own, to be run on another processor.
import { Failure } from '../../src/base/failure.js';
import { readBundle } from '../../src/disk/bundle.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { openSession } from '../../src/ort/session.js';

try {
	const scorer = await openScorer(await readBundle(process.argv[2]!), openSession, { threads: 1 });
	await scorer.close();
	console.log('opened');
} catch (thrown) {
	if (!(thrown instanceof Failure)) throw thrown;
	console.log(thrown.code);
}
