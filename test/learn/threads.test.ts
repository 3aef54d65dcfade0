import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OpenSession } from '../../src/graph/session.js';
import { float32, zeros } from '../../src/graph/tensor.js';
import type { TeachWorld } from '../../src/learn/lesson.js';
import { countsFor, measureThreads, threadRuns } from '../../src/learn/threads.js';
import type { Progress } from '../../src/protocol/teach-messages.js';

const threads = suite('the number of threads that is the fastest');

for (const [cores, counts] of [
	[1, [1]],
	[2, [1, 2]],
	[6, [1, 2, 4, 6]],
	[8, [1, 2, 4, 8]],
] as const) {
	threads(`is looked for among powers of two and all of ${cores} cores`, () => {
		assert.equal(countsFor(cores), counts);
	});
}

/** No processor: a model that takes as long as it is told, by a clock that it moves. */
async function measured(
	cores: number,
	tookMs: (threads: number, run: number) => number,
	others: number | null = 0,
) {
	const told: Progress[] = [];
	let [clock, runs, open, most] = [0, 0, 0, 0];
	const openSession: OpenSession = async (_, options) => {
		open += 1;
		most = Math.max(most, open);
		return {
			sha256: '',
			run: async () => {
				runs += 1;
				clock += tookMs(options.threads!, runs);
				return { map: zeros([2, 3]), score: float32([], [1]), mean: float32([], [0]) };
			},
			ranOn: async () => ['cpu'],
			close: async () => {
				open -= 1;
			},
		};
	};
	const world: TeachWorld = {
		openSession,
		report: (progress) => told.push(progress),
		signal: new AbortController().signal,
		now: () => clock,
		wallClock: () => new Date(0),
		memoryMb: () => 0,
		processor: async () => ({ name: 'p', cores }),
		watchOthers: async () => async () => others,
		versions: { inspectord: '', onnxruntime: '', opencv: '' },
	};
	const picture = { input: new Uint8Array(18), size: { width: 3, height: 2 } };
	const kept = await measureThreads(new Uint8Array(), picture, world);
	assert.is(open, 0, 'nothing stays open');
	assert.ok(most <= 2, 'two models at a time');
	return { kept, told, runs };
}

for (const [what, cores, tookMs, fastest, medianMs] of [
	['as many as there are cores, where each helps', 4, (n) => 80 / n, 4, { 1: 80, 2: 40, 4: 20 }],
	['fewer, where more hinder', 4, (n) => ({ 1: 80, 2: 45, 4: 60 })[n]!, 2, { 1: 80, 2: 45, 4: 60 }],
	['the fewest of equal ones', 4, () => 50, 1, { 1: 50, 2: 50, 4: 50 }],
	['fewer, where more save less than a twentieth', 2, (n) => (n === 1 ? 50 : 48), 1, { 1: 50, 2: 48 }],
	[
		'more again, where the step between does not help',
		4,
		(n) => ({ 1: 50, 2: 50, 4: 20 })[n]!,
		4,
		{ 1: 50, 2: 50, 4: 20 },
	],
	['what it is but for one slow run', 2, (n, run) => (run === 6 ? 900 : 60 / n), 2, { 1: 60, 2: 30 }],
] as const satisfies readonly (readonly [
	string,
	number,
	(n: number, run: number) => number,
	number,
	object,
])[]) {
	threads(`is ${what}`, async () => {
		const { kept, told, runs } = await measured(cores, tookMs);
		assert.equal(kept, { p: { cores, threads: fastest, medianMs } });
		assert.equal(told, [{ phase: 'threads', threads: fastest, reason: null }]);
		assert.is(runs, threadRuns(cores));
	});
}

for (const [what, tookMs, others, reason] of [
	[
		'times spread',
		(n: number, run: number) => (60 / n) * (1 + (run % 4)),
		0,
		/times with 1 and 2 threads spread too far/,
	],
	['others work', (n: number) => 60 / n, 0.3, /others work beside the lesson \(30 % of the processor\)/],
	['nobody tells whether others work', (n: number) => 60 / n, null, /nobody tells how much/],
] as const) {
	threads(`is not kept, and that is said, where ${what}`, async () => {
		const { kept, told } = await measured(2, tookMs, others);
		assert.equal(kept, {});
		const [said] = told;
		assert.is(said?.phase, 'threads');
		assert.match(String((said as { reason: string }).reason), reason);
	});
}

threads('is not looked for on one core', async () => {
	const { kept, told, runs } = await measured(1, () => 50);
	assert.equal([kept, told, runs], [{}, [{ phase: 'threads', threads: 1, reason: null }], 0]);
});

threads.run();
