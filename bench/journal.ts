// How the journal grows: verdicts as stations give them, in commits of a thousand, up to --most N of them (10 million without it).
// At each power of ten: how fast they are written, what one takes on disk, how long the commonest queries and a step of retention take.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomFrom } from '../src/base/random.js';
import { type StationVerdict, unjudged } from '../src/protocol/verdict.js';
import { verdictEntry } from '../src/protocol/verdict-message.js';
import { rowOf } from '../src/sqlite/entry.js';
import { openSearch, type Query } from '../src/sqlite/search.js';
import { Writer } from '../src/sqlite/writer.js';
import { percentile } from './median.js';

const A_COMMIT = 1000;
const QUERIES = 200;
const STEPS = 20;
/** One verdict a tenth of a second, of four stations. */
const EVERY_MS = 100;
const STATIONS = 4;
const REJECTS = 0.02;
const START_MS = Date.UTC(2026, 0);

const { values } = parseArgs({
	options: { most: { type: 'string', default: '1e7' }, folder: { type: 'string' } },
});
const most = Number(values.most);
const random = randomFrom(1);

/** The verdict on part i. */
function verdictAt(i: number): StationVerdict {
	const number = i % STATIONS;
	const threshold = 1.0297;
	const isReject = random.uniform() < REJECTS;
	const score = isReject ? threshold + random.uniform() : threshold * random.uniform();
	const said = unjudged(
		{
			box: 'cell-4',
			station: `station-${number}`,
			recipe: 'lid',
			boot: '3b0f9f0e-6a55-4b7e-9f5c-0d5f6c0f8a11',
			run: `f3e910f${number}`,
			model: {
				name: 'lid',
				bundle: 'lid@5e81c08b',
				sha256: '1c947c1d6a0b4f6f0b6a7de6c2fd0a0f7b8e63a3a2d54b8b0c2f1b2f6d7a9e10',
				provider: 'cpu',
				precision: 'int8',
				fingerprint: null,
				engine: null,
			},
			threshold,
			revision: null,
			isSimulated: false,
		},
		{
			runSequence: Math.floor(i / STATIONS) + 1,
			frame: null,
			part: null,
			trigger: null,
			taken: { wallMs: START_MS + i * EVERY_MS, monotonicMs: i * EVERY_MS + random.uniform() },
		},
	);
	const box = { x: random.below(400), y: random.below(300), width: 60, height: 40 };
	const found = { box, peak: score, area: 1400 };
	return {
		...said,
		verdict: isReject ? 'reject' : 'accept',
		score,
		part: i % 10 === 0 ? `P-${i}` : null,
		regions: isReject ? [found] : [],
		latency: {
			waitMs: 0.1 + random.below(50) / 100,
			prepareMs: 0.5 + random.below(50) / 100,
			modelMs: 44 + random.below(500) / 100,
			decideMs: 0.02,
			drawMs: isReject ? 6.46 : 0,
		},
	};
}

function timesOf(count: number, work: (i: number) => unknown): number {
	const times = Array.from({ length: count }, (_, i) => {
		const begun = performance.now();
		work(i);
		return performance.now() - begun;
	});
	return percentile(times, 0.95);
}

const clock = { synchronised: true, since: '2026-01-01T06:00:12.031Z' } as const;
const folder = await mkdtemp(join(values.folder ?? tmpdir(), 'inspectord-bench-'));
const nowMs = START_MS + most * EVERY_MS;
const roomy = { mostBytes: 1e15, mostAgeDays: 1e5, leastFreeBytes: 0 };
const figures = {
	insertsPerSecond: Number.NaN,
	query95Ms: Number.NaN,
	pruneMs: Number.NaN,
	bytesPerEvent: Number.NaN,
};
try {
	let writer = new Writer({ folder, box: 'cell-4', bounds: roomy, nowMs });
	console.log(
		'    rows    inserts/s   bytes/event   outlet   newest   rejects      part      hour   (p95, ms)   prune 500 (p95, ms)',
	);
	let done = 0;
	for (let rows = 1e4; rows <= most; rows *= 10) {
		const added = rows - done;
		const before = done;
		let writtenMs = 0;
		for (; done < rows; done += A_COMMIT) {
			const entries = Array.from({ length: A_COMMIT }, (_, i) => verdictEntry(verdictAt(done + i), clock));
			const begun = performance.now();
			const recorded = entries.map((entry) => rowOf(entry, entry.atMs + 60));
			writer.commit({ writes: [{ kind: 'events', rows: recorded, recordedMs: nowMs }], nowMs });
			writtenMs += performance.now() - begun;
		}
		const { extent } = writer.opened();
		const found = (query: Query) => {
			using search = openSearch(folder);
			return [...search.find(query)];
		};
		const somewhere = () => 1 + random.below(rows - 100);
		const station = `station-${random.below(STATIONS)}`;
		const atMs = () => START_MS + random.below(rows) * EVERY_MS;
		const queries = [
			timesOf(QUERIES, () => {
				const from = somewhere();
				writer.events({ range: { from, to: from + 1e6 }, limit: 64, kinds: ['verdict', 'gap'] });
			}),
			timesOf(QUERIES, () => found({ station, limit: 100 })),
			timesOf(QUERIES, () => found({ station, verdict: 'reject', limit: 100 })),
			timesOf(QUERIES, () => found({ part: `P-${10 * random.below(rows / 10)}`, limit: 100 })),
			timesOf(QUERIES, () => found({ station, sinceMs: atMs(), limit: 100 })),
		];
		// The oldest go in steps, as when the journal has reached its bound.
		writer.close({ isWhole: true });
		const bounds = { ...roomy, mostBytes: 1 };
		writer = new Writer({ folder, box: 'cell-4', bounds, nowMs });
		const pruneMs = timesOf(STEPS, () => writer.tidy({ nowMs, ageMs: nowMs, bounds }));
		writer.close({ isWhole: true });
		writer = new Writer({ folder, box: 'cell-4', bounds: roomy, nowMs });
		figures.insertsPerSecond = Math.round((1000 * added) / writtenMs);
		figures.query95Ms = Number(Math.max(...queries).toFixed(2));
		figures.pruneMs = Number(pruneMs.toFixed(2));
		// Of those that stand: each round before took some away.
		figures.bytesPerEvent = Math.round(extent.databaseBytes / extent.events);
		console.log(
			[
				rows.toExponential(0).padStart(8),
				String(figures.insertsPerSecond).padStart(12),
				String(figures.bytesPerEvent).padStart(13),
				...queries.map((ms) => ms.toFixed(2).padStart(8)),
				figures.pruneMs.toFixed(2).padStart(22),
			].join(' '),
		);
		if (before === done) break;
	}
	writer.close({ isWhole: true });
} finally {
	await rm(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(figures));
