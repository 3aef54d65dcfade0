// What the request "threshold" costs: 100,000 scores of one model in a journal, counted for ten thresholds beside its writer, and
// whether a verdict is recorded later meanwhile. Quiet and counting take turns.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom } from '../src/base/random.js';
import { openPictures } from '../src/disk/pictures.js';
import type { Entry } from '../src/protocol/events.js';
import { type Origin, type StationVerdict, unjudged } from '../src/protocol/verdict.js';
import { verdictEntry } from '../src/protocol/verdict-message.js';
import { openJournal } from '../src/sqlite/journal.js';
import { searchBeside } from '../src/sqlite/search-beside.js';
import { percentile } from './median.js';

const PARTS = 100_000;
const A_COMMIT = 1000;
const EVERY_MS = 20;
const VERDICTS_A_TURN = 100;
const TURNS = 5;
const THRESHOLDS = Array.from({ length: 10 }, (_, i) => 0.7 + i * 0.05);

const random = randomFrom(1);
const model = { sha256: '1c947c1d6a0b4f6f0b6a7de6c2fd0a0f7b8e63a3a2d54b8b0c2f1b2f6d7a9e10' };

function entryAt(i: number): Entry {
	const origin: Origin = {
		...{ box: 'cell-4', station: 'lid', recipe: 'lid', boot: null, run: 'f3e910fc', revision: null },
		...{ threshold: 1, isSimulated: false },
		model: {
			name: 'lid',
			bundle: 'lid@5e81c08b',
			...model,
			provider: 'cpu',
			precision: 'int8',
			fingerprint: null,
			engine: null,
		},
	};
	const score = random.uniform() * 1.03;
	const taken = { wallMs: Date.UTC(2026, 0) + i * 100, monotonicMs: i * 100 };
	const said: StationVerdict = {
		...unjudged(origin, { runSequence: i + 1, frame: null, part: null, trigger: null, taken }),
		verdict: score > 1 ? 'reject' : 'accept',
		score,
		latency: { waitMs: 0.1, prepareMs: 0.54, modelMs: 44.37, decideMs: 0.02, drawMs: 0 },
	};
	return verdictEntry(said, { synchronised: true, since: null });
}

const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-'));
const journal = await openJournal(
	{ folder, box: 'cell-4', pictures: await openPictures(join(folder, 'pictures')) },
	() => {},
);
try {
	for (let i = 0; i < PARTS; i += A_COMMIT)
		await journal.append(Array.from({ length: A_COMMIT }, (_, k) => entryAt(i + k)));
	const counts: number[] = [];
	const recorded: Record<'quiet' | 'counting', number[]> = { quiet: [], counting: [] };
	const verdicts = async (to: number[]) => {
		for (let i = 0; i < VERDICTS_A_TURN; i += 1) {
			const startMs = performance.now();
			await journal.append([entryAt(PARTS + i)]);
			to.push(performance.now() - startMs);
			await sleep(EVERY_MS);
		}
	};
	const counting = async (until: AbortSignal) => {
		const query = { recipe: 'lid', model: model.sha256, limit: PARTS };
		while (!until.aborted) {
			const startMs = performance.now();
			const { parts } = await searchBeside(
				folder,
				{ kind: 'scores', query, thresholds: THRESHOLDS },
				new AbortController().signal,
			);
			if (parts !== PARTS) throw new Error(`${parts} parts were counted`);
			counts.push(performance.now() - startMs);
		}
	};
	for (let turn = 0; turn < TURNS; turn += 1) {
		await verdicts(recorded.quiet);
		const over = new AbortController();
		const counted = counting(over.signal);
		await verdicts(recorded.counting);
		over.abort();
		await counted;
	}
	const rounded = (ms: number) => Math.round(ms * 10) / 10;
	const told = (ms: readonly number[]) => ({
		p50Ms: rounded(percentile(ms, 0.5)),
		p99Ms: rounded(percentile(ms, 0.99)),
	});
	console.log(
		JSON.stringify({
			scores: PARTS,
			count: told(counts),
			recordQuiet: told(recorded.quiet),
			recordCounting: told(recorded.counting),
		}),
	);
} finally {
	await journal[Symbol.asyncDispose]();
	await rm(folder, { recursive: true });
}
