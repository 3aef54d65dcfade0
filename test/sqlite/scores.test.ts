import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { tally } from '../../src/measure/thresholds.js';
import { openSearch, type ScoresQuery } from '../../src/sqlite/search.js';
import { searchBeside } from '../../src/sqlite/search-beside.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { ALL, journalIn, state, verdict } from './journals.js';

const scores = suite('scores in the journal');

const START_MS = Date.UTC(2026, 10, 25);
const { signal } = new AbortController();

/** Verdicts of two stations, recipes and models, and what is none. */
function entries() {
	const random = randomFrom(7);
	return Array.from({ length: 6000 }, (_, i) => {
		const station = i % 3 === 0 ? 'b' : 'a';
		const atMs = START_MS + i * 1000;
		if (i % 50 === 49) return state(station, { atMs });
		const score = Math.round(random.uniform() * 1000) / 1000;
		const word = i % 11 === 0 ? 'error' : score > 0.5 ? 'reject' : 'accept';
		return verdict(station, {
			atMs,
			verdict: word,
			score: i % 22 === 0 ? null : score,
			origin: {
				station,
				recipe: i % 5 === 0 ? 'cap' : 'lid',
				model: i % 7 === 0 ? null : { sha256: i < 2000 ? 'old' : 'new' },
				threshold: i % 2,
			},
		});
	});
}

scores('are those of one model by one recipe, the newest first', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	await journal.append(entries());
	const events = await journal.events(ALL, 1e6);
	using search = openSearch(folder.path);
	for (const recipe of ['lid', 'cap', 'none'])
		for (const model of ['old', 'new', 'none'])
			for (const station of [undefined, 'a', 'b', 'none'])
				for (const sinceMs of [undefined, START_MS + 3_000_500, START_MS + 1e12])
					for (const limit of [7, 1000, 100_000]) {
						const query: ScoresQuery = { recipe, model, station, sinceMs, limit };
						const meant = events
							.filter(({ verdict: word, score, atMs, origin, station: of }) => {
								const { recipe: by, model: what } = origin as { recipe?: string; model?: { sha256: string } };
								return (
									(word === 'accept' || word === 'reject') &&
									score !== null &&
									by === recipe &&
									what?.sha256 === model &&
									(station === undefined || of === station) &&
									atMs >= (sinceMs ?? 0)
								);
							})
							.reverse();
						const newest = meant.slice(0, limit);
						const found = search.scores(query);
						const told = JSON.stringify(query);
						assert.equal(
							[...found.scores],
							newest.map(({ score }) => score),
							told,
						);
						assert.equal(
							[...found.accepted],
							newest.map(({ verdict: word }) => (word === 'accept' ? 1 : 0)),
							told,
						);
						assert.equal(
							[found.fromMs, found.toMs],
							[newest.at(-1)?.atMs ?? null, newest[0]?.atMs ?? null],
							told,
						);
						if (meant.length > limit) assert.ok(found.isMore, told);
						if (limit === 100_000) assert.not(found.isMore, told);
					}
});

scores('are counted in a thread beside the writer', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const query = { recipe: 'lid', model: 'new', limit: 1e5 };
	const ask = { kind: 'scores', query, thresholds: [0.3, 0.5] } as const;
	const none = await searchBeside(folder.path, ask, signal);
	assert.equal([none.parts, none.fromMs, none.thresholds[0]!.accepts], [0, null, 0]);
	await journal.append(entries());
	const found = await searchBeside(folder.path, ask, signal);
	using search = openSearch(folder.path);
	const { fromMs, toMs, isMore, ...decided } = search.scores(query);
	assert.equal(found, { fromMs, toMs, isMore, ...tally(decided, [0.3, 0.5]) });
	assert.ok(found.parts > 2000);
});

scores.run();
