import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
	AttributeProto_AttributeType,
	AttributeProtoSchema,
	type ModelProto,
	ModelProtoSchema,
	OperatorSetIdProtoSchema,
} from 'onnx-buf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Asked, contractOf, NEWEST } from '../../src/graph/contract.js';
import { type Adapter, adaptOnnx, describeOnnx } from '../../src/graph/foreign.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Value } from '../../src/graph/ops.js';
import type { DType } from '../../src/graph/tensor.js';
import { scoreWith } from '../../src/model/scored.js';
import { openSession } from '../../src/ort/session.js';

const foreign = suite('models that others wrote');

const [WIDTH, HEIGHT] = [48, 32];
const PIXELS = WIDTH * HEIGHT;

/** A picture whose red is lit at one pixel of dark grey. */
const picture = Uint8Array.from({ length: PIXELS * 3 }, (_, i) => (i === 3 * 100 ? 255 : 51));

type Ports = {
	readonly input?: string;
	readonly map?: string;
	readonly score?: string | null;
	readonly type?: DType;
};

const ours = { input: 'input', map: 'anomaly_map', score: 'pred_score', type: 'float32' } as const;

/** A model of that input: its map is the mean over the channels, its score twice the mean of the map. */
function meanOf(
	shape: readonly number[],
	axis: number,
	ports: Ports = {},
	more?: (g: Graph, map: Value) => void,
): Uint8Array {
	const { input, map, score, type } = { ...ours, ...ports };
	const graph = new Graph();
	const x = graph.input(input, type, shape);
	const single = type === 'float32' ? x : graph.apply('Cast', [x], { to: 'float32' });
	const mean = graph.mean(single, [axis]);
	const whole = graph.mean(
		mean,
		shape.map((_, i) => i),
	);
	const half = (v: Value) =>
		type === 'float16' ? graph.apply('Cast', [v], { to: type }) : graph.mul(v, graph.scalar(1));
	graph.output(half(mean), map);
	if (score !== null) graph.output(graph.reshape(half(graph.mul(whole, graph.scalar(2))), [1]), score);
	more?.(graph, mean);
	return encodeOnnx(graph, 'mean');
}

const plain = meanOf([1, 3, HEIGHT, WIDTH], 1);

function edited(bytes: Uint8Array, change: (model: ModelProto) => void): Uint8Array {
	const model = fromBinary(ModelProtoSchema, bytes);
	change(model);
	return toBinary(ModelProtoSchema, model);
}

const nothing: Asked = { map: undefined, score: undefined, size: undefined };

function adapterOf(bytes: Uint8Array, asked: Partial<Asked> = {}): Adapter {
	const contract = contractOf('m.onnx', describeOnnx(bytes), { ...nothing, ...asked });
	return { ...contract, mean: [0, 0, 0], deviation: [1, 1, 1] };
}

async function scored(bytes: Uint8Array, asked: Partial<Asked> = {}, input = picture) {
	const adapter = adapterOf(bytes, asked);
	const session = await openSession(adaptOnnx(bytes, adapter), { threads: 1 });
	try {
		return await scoreWith(session, input, adapter);
	} finally {
		await session.close();
	}
}

/** Every dimension but the channels is free. */
function freed(bytes: Uint8Array, axes: readonly number[]): Uint8Array {
	return edited(bytes, ({ graph }) => {
		for (const { type } of [...graph!.input, ...graph!.output]) {
			if (type?.value.case !== 'tensorType') continue;
			type.value.value.shape?.dim.forEach((dim, i) => {
				if (axes.includes(i)) dim.value = { case: 'dimParam', value: `d${i}` };
			});
		}
	});
}

