import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROVIDERS } from '../../src/base/provider.js';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Value } from '../../src/graph/ops.js';
import { lacking, without } from '../../src/graph/plain.js';
import { float32, type Tensor } from '../../src/graph/tensor.js';
import { paperAdam } from '../../src/model/adam.js';
import { architectures } from '../../src/model/architecture.js';
import { stepProgram } from '../../src/model/step.js';
import { openSession } from '../../src/ort/session.js';

const plain = suite('graphs in plain operators');

/** Every way in which our graphs use ONNX Runtime's own operators. */
function fused(): { graph: Graph; feeds: Record<string, Tensor> } {
	const graph = new Graph();
	const random = randomFrom(5);
	const feeds: Record<string, Tensor> = {};
	const input = (name: string, shape: readonly number[]): Value => {
		const count = shape.reduce((a, b) => a * b, 1);
		feeds[name] = float32(
			shape,
			Float32Array.from({ length: count }, () => random.normal()),
		);
		return graph.input(name, 'float32', shape);
	};
	for (const transA of [false, true]) {
		for (const transB of [false, true]) {
			const tag = `${Number(transA)}${Number(transB)}`;
			const a = input(`a${tag}`, transA ? [2, 4, 3] : [2, 3, 4]);
			const b = input(`b${tag}`, transB ? [5, 4] : [4, 5]);
			graph.output(graph.apply('FusedMatMul', [a, b], { transA, transB }), `product${tag}`);
		}
	}
	const [x, w, bias] = [input('x', [1, 4, 5, 5]), input('w', [4, 1, 1, 1]), input('bias', [4])];
	const more = input('more', [1, 4, 5, 5]);
	const window = { strides: [1, 1], pads: [0, 0, 0, 0], group: 4 } as const;
	graph.output(graph.apply('FusedConv', [x, w, bias], { ...window, activation: 'Relu' }), 'relu');
	graph.output(graph.apply('FusedConv', [x, w, bias, more], { ...window, activation: 'Relu' }), 'sumAndRelu');
	graph.output(graph.apply('FusedConv', [x, w, bias, more], { ...window, activation: '' }), 'sum');
	return { graph, feeds };
}

plain('compute the same', async () => {
	const { graph, feeds } = fused();
	const results = [];
	for (const of of [graph, without(graph, ['FusedMatMul', 'FusedConv'])]) {
		const session = await openSession(encodeOnnx(of, 'test'), { threads: 1 });
		results.push(await session.run(feeds));
		await session.close();
	}
	const [fusedOnes, plainOnes] = results as [(typeof results)[0], (typeof results)[0]];
	assert.equal(Object.keys(plainOnes!).sort(), Object.keys(fusedOnes!).sort());
	for (const [name, { data, shape }] of Object.entries(fusedOnes!)) {
		const other = plainOnes![name]!;
		assert.equal(other.shape, shape);
		assert.ok(
			(data as Float32Array).every((v, i) => Math.abs(v - (other.data[i] as number)) < 1e-5),
			name,
		);
	}
});

for (const provider of PROVIDERS) {
	plain(`of a training step have nothing that ${provider} lacks, and what goes in and out as it was`, () => {
		const { graph } = stepProgram(architectures.pocket, paperAdam, 2, 64, 1);
		const other = without(graph, lacking[provider]);
		const left = other.nodes.filter(({ op }) => lacking[provider].some((lacks) => lacks === op));
		assert.equal(left, []);
		assert.equal(other.inputs, graph.inputs);
		const told = ({ outputs }: Graph) =>
			outputs.map(({ name, value: { dtype, shape } }) => ({ name, dtype, shape }));
		assert.equal(told(other), told(graph));
	});
}

plain.run();
