import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import type { Feeds, OpenSession, Session } from '../../src/graph/session.js';
import { float32, type Tensor } from '../../src/graph/tensor.js';
import { gradients } from '../../src/graph/vjp.js';
import { openSteps } from '../../src/learn/steps.js';
import { emptyState, initialState } from '../../src/learn/train.js';
import { TRIAL_STEPS } from '../../src/learn/trial.js';
import { adamSchedule, adamUpdate, paperAdam } from '../../src/model/adam.js';
import { firstMoment, NEXT, type StepProgram, secondMoment } from '../../src/model/step.js';
import { openSession } from '../../src/ort/session.js';
import type { Progress, TeachingProvider } from '../../src/protocol/teach-messages.js';
import { failureOf } from '../failure-of.js';

const steps = suite('steps on a graphics processor');

/** The smallest lesson: y = x·w + b shall be 1, and a running mean of x is kept. */
function smallest(): StepProgram {
	const graph = new Graph();
	const x = graph.input('teacher1', 'float32', [4, 3]);
	const [rate, floor] = [graph.input('rate', 'float32', []), graph.input('floor', 'float32', [])];
	const parameters = [
		{ name: 'w', shape: [3, 1], role: 'kernel' },
		{ name: 'b', shape: [1], role: 'shift' },
	] as const;
	const values = parameters.map(({ name, shape }) => graph.input(name, 'float32', shape));
	const off = graph.sub(graph.add(graph.apply('MatMul', [x, values[0]!], {}), values[1]!), graph.scalar(1));
	const loss = graph.reshape(graph.sum(graph.mul(off, off), [0, 1]), []);
	gradients(graph, loss, values).forEach((gradient, i) => {
		const { name, shape } = parameters[i]!;
		const moments = {
			first: graph.input(firstMoment(name), 'float32', shape),
			second: graph.input(secondMoment(name), 'float32', shape),
		};
		const next = adamUpdate(graph, paperAdam, values[i]!, gradient, moments, { rate, floor });
		graph.output(next.weight, name + NEXT);
		graph.output(next.first, firstMoment(name) + NEXT);
		graph.output(next.second, secondMoment(name) + NEXT);
	});
	const mean = graph.input('mean', 'float32', [3]);
	const kept = graph.add(
		graph.mul(mean, graph.scalar(0.9)),
		graph.mul(graph.reshape(graph.mean(x, [0]), [3]), graph.scalar(0.1)),
	);
	graph.output(kept, `mean${NEXT}`);
	graph.output(loss, 'loss');
	return { graph, parameters, statistics: [{ name: 'mean', length: 3 }] };
}

/** What a stand-in makes of the results of its nth run. */
type Spoil = (results: Readonly<Record<string, Tensor>>, into: Feeds, run: number) => void;

/**
 * No graphics processor: the processor in another setting (two threads), under the name of CUDA, quicker by the clock that it moves,
 * and spoiled as it is told.
 */
function standIn(spoil: Spoil = () => {}, { ranOn = 'cuda', stepMs = 10 } = {}) {
	let clock = 0;
	let runs = 0;
	const open: OpenSession = async (model, options) => {
		const other = options.provider !== 'cpu';
		const session = await openSession(model, {
			...options,
			provider: 'cpu',
			recorded: false,
			threads: other ? 2 : 1,
		});
		const run: Session['run'] = async (feeds, into) => {
			clock += other ? stepMs : 100;
			const results = await session.run(feeds, into);
			if (!other) return results;
			runs += 1;
			const loss = {
				...results.loss!,
				data: Float32Array.from(results.loss!.data as Float32Array),
			} as Tensor;
			const given = { ...results, loss };
			spoil(given, into!, runs);
			return given;
		};
		return { ...session, run, ranOn: async () => [other ? ranOn : 'cpu'] };
	};
	return { open, now: () => clock };
}

/** So many steps, and where each ran. */
async function lesson(
	{ open, now }: Pick<ReturnType<typeof standIn>, 'open' | 'now'>,
	provider: TeachingProvider,
	count: number,
) {
	const warnings: string[] = [];
	const providers: string[] = [];
	const report = (p: Progress) => {
		if (p.phase === 'warning') warnings.push(p.message);
		if (p.phase === 'provider') providers.push(p.provider);
	};
	const program = smallest();
	const world = { openSession: open, now, report };
	const taken = await openSteps(program, { provider, threads: 1 }, world, () => emptyState(program));
	const random = randomFrom(3);
	const states = { now: initialState(program, 1), next: emptyState(program) };
	const heard: { loss: number; ms: number; provider: string }[] = [];
	try {
		for (let step = 1; step <= count; step += 1) {
			const x = float32(
				[4, 3],
				Float32Array.from({ length: 12 }, () => random.normal()),
			);
			const found = await taken.take({ teacher1: x }, states, adamSchedule(paperAdam, step));
			[states.now, states.next] = [states.next, states.now];
			heard.push({ ...found, provider: taken.provider });
		}
	} finally {
		await taken.close();
	}
	return { heard, warnings, providers, state: states.now };
}

const aloneOn = (provider: TeachingProvider) => lesson(standIn(), provider, TRIAL_STEPS + 2);