/** The map passes through an If, whose branches see the names outside. */
function branching(): Uint8Array {
	return edited(
		meanOf([1, 3, HEIGHT, WIDTH], 1, { input: 'image', map: 'map', score: 'score' }),
		({ graph }) => {
			const mean = graph!.node.find(({ opType }) => opType === 'ReduceMean')!;
			const constant = fromBinary(ModelProtoSchema, plain).graph!.initializer.find(
				({ dims }) => dims.length === 0,
			)!;
			const branch = (name: string) => ({
				name,
				node: [
					{ ...structuredClone(mean), $typeName: mean.$typeName, input: ['image'], output: [name], name },
				],
				output: [{ ...graph!.output.find((o) => o.name === 'map')!, name }],
			});
			graph!.initializer.push({ ...constant, name: 'condition', dataType: 9, rawData: Uint8Array.of(1) });
			const attribute = (name: string, g: object) =>
				create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: g as never });
			Object.assign(mean, {
				opType: 'If',
				input: ['condition'],
				attribute: [attribute('then_branch', branch('yes')), attribute('else_branch', branch('no'))],
			});
		},
	);
}

const works: readonly (readonly [title: string, bytes: Uint8Array, asked?: Partial<Asked>])[] = [
	['as anomalib exports them', plain],
	['with channels last', meanOf([1, HEIGHT, WIDTH, 3], 3)],
	['without a batch', meanOf([3, HEIGHT, WIDTH], 0)],
	['without a batch, channels last', meanOf([HEIGHT, WIDTH, 3], 2)],
	['for any number of pictures', freed(plain, [0])],
	['in half precision', meanOf([1, 3, HEIGHT, WIDTH], 1, { type: 'float16' })],
	[
		'under the names of our contract',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { input: 'image', map: 'map', score: 'score' }),
	],
	[
		'with names of ours within',
		edited(plain, ({ graph }) => {
			for (const node of graph!.node) {
				node.input = node.input.map((n) => (n.startsWith('c_') ? `inspectord.before.${n}` : n));
			}
			for (const tensor of graph!.initializer)
				if (tensor.name.startsWith('c_')) tensor.name = `inspectord.before.${tensor.name}`;
		}),
	],
	[
		'with nodes named as ports are',
		edited(plain, ({ graph }) => {
			graph!.node.forEach((node, k) => {
				node.name = ['input', 'map', 'score', 'mean'][k] ?? node.name;
			});
		}),
	],
	['with branches that see outside', branching()],
	[
		'with other outputs ahead',
		meanOf([1, 3, HEIGHT, WIDTH], 1, {}, (g, map) => {
			const mask = g.apply('Greater', [map, g.scalar(0.3)], {});
			g.output(mask, 'pred_mask');
			g.output(g.apply('Cast', [mask], { to: 'float32' }), 'output');
			g.output(g.apply('Cast', [g.reshape(g.mean(map, [0, 1, 2, 3]), [1])], { to: 'int64' }), 'score');
			g.outputs.reverse();
		}),
	],
	[
		'in the oldest format that is read',
		edited(plain, (m) => {
			m.irVersion = 3n;
		}),
	],
	[
		'without naming the operators',
		edited(plain, (m) => {
			m.opsetImport = [create(OperatorSetIdProtoSchema, { domain: 'ai.onnx', version: 17n })];
		}),
	],
	...['anomaly_maps', 'heatmap', 'Anomaly-Map', 'amap', 'score_map'].map(
		(map) => [`with the map "${map}"`, meanOf([1, 3, HEIGHT, WIDTH], 1, { map })] as const,
	),
	...['anomaly_score', 'PredScore', 'image_score'].map(
		(score) => [`with the score "${score}"`, meanOf([1, 3, HEIGHT, WIDTH], 1, { score })] as const,
	),
	[
		'under names that nobody knows',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { map: 'a', score: 'b' }),
		{ map: 'a', score: 'b' },
	],
];

for (const [title, bytes, asked] of works) {
	foreign(`work ${title}`, async () => {
		const { map, score } = await scored(bytes, asked);
		const mean = (51 * 3 * PIXELS + 204) / 3 / PIXELS / 255;
		assert.ok(
			Math.abs(map[0]! - 0.2) < 1e-3 && Math.abs(map[100]! - 357 / 3 / 255) < 1e-3,
			`${map[0]}, ${map[100]}`,
		);
		assert.ok(Math.abs(score - 2 * mean) < 1e-3, `${score}, not ${2 * mean}`);
	});
}

foreign('work in grey, weighing the colours as grey pictures do', async () => {
	const { map } = await scored(meanOf([1, 1, HEIGHT, WIDTH], 1));
	assert.ok(Math.abs(map[0]! - 0.2) < 1e-6);
	assert.ok(Math.abs(map[100]! - (0.2 + 0.8 * 0.299)) < 1e-6, `${map[100]}`);
});

