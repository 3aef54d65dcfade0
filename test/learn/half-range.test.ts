import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { halfRange } from '../../src/learn/half-range.js';
import { chooseModels } from '../../src/learn/precisions.js';
import { inferenceProgram, type Pair } from '../../src/model/inference.js';
import { halfFindings } from '../../src/model/precision.js';
import { Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';
import type { Progress } from '../../src/protocol/teach-messages.js';
import { drawPart } from '../../src/sim/line.js';

const ranges = suite('the range of float16');

const SIDE = 64;
const untrained = untrainedPair('pocket', SIDE);
const pictures = { count: 2, input: async (i: number) => drawPart(1, i, undefined, SIDE).image.data };
const signal = new AbortController().signal;

/** The pair with a convolution's kernel so many times as large, and the one behind it as much smaller. */
function scaled(by: number): Pair {
	const teacher = new Weights(untrained.teacher.entries());
	for (const [name, factor] of [
		['layer1.0.conv1.weight', by],
		['layer1.0.conv2.weight', 1 / by],
	] as const) {
		const { shape, data } = teacher.get(name);
		teacher.set(
			name,
			float32(
				shape,
				data.map((v) => factor * v),
			),
		);
	}
	return { ...untrained, teacher };
}

async function foundIn(pair: Pair) {
	const model = encodeOnnx(inferenceProgram(pair), 'm');
	const found = await halfRange(model, pictures, pair.tiling, 1, { openSession, signal, threads: 1 });
	const [range, loss] = found;
	assert.is(found.length, 2);
	assert.equal([range!.measure, loss!.measure], ['float16 range', 'float16 loss']);
	return { range: range!, loss: loss! };
}

ranges('holds what usual weights give', async () => {
	const { range, loss } = await foundIn(untrained);
	assert.is(range.limit, 65504 / 4);
	assert.ok(range.ok && range.value > 1 && range.value < 1000, `${range.value}`);
	assert.ok(loss.ok && loss.value < 2 ** -11, `${loss.value}`);
});

ranges(
	'is told by the name of the place that comes too near its end, and not of one that nearly does',
	async () => {
		// What is a hundred times as large throughout is the largest there is.
		const { range: larger } = await foundIn(scaled(100));
		assert.is(larger.unit, 'layer1.0.conv1');
		const each = larger.value / 100;
		const nearly = await foundIn(scaled((0.98 * larger.limit) / each));
		assert.ok(nearly.range.ok && Math.abs(nearly.range.value / nearly.range.limit - 0.98) < 1e-3);
		const over = await foundIn(scaled((1.02 * larger.limit) / each));
		assert.equal([over.range.ok, over.range.unit], [false, 'layer1.0.conv1']);
		assert.ok(over.range.value > 65504 / 4 && over.range.value < 65504);
	},
);

ranges('is told of weights that have no digits left', async () => {
	const { loss } = await foundIn(scaled(1e-5));
	assert.equal([loss.ok, loss.unit], [false, 'layer1.0.conv1.weight']);
});

for (const [what, weights, reached, range, loss] of [
	['weights at its end', [{ name: 'w', largest: 65504, lost: 0 }], [], true, true],
	['weights beyond it', [{ name: 'w', largest: 65505, lost: 0 }], [], false, true],
	['weights that are no number', [{ name: 'w', largest: Number.NaN, lost: 0 }], [['a', 1]], false, true],
	['activations within a quarter', [], [['a', 16376]], true, true],
	[
		'activations beyond a quarter',
		[],
		[
			['a', 3],
			['b', 16377],
			['c', 1],
		],
		false,
		true,
	],
	['activations without end', [], [['a', Number.POSITIVE_INFINITY]], false, true],
	[
		'activations that are no number',
		[],
		[
			['a', Number.NaN],
			['b', 1e9],
		],
		false,
		false,
	],
	[
		'a place that is always 0',
		[],
		[
			['a', 0],
			['b', 1],
		],
		true,
		true,
	],
	[
		'a place that is next to nothing',
		[],
		[
			['a', 1e-6],
			['b', 1],
		],
		true,
		false,
	],
] as const) {
	ranges(`is judged for ${what}`, () => {
		const found = halfFindings(weights, new Map(reached));
		assert.equal(
			found.map(({ ok }) => ok),
			[range, loss],
		);
	});
}

ranges('leaves float16 out of a bundle, with the place and the number that the bundle keeps', async () => {
	const told: Progress[] = [];
	const world = {
		openSession,
		report: (progress: Progress) => told.push(progress),
		signal,
		now: () => 0,
		wallClock: () => new Date(0),
		memoryMb: () => 0,
		processor: async () => ({ name: 'test', cores: 1 }),
		watchOthers: async () => async () => 0,
		versions: { inspectord: 'test', onnxruntime: 'test', opencv: 'test' },
	};
	const { models, runs, gates } = await chooseModels(
		scaled(1e5),
		{ scoring: 'sum' },
		{ ranges: pictures, good: pictures },
		{ threshold: 1, usual: 0.5 },
		{ precision: 'fp16', threads: 1, seed: 1 },
		world,
	);
	assert.equal([runs, Object.keys(models)], ['fp32', ['fp32']]);
	const failed = gates.fp16!.filter(({ ok }) => !ok);
	assert.is(failed[0]!.unit, 'layer1.0.conv1');
	const warnings = told.flatMap((progress) => (progress.phase === 'warning' ? [progress.message] : []));
	assert.match(
		warnings[0]!,
		/^fp16 does not hold what the network computes: float16 range of "layer1.0.conv1" \d+, the limit is 16376; it is left out$/,
	);
});

ranges.run();
