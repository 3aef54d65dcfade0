import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reportEntry, reportMessage } from '../../src/protocol/report.js';
import { openSearch } from '../../src/sqlite/search.js';
import { searchBeside } from '../../src/sqlite/search-beside.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { journalIn, state, verdict } from './journals.js';

const counts = suite('counts of the journal');

const { signal } = new AbortController();

const words = ['accept', 'accept', 'accept', 'reject', 'error'] as const;

counts('are of what was judged since the newest report, over more than is read at a time', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	assert.equal(await searchBeside(folder.path, { kind: 'counts' }, signal), {
		fromMs: null,
		through: null,
		stations: [],
	});
	const some = (station: string, number: number) =>
		Array.from({ length: number }, (_, i) => verdict(station, { verdict: words[i % 5]! }));
	const [first] = await journal.append(some('a', 10));
	await journal.append([state('a', {}), ...some('b', 5)]);
	using search = openSearch(folder.path);
	assert.equal(search.counts(), {
		fromMs: first!.recordedMs,
		through: 16,
		stations: [
			{ station: 'a', accept: 6, reject: 2, error: 2 },
			{ station: 'b', accept: 3, reject: 1, error: 1 },
		],
	});
	const reported = (through: number | null) =>
		journal.append([reportEntry(reportMessage({ box: 't', stations: [], fromMs: null }, 7000), through)]);
	// Two came while it was made.
	const [late] = await reported(14);
	const [two] = [{ station: 'b', accept: 0, reject: 1, error: 1 }];
	assert.equal(search.counts(), { fromMs: late!.recordedMs, through: 17, stations: [two] });
	// As older programs wrote it.
	const [report] = await reported(null);
	assert.equal(search.counts(), { fromMs: report!.recordedMs, through: 18, stations: [] });
	for (let i = 0; i < 5; i += 1) await journal.append(some('c', 5000));
	assert.equal(await searchBeside(folder.path, { kind: 'counts' }, signal), {
		fromMs: report!.recordedMs,
		through: 25_018,
		stations: [{ station: 'c', accept: 15_000, reject: 5000, error: 5000 }],
	});
	// What goes leaves pages that nothing uses, and the disk has room.
	journal.keepWithin({ mostBytes: 1e6, mostAgeDays: 400, leastFreeBytes: 0 });
	await eventually('it is within its bounds', () => journal.condition.events < 15_000);
	await eventually('it is within its bounds', () => journal.condition.excess === null);
	const { size } = await stat(join(folder.path, 'journal.db'));
	const given = await journal.vacuum(signal);
	assert.ok(given > 500_000 && given <= size, `${given} of ${size} bytes`);
	assert.is(await journal.vacuum(signal), 0);
	assert.is((await journal.append(some('a', 1))).length, 1);
});

counts.run();