foreign('work on bytes as they are', async () => {
	for (const bytes of [
		meanOf([1, 3, HEIGHT, WIDTH], 1, { type: 'uint8' }),
		meanOf([1, HEIGHT, WIDTH, 3], 3, { type: 'uint8' }),
	]) {
		const { map } = await scored(bytes);
		assert.ok(Math.abs(map[0]! - 51) < 1e-4 && Math.abs(map[100]! - 119) < 1e-4);
	}
});

foreign('work where their size is free and given', async () => {
	const bytes = freed(meanOf([1, 3, 64, 64], 1), [0, 2, 3]);
	const grey = new Uint8Array(64 * 64 * 3).fill(51);
	const { score } = await scored(bytes, { size: 64 }, grey);
	assert.ok(Math.abs(score - 0.4) < 1e-4, `${score}`);
});

foreign('work when our adapted model comes back', async () => {
	const once = adaptOnnx(plain, adapterOf(plain));
	const again = await scored(once);
	assert.equal(again, await scored(plain));
});

foreign('have no score when any value of the map is no number or infinite, own score or not', async () => {
	// 1 / (x − x₀) is infinite, and 0 / 0 no number, at the pixel that is lit.
	const holed = (numerator: (g: Graph, x: Value) => Value, score: string | null) =>
		meanOf([1, 3, HEIGHT, WIDTH], 1, { map: 'unused', score }, (g, map) => {
			const gap = g.sub(g.apply('Max', [map, g.scalar(0.4)], {}), g.scalar(0.4));
			g.output(g.div(numerator(g, gap), gap), 'anomaly_map');
		});
	const one = (g: Graph, x: Value) => g.add(g.mul(x, g.scalar(0)), g.scalar(1));
	const light = picture.map(() => 255);
	for (const score of ['pred_score', null]) {
		for (const numerator of [one, (_: Graph, x: Value) => x]) {
			const bytes = holed(numerator, score);
			assert.ok(Number.isFinite((await scored(bytes, {}, light)).score));
			for (const dark of [0, 1, 700, PIXELS - 1]) {
				const input = light.map((v, i) => (Math.floor(i / 3) === dark ? 0 : v));
				const { map, score: found } = await scored(bytes, {}, input);
				assert.is(Number.isFinite(map[dark]!), false);
				assert.ok(Number.isNaN(found), `${found}`);
			}
		}
	}
});

