import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { departures } from '../../src/model/departure.js';

const departing = suite('departures from what good ones show');

const good = [1, 2, 3, 4].map((v) => Float32Array.from([v, v + 10, 100 * v]));
const groups = [
	[0, 2],
	[2, 3],
] as const;

departing('are those of the highest place, in standard deviations of the other good ones', () => {
	// Without the first: 2, 3, 4 and 12, 13, 14 in the first group, 200 to 400 in the second.
	const of = 0;
	const copy = { of, map: Float32Array.from([3, 13, 500]) };
	const [overall, place] = (['overall', 'place'] as const).map((common) =>
		departures(good, [copy], groups, common),
	);
	const deviation = Math.sqrt(2 / 3);
	assert.ok(Math.abs(overall!.copies[0]! - 2 / deviation) < 1e-6, `${overall!.copies}`);
	assert.ok(Math.abs(place!.copies[0]! - 1 / deviation) < 1e-6, `${place!.copies}`);
	assert.is(overall!.good.length, 4);
});

departing('at one place count where the whole varies more', () => {
	const copy = { of: 0, map: Float32Array.from([13, 13, 300]) };
	const score = (common: 'overall' | 'place') => departures(good, [copy], groups, common).copies[0]!;
	assert.ok(score('overall') < 1.2 && score('place') > 6, `${score('overall')} ${score('place')}`);
});

departing('are numbers where nothing varies', () => {
	const flat = [1, 2, 3].map(() => new Float32Array(3).fill(5));
	for (const common of ['overall', 'place'] as const)
		assert.equal(departures(flat, [], groups, common).good, [0, 0, 0]);
});

departing.run();