steps('go on where it computes what the processor does, from what the processor found', async () => {
	const [there, here] = [await aloneOn('auto'), await aloneOn('cpu')];
	assert.equal(there.warnings, []);
	assert.equal(there.providers, ['cuda']);
	const losses = ({ heard }: typeof here) => heard.map(({ loss }) => loss);
	assert.equal(losses(there), losses(here));
	assert.ok(losses(here).at(-1)! < losses(here)[0]!);
	assert.ok(there.heard.every(({ provider, ms }) => provider === 'cuda' && ms === 10));
	assert.ok(here.heard.every(({ provider, ms }) => provider === 'cpu' && ms === 100));
});

const scaled = (tensor: Tensor | undefined, by: number) => {
	const data = tensor!.data as Float32Array;
	for (let i = 0; i < data.length; i += 1) data[i] = data[i]! * by;
};

const wrong: readonly (readonly [what: string, spoil: Spoil, said: RegExp])[] = [
	[
		'its losses drift',
		({ loss }, _, run) => scaled(loss, 1 + 5e-5 * run),
		/in step 3 of its trial: its loss is/,
	],
	[
		'its loss is not a number',
		({ loss }, _, run) => run === 2 && scaled(loss, Number.NaN),
		/in step 2 of its trial: its loss is NaN/,
	],
	[
		'its weights drift',
		(_, into) => scaled(into['w.next'], 1.001),
		/in step 1 of its trial: its weights are off by .* in "w"/,
	],
	[
		'one weight is not a number',
		(_, into, run) => {
			if (run === TRIAL_STEPS) into['b.next']!.data[0] = Number.NaN;
		},
		/in step 10 of its trial: its weights are off by NaN/,
	],
	[
		'the gradient of one layer is wrong',
		(_, into) => scaled(into['w.m.next'], -1),
		/its gradients are off by 2.0 of their change in "w.m"/,
	],
	[
		'the squares of its gradients are wrong',
		(_, into) => scaled(into['b.v.next'], 1.5),
		/its squares are off/,
	],
	[
		'running statistics lag',
		(_, into) => scaled(into['mean.next'], 1.001),
		/its statistics are off by .* in "mean"/,
	],
	[
		'it dies',
		(_results, _into, run) => {
			if (run === 4) throw new Failure('model-failed', 'Cannot run the model: device lost');
		},
		/in step 4 of its trial: Cannot run the model: device lost/,
	],
	[
		'it dies when the lesson depends on it',
		(_results, _into, run) => {
			if (run === TRIAL_STEPS + 2) throw new Failure('model-failed', 'Cannot run the model: out of memory');
		},
		/out of memory/,
	],
	[
		'its loss is not a number when the lesson depends on it',
		({ loss }, _, run) => run === TRIAL_STEPS + 2 && scaled(loss, Number.NaN),
		/its loss is not a number/,
	],
];

for (const [what, spoil, said] of wrong) {
	steps(`go on on the processor and says so, or ends, where ${what}`, async () => {
		const taken = await lesson(standIn(spoil), 'auto', TRIAL_STEPS + 3);
		assert.is(taken.warnings.length, 1);
		assert.match(taken.warnings[0]!, /the lesson goes on on the processor: provider "cuda" cannot be used: /);
		assert.match(taken.warnings[0]!, said);
		assert.equal(taken.providers, ['cuda', 'cpu']);
		const here = await lesson(standIn(), 'cpu', TRIAL_STEPS + 3);
		assert.is(taken.heard.at(-1)!.provider, 'cpu');
		assert.equal(
			taken.heard.map(({ loss }) => loss),
			here.heard.map(({ loss }) => loss),
		);
		assert.equal(taken.state, here.state);
		const failure = await failureOf(lesson(standIn(spoil), 'cuda', TRIAL_STEPS + 3));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, /Cannot teach on provider "cuda": /);
		assert.match(failure.message, said);
	});
}

steps('refuse a provider by whose record other ones ran nodes', async () => {
	const failure = await failureOf(
		lesson(
			standIn(() => {}, { ranOn: 'cpu' }),
			'cuda',
			2,
		),
	);
	assert.match(failure.message, /its nodes ran on "cpu"/);
});

steps('refuse one that cannot be opened: the named one ends the lesson, auto goes on', async () => {
	const absent: OpenSession = async (model, options) => {
		if (options.provider !== 'cpu')
			throw new Failure('model-failed', 'Cannot open the model: no such library');
		return openSession(model, options);
	};
	const world = { ...standIn(), open: absent };
	const failure = await failureOf(lesson(world, 'cuda', 2));
	assert.is(failure.code, 'provider-unavailable');
	assert.match(failure.message, /no such library/);
	const taken = await lesson(world, 'auto', 2);
	assert.match(taken.warnings.join(), /no such library/);
	assert.is(taken.heard.length, 2);
});

steps('go on on the processor where auto finds that it is no slower', async () => {
	const { warnings, heard } = await lesson(
		standIn(() => {}, { stepMs: 100 }),
		'auto',
		TRIAL_STEPS + 1,
	);
	assert.match(warnings.join(), /a step takes it 0.10 s, the processor 0.10 s/);
	assert.is(heard.at(-1)!.provider, 'cpu');
	const named = await lesson(
		standIn(() => {}, { stepMs: 200 }),
		'cuda',
		TRIAL_STEPS + 1,
	);
	assert.equal(named.warnings, [], 'who names it gets it');
	assert.is(named.heard.at(-1)!.provider, 'cuda');
});

steps.run();
