import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { thresholdLines } from '../../../src/commands/terminal/curve-lines.js';
import { curveOf } from '../../../src/learn/curve.js';
import { boundsOf } from '../../../src/learn/threshold.js';

const lines = suite('what a lesson says of its threshold');

lines('is a promise, and a row for each threshold that somebody may want instead', () => {
	const scored = Array.from({ length: 48 }, (_, i) => ({ name: `${i}.png`, score: i / 100 }));
	const curve = curveOf(scored, [{ score: 0.1 }, { score: 0.455 }, { score: 0.6 }], 2);
	const now = { threshold: 0.47, ...boundsOf(1, 48), spoiledPass: 2 / 3 };
	assert.equal(thresholdLines({ bundle: 'bundles/lid@1c947c1d', ...now, curve }, 'my pictures'), [
		'Of 100 good parts at most 7 are rejected in the long run, with 95 % confidence, if they are like those photographed.',
		'The good pictures that score the highest, and the threshold without each and all above it:',
		'             picture   its score   threshold       good rejected   spoiled pass   asked for by',
		'  as it is                            0.4700    at most 7 of 100           67 %',
		'  without    47.png       0.4700      0.4600   at most 10 of 100           67 %   --threshold-rank 2',
		'  and        46.png       0.4600      0.4500   at most 13 of 100           33 %   --threshold-rank 3',
		"Another one, without learning again: inspectord teach 'my pictures' --from bundles/lid@1c947c1d --threshold-rank K; or --strike NAME,… where a picture shows no good part.",
	]);
});

lines('is the promise alone where one picture sets it', () => {
	assert.is(
		thresholdLines({ bundle: 'b', threshold: 1, ...boundsOf(1, 1), spoiledPass: null, curve: [] }, 'good')
			.length,
		1,
	);
});

lines.run();
