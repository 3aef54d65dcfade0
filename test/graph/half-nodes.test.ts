import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { Graph } from '../../src/graph/graph.js';
import { float16 } from '../../src/graph/half.js';
import { halfNodes } from '../../src/graph/half-nodes.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { inferenceProgram } from '../../src/model/inference.js';
import { inFloat16, inFloat32 } from '../../src/model/precision.js';

const nodes = suite('the nodes that a model computes in float16');

nodes('are those behind a cast to it, up to the cast back', () => {
	const graph = new Graph();
	const image = graph.input('image', 'float32', [1, 2]);
	const w = graph.constant(float16([1, 2], Float32Array.of(1, 2)), 'w');
	const before = graph.relu(image);
	const half = graph.apply('Cast', [before], { to: 'float16' });
	const sum = graph.add(half, w);
	const relu = graph.relu(sum);
	const back = graph.apply('Cast', [relu], { to: 'float32' });
	const after = graph.mul(back, graph.constant(float32([1, 2], Float32Array.of(1, 2)), 'v'));
	graph.output(after, 'out');
	assert.equal(halfNodes(encodeOnnx(graph, 'g')), [half.name, sum.name, relu.name]);
});

nodes('are only convolutions and what lies between them in a model of ours, and none of its score', () => {
	const pair = untrainedPair('pocket', 64);
	assert.equal(halfNodes(encodeOnnx(inferenceProgram(pair, undefined, inFloat32), 'fp32')), []);
	const program = inferenceProgram(pair, undefined, inFloat16);
	const half = new Set(halfNodes(encodeOnnx(program, 'fp16')));
	const told = program.nodes.map(({ op, output }) => ({
		op,
		half: output.dtype === 'float16',
		name: output.name,
	}));
	assert.equal(
		[...half].sort(),
		told
			.filter((one) => one.half)
			.map((one) => one.name)
			.sort(),
	);
	for (const { op, name } of told) {
		if (['ReduceSum', 'ReduceMean', 'ReduceMax', 'Sqrt', 'Div', 'MatMul'].includes(op))
			assert.not.ok(half.has(name), name);
		if (op === 'Conv' || op === 'ConvTranspose') assert.ok(half.has(name), name);
	}
	assert.ok(half.size > 20);
});

nodes.run();
