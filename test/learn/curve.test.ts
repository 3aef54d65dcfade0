import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { curveOf, remarksOn, shareThatPasses, usualRank } from '../../src/learn/curve.js';
import { thresholdOf } from '../../src/learn/threshold.js';

const curves = suite('the curve of a threshold');

const scored = [3, 1, 9, 5, 7].map((score) => ({ name: `part ${score}`, score }));
const spoiled = [4, 6, 8, 10].map((score) => ({ score }));

curves('says for each of the highest pictures what the threshold is without it and all above it', () => {
	const found = curveOf(scored, spoiled, 2);
	assert.equal(
		found.map(({ picture, score, threshold, spoiledPass }) => [picture, score, threshold, spoiledPass]),
		[
			['part 9', 9, 7, 0.5],
			['part 7', 7, 5, 0.25],
		],
	);
});

curves('promises what a threshold of that rank does', () => {
	for (const [i, point] of curveOf(scored, spoiled).entries()) {
		const { rule: _, ...chosen } = thresholdOf(
			scored.map(({ score }) => score),
			{ thresholdRank: i + 2 },
		);
		const { threshold, falseRejectBound, falseRejectBound95 } = point;
		assert.equal({ threshold, falseRejectBound, falseRejectBound95 }, chosen);
	}
});

curves('has no point for the last picture, and says nothing of copies where there are none', () => {
	assert.equal(curveOf(scored.slice(0, 1), spoiled), []);
	assert.is(curveOf(scored, []).length, 4);
	assert.is(curveOf(scored, [])[0]!.spoiledPass, null);
});

curves('counts a spoiled copy at the threshold as one that passes', () => {
	assert.is(shareThatPasses(spoiled, 6), 0.5);
});

/** So many good scores 0.01, 0.02 …, of which the highest are replaced. */
const good = (count: number, ...highest: number[]) => [
	...highest,
	...Array.from({ length: count - highest.length }, (_, i) => (i + 1) / 1000),
];
const copies = (...scores: number[]) => scores.map((score) => ({ score }));
/** So many that nothing lets pass. */
const more = (count: number) => Array<number>(count).fill(10);

for (const [what, scores, made, rank] of [
	['the highest, where lower ones catch nothing more', good(48), copies(1, 2, 3), 1],
	['the next, where one stained picture lets half of the copies pass', good(48, 9), copies(5, 5, 10, 10), 2],
	['the highest of very few, whatever passes', good(14, 9), copies(5, 5, 5, 5), 1],
	[
		'a lower one of few, where unusual ones let most copies pass',
		good(35, 9, 8, 7),
		copies(8, 7, 7, 5, 0),
		4,
	],
	['the highest of few, where a lower one catches little more', good(35, 9), copies(5, ...more(20)), 1],
	[
		'no lower than one good part in eight allows',
		good(35, 9, 8, 7, 6, 5),
		copies(8.5, 7.5, 6.5, 5.5, 4.5),
		4,
	],
	[
		'one in twenty, where more catches less than thrice its share',
		good(39, 9, 8),
		copies(8.5, 8.5, 7.5, ...more(17)),
		2,
	],
	['the highest, where nothing was spoiled', good(60, 9), [], 1],
	[
		'the highest, where a good part rejected more catches less than two copies',
		good(99, 9),
		copies(5, ...more(99)),
		1,
	],
] as const) {
	curves(`by default takes ${what}`, () => {
		assert.is(usualRank(scores, made), rank);
	});
}

curves('names the good pictures above a threshold, and what they would let pass', () => {
	assert.equal(remarksOn(scored, spoiled, { threshold: 6, isAsked: false }, 'strike them'), [
		'good pictures above the threshold: "part 9", "part 7"; with them below it 75 % of the spoiled copies would pass, not 50 %; look at them, and strike them',
	]);
	for (const [threshold, made, isAsked] of [
		[9, spoiled, false],
		[6, [], false],
		[6, spoiled, true],
	] as const)
		assert.equal(remarksOn(scored, made, { threshold, isAsked }, 'strike them'), []);
});

curves('names no more good pictures than a person reads', () => {
	const many = Array.from({ length: 12 }, (_, i) => ({ name: `part ${i}`, score: i }));
	const [remark] = remarksOn(many, spoiled, { threshold: 1, isAsked: false }, 'look');
	assert.match(remark!, /^good pictures above the threshold: "part 11", .*"part 4" and 2 more; /);
});

curves('names a good picture that sets the threshold alone', () => {
	const odd = [9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6].map((score) => ({ name: `part ${score}`, score }));
	assert.match(
		remarksOn(odd, spoiled, { threshold: 9, isAsked: true }, 'strike it').join(),
		/^"part 9" alone sets.* 9\.000, .* 1\.600; .*strike it$/,
	);
});

curves.run();
