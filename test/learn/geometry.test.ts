import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bestOf, effortFor, gainOf, geometriesFor, type Judged, passing } from '../../src/learn/geometry.js';
import { oneTile, tilingFor } from '../../src/model/tiling.js';
import { geometryWords } from '../../src/protocol/teach-messages.js';

const geometry = suite('the geometry of a lesson');

for (const [what, size, tiles, [width, height], expected] of [
	['one square where the picture has no more to show', 'auto', 'auto', [256, 256], ['256']],
	[
		'larger squares and grids up to the resolution of the picture',
		'auto',
		'auto',
		[512, 512],
		['256', '384', '512', '2x2'],
	],
	[
		'grids of half of the resolution and of all of it',
		'auto',
		'auto',
		[1280, 512],
		['256', '384', '512', '1x3', '2x5'],
	],
	[
		'at most twelve squares, which are tried once',
		'auto',
		'auto',
		[8000, 6000],
		['256', '384', '512', '3x4'],
	],
	['no grid where none is wanted', 'auto', { rows: 1, columns: 1 }, [640, 400], ['256', '384', '512']],
	['grids of the side that is asked for', 128, 'auto', [256, 256], ['128', '2x2']],
	['what is asked for, where nothing is left open', 320, { rows: 1, columns: 1 }, [640, 400], ['320']],
	['the grid that is asked for', 'auto', { rows: 2, columns: 3 }, [640, 400], ['2x3']],
] as const) {
	geometry(`is chosen among ${what}`, () => {
		const found = geometriesFor({ size, tiles }, { width, height });
		const names = found.map(({ side, rows, columns }) =>
			rows * columns === 1 ? `${side}` : `${rows}x${columns}`,
		);
		assert.equal(names, expected);
	});
}

/** Six good pictures of scores 1 to 6, a copy of each; `passed` of the copies score too little. */
function judged(ms: number, passed: number, copies = 1): Judged {
	const good = [1, 2, 3, 4, 5, 6];
	const of = Array.from({ length: 6 * copies }, (_, i) => i % 6);
	return {
		tiling: oneTile(32 * ms),
		ms,
		good,
		spoiled: of.map((one, i) => ({ of: one, score: i < passed ? 0 : 9 })),
	};
}

geometry('lets a share of spoiled copies pass at the three highest scores of other good pictures', () => {
	assert.is(passing(judged(1, 3)), 0.5);
	// Of the highest picture's copy the thresholds are 5, 4 and 3; of another's 6, 5 and 4.
	const copies = {
		good: [1, 2, 3, 4, 5, 6],
		spoiled: [
			{ of: 5, score: 3.5 },
			{ of: 0, score: 4.5 },
		],
	};
	assert.ok(Math.abs(passing(copies) - (2 / 3 + 2 / 3) / 2) < 1e-12);
	// Without the highest, 5, 4 and 3.
	assert.ok(Math.abs(passing(copies, 5) - 1 / 3) < 1e-12);
});

geometry('gains with an error that knows of the pictures, not of the copies', () => {
	const { gain, error } = gainOf(judged(1, 6), judged(2, 0));
	assert.equal([gain, error], [1, 0]);
	const some = gainOf(judged(1, 3), judged(2, 0));
	assert.is(some.gain, 0.5);
	assert.ok(Math.abs(some.error - Math.sqrt((0.5 * 0.5) / 5)) < 1e-12, `${some.error}`);
});

for (const [what, passed, expected] of [
	['the cheapest, where all are alike', [30, 30, 30], 1],
	['the cheapest within noise of the best', [30, 29, 28], 1],
	['what costs more, where clearly fewer pass', [30, 29, 6], 3],
	['the cheaper one of two that are clearly better', [30, 6, 5], 2],
	[
		'the best one, where a cheaper one is better than the cheapest and clearly worse than that',
		[30, 20, 6],
		3,
	],
	['never one that is worse', [6, 30, 30], 1],
] as const) {
	geometry(`is ${what}`, () => {
		const all = passed.map((count, i) => judged(i + 1, count, 6));
		assert.is(bestOf([...all].reverse()).ms, expected);
	});
}

for (const [what, costs, count, expected] of [
	['all of the effort, where there is time', [5, 10], 100, [24, 16, [0, 1]]],
	['less, where there is less time', [100, 300], 100, [16, 12, [0, 1]]],
	['the least of it', [200, 400], 100, [16, 8, [0, 1]]],
	['and not what costs the most', [100, 3000, 200], 100, [24, 16, [0, 2]]],
	['the plain one alone, where nothing else is affordable', [2000, 3000], 100, [16, 8, [0]]],
	['a third of few parts', [5, 10], 20, [14, 6, [0, 1]]],
] as const) {
	geometry(`is judged by ${what}`, () => {
		const { usual, judged: held, kept } = effortFor(costs, count, 10, 60_000)!;
		assert.equal([usual, held, kept], expected);
	});
}

geometry('is not judged by fewer parts than can tell', () => {
	assert.is(effortFor([1, 1], 17, 10), undefined);
});

geometry('is told with what it was compared with', () => {
	const grid = tilingFor(256, { rows: 2, columns: 5 }, { width: 1280, height: 512 });
	const compared = [
		{ tiling: oneTile(256), ms: 7.72, pass: 0.612 },
		{ tiling: oneTile(384), ms: 17.1, pass: null },
		{ tiling: grid, ms: 38.4, pass: 0.04 },
	];
	assert.is(
		geometryWords({ tiling: grid, compared }),
		'2x5 squares of 256 and an overview (38 ms a part): 4 % of spoiled copies pass; one square of 256 (7.7 ms): 61 %',
	);
	const untried = { tiling: compared[1]!.tiling, compared };
	assert.is(geometryWords(untried), 'one square of 384 (17 ms a part), not compared with others');
	assert.is(geometryWords({ tiling: grid, compared: [] }), '2x5 squares of 256 and an overview');
});

geometry.run();
