import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Candidate, chosenScoring, passing, scoringsFor } from '../../src/learn/scoring.js';
import { SCORINGS, type Scoring } from '../../src/model/manifest.js';
import { scoringTold } from '../../src/protocol/teach-messages.js';

const scoring = suite('how a lesson chooses its scoring');

/** A candidate by which this share of a hundred spoiled copies passes at each threshold. */
function letting(name: Scoring, share: number): Candidate {
	const spoiled = Array.from({ length: 100 }, (_, i) => ({ score: i < Math.round(100 * share) ? 0 : 2 }));
	return { scoring: name, good: [1, 1, 1, 0.5], spoiled };
}

for (const [good, spoiled, share] of [
	[[1, 2, 3, 4], [0, 1.5, 2.5, 3.5], (3 / 4 + 2 / 4 + 1 / 4) / 3],
	[[4, 1, 3, 2], [0, 1.5, 2.5, 3.5], (3 / 4 + 2 / 4 + 1 / 4) / 3],
	[[0, 1, 2, 3, 99], [0, 1.5, 2.5, 98], (3 / 4 + 2 / 4 + 1 / 4) / 3],
	[[1, 1, 1], [1, 1], 1],
	[[5], [4, 6], 1 / 2],
	[[1, 2, 3], [], Number.NaN],
	[[1, 2, 3], [Number.NaN, 4], 0],
] as const) {
	scoring(`counts ${spoiled.join(', ') || 'no copies'} below ${good.join(', ')} as ${share}`, () => {
		const found = passing({ scoring: 'sum', good, spoiled: spoiled.map((score) => ({ score })) });
		assert.ok(Object.is(found, share) || Math.abs(found - share) < 1e-12, `${found}`);
	});
}

for (const [what, candidates, chosen] of [
	['the one that lets the fewest pass', [letting('sum', 0.2), letting('places', 0.5)], 'sum'],
	['the safest of those within noise of it', [letting('sum', 0.2), letting('places', 0.21)], 'places'],
	['features beside places before all others', SCORINGS.map((name) => letting(name, 0.3)), 'places+features'],
	[
		'none that is only near one that is near',
		[letting('sum', 0.2), letting('scales', 0.215), letting('places', 0.23)],
		'scales',
	],
	[
		'features alone, whose map is coarse, only where they catch clearly more',
		[letting('places', 0.3), letting('features', 0.26)],
		'places',
	],
	['features alone where they do', [letting('places', 0.3), letting('features', 0.24)], 'features'],
	['the only one', [letting('features', 1)], 'features'],
	['the first where nothing was spoiled', [{ ...letting('sum', 0), spoiled: [] }], 'sum'],
] as const) {
	scoring(`takes ${what}`, () => {
		assert.is(chosenScoring(candidates).chosen, chosen);
	});
}

scoring('tells what passes by each that was tried', () => {
	const { passes } = chosenScoring([letting('sum', 0.5), letting('places', 0.25)]);
	assert.equal(passes, { sum: 0.5, places: 0.25 });
	assert.equal(chosenScoring([{ ...letting('sum', 0), spoiled: [] }]).passes, {});
});

for (const [settings, heldOut, hasFeatures, expected] of [
	[{ preset: 'standard' }, 20, true, SCORINGS],
	[{ preset: 'standard', scoring: 'auto' }, 20, true, SCORINGS],
	[{ preset: 'standard' }, 20, false, ['sum', 'scales', 'places']],
	[{ preset: 'standard' }, 7, true, ['sum']],
	[{ preset: 'standard', scoring: 'features' }, 20, true, ['features']],
	[{ preset: 'standard', scoring: 'places' }, 7, true, ['sum']],
	[{ preset: 'paper' }, 20, true, ['sum']],
	[{ preset: 'paper', scoring: 'places' }, 20, true, ['places']],
] as const) {
	const asked = `${settings.preset} and ${'scoring' in settings ? settings.scoring : 'nothing'}`;
	scoring(`chooses among ${expected.join(', ')} for ${asked}, ${heldOut} held out`, () => {
		assert.equal(scoringsFor(settings, heldOut, hasFeatures), expected);
	});
}

for (const [said, words] of [
	[
		{ chosen: 'places+features', passes: { sum: 0.314, 'places+features': 0.12 }, asked: false },
		'places and features, because 12 % of spoiled copies would pass; 31 % by the published sum',
	],
	[
		{ chosen: 'sum', passes: { sum: 0.1, places: 0.4 }, asked: false },
		'the published sum, because 10 % of spoiled copies would pass',
	],
	[
		{ chosen: 'sum', passes: { sum: 0.1 }, asked: false },
		'the published sum: 10 % of spoiled copies would pass',
	],
	[
		{ chosen: 'features', passes: { features: 0.1 }, asked: true },
		'features alone, as asked: 10 % of spoiled copies would pass',
	],
	[{ chosen: 'sum', passes: {}, asked: false }, 'the published sum'],
] as const) {
	scoring(`is told as "${words}"`, () => {
		assert.is(scoringTold({ ...said, spoiled: 9 }), words);
	});
}

scoring.run();
