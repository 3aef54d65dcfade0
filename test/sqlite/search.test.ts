import { mkdir } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/protocol/events.js';
import { openSearch, type Query } from '../../src/sqlite/search.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { ALL, journalIn, state, verdict } from './journals.js';

const searches = suite('a search in the journal');

const START_MS = Date.UTC(2026, 10, 25);
const VERDICTS = ['accept', 'accept', 'reject', 'accept', 'error'] as const;

/** 2000 verdicts and some states of two stations, one every ten seconds, with a clock that was wrong for a while. */
const entries = Array.from({ length: 2000 }, (_, i) => {
	const station = i % 3 === 0 ? 'b' : 'a';
	const atMs = i >= 500 && i < 600 ? i : START_MS + i * 10_000;
	return i % 100 === 99
		? state(station, { atMs })
		: verdict(station, { atMs, verdict: VERDICTS[i % 5]!, part: i % 7 === 0 ? `P'${i % 70}` : null });
});

const meant = (events: readonly Event[], { station, sinceMs, verdict: word, part, kind, limit }: Query) =>
	events
		.filter(
			(event) =>
				(station === undefined || event.station === station) &&
				(sinceMs === undefined || event.atMs >= sinceMs) &&
				(word === undefined || event.verdict === word) &&
				(part === undefined || event.part === part) &&
				(kind === undefined || event.kind === kind),
		)
		.slice(-limit);

searches('finds what a look at every event finds, while the daemon writes on', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	await journal.append(entries);
	using search = openSearch(folder.path);
	assert.is(search.series, journal.series);
	const events = await journal.events(ALL, 1e6);
	for (const station of [undefined, 'a', 'b', 'none'])
		for (const sinceMs of [undefined, START_MS + 12_345_678, START_MS + 1e12])
			for (const word of [undefined, 'accept', 'reject', 'error'] as const)
				for (const part of [undefined, "P'14", 'none'])
					for (const limit of [3, 1e6]) {
						const query = { station, sinceMs, verdict: word, part, limit };
						assert.equal([...search.find(query)], meant(events, query), JSON.stringify(query));
					}
	for (const kind of ['verdict', 'state', 'alarm'] as const) {
		const query = { station: 'a', kind, limit: 5 };
		assert.equal([...search.find(query)], meant(events, query), kind);
	}
	const [next] = await journal.append([verdict('a')]);
	assert.equal([...search.find({ limit: 1 })], [next]);
	const kept = await journal.keep([{ event: 7, role: 'frame', index: 0, jpeg: Buffer.from('x') }]);
	assert.equal(search.pictures(7), kept);
});

searches('says what keeps it from reading', async () => {
	await using folder = await temporaryFolder();
	const missing = await failureOf((async () => openSearch(folder.path))());
	assert.is(missing.code, 'file-unreadable');
	assert.match(missing.message, /there is none/);
	await mkdir(`${folder.path}/journal.db`);
	assert.is((await failureOf((async () => openSearch(folder.path))())).code, 'file-unreadable');
});

searches.run();
