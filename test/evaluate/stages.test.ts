import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { passThroughStages, type StagesWorld, stageNames } from '../../src/evaluate/stages.js';
import { errorVerdict, type StationVerdict } from '../../src/protocol/verdict.js';
import type { Frame } from '../../src/vision/frame.js';
import { origin } from '../origin.js';

const test = suite('stages');

const TAKES = { grab: 1, prepare: 2, model: 16, decide: 0.25, draw: 4, record: 8, publish: 32 } as const;
const WHOLE = 63.25;

type World = StagesWorld<{ readonly verdict: StationVerdict }>;

/** A clock that only the stages move; the first `cold` parts take a hundred times as long in the model. */
function worldOf(cold = 0, changes: Partial<World> = {}) {
	let clock = 0;
	const seen = { parts: 0, released: 0, recorded: [] as number[] };
	const take = (ms: number) => {
		clock += ms;
	};
	const world: World = {
		grab: async () => {
			take(TAKES.grab);
			const release = () => {
				seen.released += 1;
			};
			return { release } as Frame;
		},
		inspect: async () => {
			seen.parts += 1;
			const modelMs = TAKES.model * (seen.parts <= cold ? 100 : 1);
			const latency = {
				waitMs: 0,
				prepareMs: TAKES.prepare,
				modelMs,
				decideMs: TAKES.decide,
				drawMs: TAKES.draw,
			};
			take(TAKES.prepare + modelMs + TAKES.decide + TAKES.draw);
			const taken = { wallMs: 0, monotonicMs: 0 };
			const part = { runSequence: seen.parts, part: null, trigger: null, frame: null, taken };
			const failed = errorVerdict(origin, part, { code: 'model-failed', message: '' });
			return { verdict: { ...failed, verdict: 'reject', error: null, latency } };
		},
		record: async () => {
			take(TAKES.record);
			seen.recorded.push(seen.parts);
			return seen.parts;
		},
		published: async (event) => {
			assert.is(event, seen.parts);
			take(TAKES.publish);
		},
		now: () => clock,
		signal: new AbortController().signal,
		...changes,
	};
	return { world, seen };
}

test('each stage takes what it takes, and they add up to the whole', async () => {
	const { world, seen } = worldOf();
	const passages = await passThroughStages(world, {
		warmMs: 0,
		warmParts: 0,
		measureMs: 10 * WHOLE,
		leastParts: 1,
	});
	assert.is(passages.length, 10);
	for (const passage of passages) {
		assert.equal(Object.fromEntries(stageNames.map((stage) => [stage, passage[stage]])), TAKES);
		assert.is(passage.whole, WHOLE);
		assert.is(passage.verdict, 'reject');
	}
	assert.equal([seen.released, seen.recorded.length], [10, 10]);
});

const plans: readonly (readonly [
	what: string,
	cold: number,
	plan: { warmMs: number; warmParts: number; measureMs: number; leastParts: number },
	all: number,
	measured: number,
])[] = [
	['so many parts at least', 2, { warmMs: 0, warmParts: 2, measureMs: 0, leastParts: 3 }, 5, 3],
	['so long at least', 1, { warmMs: 20 * WHOLE, warmParts: 1, measureMs: WHOLE, leastParts: 1 }, 2, 1],
	['both', 0, { warmMs: 2 * WHOLE, warmParts: 1, measureMs: 4 * WHOLE, leastParts: 2 }, 6, 4],
];

for (const [what, cold, plan, all, measured] of plans) {
	test(`what is measured has nothing of the warm-up in it: ${what}`, async () => {
		const { world, seen } = worldOf(cold);
		const passages = await passThroughStages(world, plan);
		assert.equal([seen.parts, passages.length], [all, measured]);
		for (const { model } of passages) assert.is(model, TAKES.model);
	});
}

const PLAN = { warmMs: 0, warmParts: 1, measureMs: WHOLE, leastParts: 1 };

test('a stage that fails ends it, and its frame is let go', async () => {
	const failing: readonly (readonly [Partial<World>, number])[] = [
		[{ grab: () => Promise.reject(new Error('no camera')) }, 0],
		[{ inspect: () => Promise.reject(new Error('no model')) }, 1],
		[{ record: () => Promise.reject(new Error('no disk')) }, 1],
		[{ published: () => Promise.reject(new Error('no broker')) }, 1],
	];
	for (const [changes, released] of failing) {
		const { world, seen } = worldOf(0, changes);
		const message = await passThroughStages(world, PLAN).then(
			() => 'it went on',
			(thrown: Error) => thrown.message,
		);
		assert.match(message, /^no /);
		assert.is(seen.released, released);
	}
});

test('who interrupts ends it between two parts', async () => {
	const ending = new AbortController();
	const { world, seen } = worldOf(0, { signal: ending.signal });
	const record = world.record;
	const passing = passThroughStages(
		{
			...world,
			record: (inspected) => {
				if (seen.parts === 3) ending.abort(new Error('enough'));
				return record(inspected);
			},
		},
		{ ...PLAN, measureMs: 1e9 },
	);
	assert.is(await passing.catch((thrown: Error) => thrown.message), 'enough');
	assert.is(seen.parts, 3);
});

test.run();
