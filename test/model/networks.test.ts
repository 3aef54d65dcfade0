import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Value } from '../../src/graph/ops.js';
import { elementCount, float32, type Shape, type Tensor } from '../../src/graph/tensor.js';
import { gradients } from '../../src/graph/vjp.js';
import { paperAdam } from '../../src/model/adam.js';
import { architectures, type Backbone } from '../../src/model/architecture.js';
import { inferenceProgram } from '../../src/model/inference.js';
import { type Features, student } from '../../src/model/networks.js';
import { stepProgram } from '../../src/model/step.js';
import { foldTeacher, seededTeacher, teacherUnits } from '../../src/model/teacher.js';
import { oneTile } from '../../src/model/tiling.js';
import { trainableUnits } from '../../src/model/training-units.js';
import { initialWeights, Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';

const networks = suite('networks');

const draw = (shape: Shape, seed: number, spread = 1) => {
	const random = randomFrom(seed);
	return float32(
		shape,
		Float32Array.from({ length: elementCount(shape) }, () => spread * random.normal()),
	);
};

/** Weights of the published networks with these teachers, counted by hand from the architecture: teacher, student. */
const sizes: Readonly<Record<Backbone, readonly [teacher: number, embedding: string]>> = {
	pocket: [700_000, '256'],
	resnet18: [2_781_280, '512'],
	resnet34: [8_170_304, '512'],
	resnet50: [8_543_296, '2048'],
	wide_resnet50_2: [24_862_528, '2048'],
};

for (const backbone of Object.keys(architectures) as Backbone[]) {
	networks(
		`${backbone} has features at strides 4, 8 and 16, which its student imitates in the same shapes`,
		() => {
			const arch = architectures[backbone];
			const graph = new Graph();
			const shapes = [16, 8, 4].map((side, i) => [2, arch.outer[i]!, side, side]);
			const inputs = shapes.map((shape, i) => graph.input(`t${i}`, 'float32', shape)) as unknown as Features;
			const { units, parameters } = trainableUnits(graph);
			const imitation = student(graph, units, arch, inputs);
			assert.equal(
				imitation.map(({ shape }) => [...shape]),
				shapes,
			);
			assert.is(new Set(parameters.map(({ name }) => name)).size, parameters.length);
			const embedding = parameters.find(({ name }) => name === 'bn.bn_layer.0.downsample.0.weight')!;
			assert.is(`${embedding.shape[0]}`, sizes[backbone][1]);
			assert.is(embedding.shape[1], 3 * arch.outer[2]);
			const weights = teacherUnits(arch).reduce((sum, { shape }) => sum + elementCount(shape) + shape[0]!, 0);
			assert.ok(Math.abs(weights / sizes[backbone][0] - 1) < 0.02, `${weights} weights`);
		},
	);
}

networks(
	'of a trained norm have the gradient that central differences find, with and without shortcut and ReLU',
	async () => {
		for (const [relu, shortcut] of [
			[true, true],
			[true, false],
			[false, false],
		] as const) {
			const graph = new Graph();
			const { units, parameters } = trainableUnits(graph);
			const x = graph.input('x', 'float32', [3, 2, 4, 4]);
			const plus = graph.input('plus', 'float32', [3, 4, 4, 4]);
			const y = units(x, {
				conv: 'c',
				norm: 'n',
				channels: 4,
				kernel: 3,
				stride: 1,
				relu,
				...(shortcut && { plus }),
			});
			const loss = graph.sum(graph.mul(graph.mul(y, y), graph.constant(draw(y.shape, 5))), [0, 1, 2, 3]);
			graph.output(loss, 'loss');
			const wrt: Value[] = [x, ...parameters.map(({ value }) => value), ...(shortcut ? [plus] : [])];
			gradients(graph, loss, wrt).forEach((d, i) => {
				graph.output(graph.mul(d, graph.scalar(1)), `d${i}`);
			});
			const feeds: Record<string, Tensor<'float32'>> = Object.fromEntries(
				graph.inputs.map(({ name, shape }, i) => [
					name,
					draw(shape, 11 + i, name === 'n.weight' ? 0.1 : 0.5),
				]),
			);
			const session = await openSession(encodeOnnx(graph, 'unit'), { threads: 1 });
			const results = await session.run(feeds);
			for (const [i, { name }] of wrt.entries()) {
				const { shape, data } = feeds[name]!;
				const gradient = results[`d${i}`]!.data as Float32Array;
				const largest = Math.max(...gradient.map(Math.abs));
				for (let at = 0; at < data.length; at += 1 + (data.length >> 4)) {
					const lossAt = async (step: number) => {
						const moved = data.slice();
						moved[at]! += step;
						return (await session.run({ ...feeds, [name]: float32(shape, moved) })).loss!.data[0] as number;
					};
					const slope = ((await lossAt(2e-3)) - (await lossAt(-2e-3))) / 4e-3;
					assert.ok(
						Math.abs(gradient[at]! - slope) < 0.03 * largest + 2e-3,
						`${name}[${at}]: ${gradient[at]}, not ${slope}`,
					);
				}
			}
			await session.close();
		}
	},
);

networks('of a teacher are the same whether its norms come folded or not', async () => {
	const arch = architectures.pocket;
	const folded = seededTeacher('pocket', 1);
	const loose = new Weights(folded.entries());
	for (const { unit, shape } of teacherUnits(arch)) {
		const channels = shape[0]!;
		const random = randomFrom(channels);
		const vector = (of: () => number) => float32([channels], Float32Array.from({ length: channels }, of));
		const [gamma, beta, mean, variance] = [
			() => 0.5 + random.uniform(),
			random.normal,
			random.normal,
			() => 0.5 + random.uniform(),
		].map(vector);
		loose.set(`${unit.norm}.weight`, gamma!);
		loose.set(`${unit.norm}.bias`, beta!);
		loose.set(`${unit.norm}.running_mean`, mean!);
		loose.set(`${unit.norm}.running_var`, variance!);
	}
	const name = 'layer2.0.conv1';
	const result = foldTeacher(loose, 'pocket');
	const [g, b, m, v] = ['weight', 'bias', 'running_mean', 'running_var'].map(
		(p) => loose.get(`layer2.0.bn1.${p}`).data[3]!,
	);
	const kernel = loose.get(`${name}.weight`);
	const row = elementCount(kernel.shape.slice(1));
	const factor = g! / Math.sqrt(v! + 1e-5);
	assert.ok(
		Math.abs(result.get(`${name}.weight`).data[3 * row + 7]! - kernel.data[3 * row + 7]! * factor) < 1e-6,
	);
	assert.ok(Math.abs(result.get(`${name}.bias`).data[3]! - (b! - m! * factor)) < 1e-6);
	assert.equal(foldTeacher(folded, 'pocket').names(), folded.names().length ? result.names() : []);
});

networks('are not built from the weights of another backbone', () => {
	assert.throws(
		() => foldTeacher(seededTeacher('pocket', 1), 'resnet18'),
		/its "conv1.weight" is \[32,3,7,7\], not the \[64,3,7,7\] of a resnet18/,
	);
	const partial = new Weights(
		[...seededTeacher('pocket', 1).entries()].filter(([name]) => name !== 'layer3.1.conv2.weight'),
	);
	assert.throws(() => foldTeacher(partial, 'pocket'), /no tensor "layer3.1.conv2.weight"/);
});

networks('from pixels to score take uint8 pictures and give a map and a score, its maximum', async () => {
	const { parameters, statistics } = stepProgram(architectures.pocket, paperAdam, 2, 64);
	const weights = initialWeights(parameters, 1);
	for (const { name, length } of statistics)
		weights.set(name, float32([length], new Float32Array(length).fill(name.endsWith('var') ? 1 : 0)));
	const session = await openSession(
		encodeOnnx(
			inferenceProgram({
				backbone: 'pocket',
				teacher: seededTeacher('pocket', 1),
				student: weights,
				tiling: oneTile(64),
			}),
			'm',
		),
		{ threads: 1 },
	);
	const random = randomFrom(1);
	const image = {
		dtype: 'uint8',
		shape: [1, 64, 64, 3],
		data: Uint8Array.from({ length: 64 * 64 * 3 }, () => random.below(256)),
	} as const;
	const { map, score } = await session.run({ image });
	assert.equal([[...map!.shape], [...score!.shape], score!.dtype], [[64, 64], [1], 'float32']);
	assert.is(score!.data[0], Math.max(...(map!.data as Float32Array)));
	await session.close();
});

networks.run();