const refused: readonly (readonly [
	title: string,
	bytes: Uint8Array,
	asked: Partial<Asked>,
	message: RegExp,
])[] = [
	[
		'several pictures at once',
		meanOf([4, 3, HEIGHT, WIDTH], 1),
		{},
		/it takes 4 pictures at once, "input" \[4, 3, 32, 48\]/,
	],
	['four channels', meanOf([1, 4, HEIGHT, WIDTH], 1), {}, /it takes "input" \[1, 4, 32, 48\]/],
	['five axes', meanOf([1, 1, 3, HEIGHT, WIDTH], 2), {}, /it takes "input" \[1, 1, 3, 32, 48\]/],
	[
		'integers',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { type: 'int64' }),
		{},
		/it takes "input" \[1, 3, 32, 48\] of int64/,
	],
	['a picture of a few pixels', meanOf([1, 3, 28, 28], 1), {}, /28 × 28 pixels, the smallest is 32/],
	['a free size that nobody gives', freed(plain, [0, 2, 3]), {}, /the size of its input is free/],
	['another size than it has', plain, { size: 64 }, /its input is 48 × 32 pixels .* not 64/],
	[
		'two inputs',
		(() => {
			const g = new Graph();
			const x = g.input('x', 'float32', [1, 3, 64, 64]);
			g.output(g.mul(g.mean(x, [1]), g.input('mask', 'float32', [1, 1, 64, 64])), 'map');
			return encodeOnnx(g, 'two');
		})(),
		{},
		/it takes 2 inputs, "x" \[1, 3, 64, 64\], "mask" \[1, 1, 64, 64\]/,
	],
	['a map of another size', meanOf([1, 3, HEIGHT, WIDTH], 2), {}, /its map is \[1, 3, 1, 48\]/],
	[
		'a map that is turned',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { map: 'm' }, (g, map) =>
			g.output(g.transpose(map, [0, 1, 3, 2]), 'map'),
		),
		{},
		/its map is \[1, 1, 48, 32\]/,
	],
	[
		'a mask by name',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { map: 'm' }, (g, map) =>
			g.output(g.apply('Greater', [map, g.scalar(0)], {}), 'pred_mask'),
		),
		{},
		/none of its outputs is known as a map: .*"pred_mask" \[1, 1, 32, 48\] of bool/,
	],
	[
		'a mask that was asked for',
		meanOf([1, 3, HEIGHT, WIDTH], 1, {}, (g, map) =>
			g.output(g.apply('Greater', [map, g.scalar(0)], {}), 'pred_mask'),
		),
		{ map: 'pred_mask' },
		/"pred_mask" \[1, 1, 32, 48\] of bool is no map/,
	],
	['an output that is not there', plain, { map: 'heat' }, /it has no output "heat"/],
	[
		'a score a class',
		meanOf([1, 3, HEIGHT, WIDTH], 1, { score: 's' }, (g, map) =>
			g.output(
				g.reshape(g.apply('Slice', [map], { starts: [0], ends: [5], axes: [3], steps: [1] }), [
					1,
					5 * HEIGHT,
				]),
				'pred_score',
			),
		),
		{},
		/its score "pred_score" \[1, 160\] is not one number/,
	],
	[
		'a newer opset',
		edited(plain, (m) => {
			m.opsetImport[0]!.version = 99n;
		}),
		{},
		/opset 99 and IR 8, and this inspectord reads up to opset 26 and IR 13/,
	],
	[
		'a newer format',
		edited(plain, (m) => {
			m.irVersion = 99n;
		}),
		{},
		/opset 17 and IR 99/,
	],
	[
		'an opset of long ago',
		edited(plain, (m) => {
			m.opsetImport[0]!.version = 6n;
		}),
		{},
		/opset 6, and this inspectord reads opsets from 7/,
	],
	[
		'operators of other makers',
		edited(plain, (m) => {
			m.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'mmcv', version: 1n }));
			Object.assign(m.graph!.node[0]!, { domain: 'mmcv', opType: 'DeformConv' });
		}),
		{},
		/operators that are not ONNX's own: mmcv:DeformConv/,
	],
	[
		'no tensor',
		edited(plain, ({ graph }) => {
			graph!.input[0]!.type!.value = { case: undefined };
		}),
		{},
		/it takes "input" of any shape of unknown/,
	],
];

for (const [title, bytes, asked, message] of refused) {
	foreign(`are refused with ${title}, saying what was found and what to give`, () => {
		let failure: unknown;
		try {
			adapterOf(bytes, asked);
		} catch (thrown) {
			failure = thrown;
		}
		assert.instance(failure, Failure);
		const { message: said, advice } = failure as Failure;
		assert.match(said, message);
		assert.match(said, /^Cannot import model "m.onnx": /);
		assert.ok(advice, 'advice');
	});
}

foreign('are read up to what ONNX Runtime reads', async () => {
	// Operators that every opset writes alike.
	const graph = new Graph();
	graph.output(graph.add(graph.input('x', 'float32', [1]), graph.scalar(1)), 'y');
	const opens = async (ir: number, opset: number) => {
		const bytes = edited(encodeOnnx(graph, 'y'), (m) => {
			m.irVersion = BigInt(ir);
			m.opsetImport[0]!.version = BigInt(opset);
		});
		return openSession(bytes, { threads: 1 }).then(
			(session) => session.close().then(() => ''),
			({ message }: Failure) => message,
		);
	};
	assert.is(await opens(NEWEST.ir, NEWEST.opset), '');
	assert.match(
		await opens(NEWEST.ir + 1, NEWEST.opset),
		/: it is written in IR 14, ONNX Runtime reads up to IR 13$/,
	);
	assert.match(
		await opens(NEWEST.ir, NEWEST.opset + 1),
		/: it is written in opset 27, ONNX Runtime reads up to opset 26$/,
	);
});

foreign.run();
