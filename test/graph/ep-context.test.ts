import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle } from '../../src/disk/bundle.js';
import { epContext } from '../../src/graph/ep-context.js';
import { describeOnnx, parseOnnx } from '../../src/graph/foreign.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const contexts = suite('the model of one node around an engine');

function sum(): Graph {
	const graph = new Graph();
	const image = graph.input('image', 'float32', [1, 3]);
	graph.output(graph.add(image, graph.constant(float32([1, 3], Float32Array.of(1, 2, 3)), 'w')), 'out');
	return graph;
}

contexts('takes and gives exactly what the model does, and holds no weights', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const model = await readFile(bundle.models.fp32!);
	const wrapper = epContext(model, 'model.engine');
	const [of, around] = [describeOnnx(model), describeOnnx(wrapper)];
	assert.equal(around.inputs, of.inputs);
	assert.equal(around.outputs, of.outputs);
	assert.is(around.ir, of.ir);
	assert.is(around.opset, of.opset);
	assert.equal(
		around.outputs.map(({ name }) => name),
		['map', 'score', 'mean'],
	);
	const { graph, opsetImport } = parseOnnx(wrapper);
	assert.is(graph.initializer.length, 0);
	assert.is(graph.node.length, 1);
	const [{ domain, opType, input, output, attribute }] = graph.node as [(typeof graph.node)[0]];
	assert.equal(
		[domain, opType, input, output],
		['com.microsoft', 'EPContext', ['image'], ['map', 'score', 'mean']],
	);
	assert.equal(
		Object.fromEntries(attribute.map((a) => [a.name, a.s.length > 0 ? Buffer.from(a.s).toString() : a.i])),
		{
			main_context: 1n,
			embed_mode: 0n,
			ep_cache_context: 'model.engine',
			source: 'TensorrtExecutionProvider',
		},
	);
	assert.equal(
		opsetImport.map((one) => [one.domain, one.version]),
		[
			['', 17n],
			['com.microsoft', 1n],
		],
	);
	assert.ok(wrapper.length < 1000, `${wrapper.length} bytes`);
});

contexts('is refused by a real session on the CPU, given by path or as bytes', async () => {
	await using folder = await temporaryFolder();
	const wrapper = epContext(encodeOnnx(sum(), 'sum'), 'model.engine');
	const path = join(folder.path, 'model.onnx');
	await writeFile(path, wrapper);
	await writeFile(join(folder.path, 'model.engine'), 'an engine');
	for (const model of [path, wrapper]) {
		const failure = await failureOf(openSession(model, { provider: 'cpu' }));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, /EPContext/);
	}
});

for (const name of [
	'../model.engine',
	'/model.engine',
	'a/b.engine',
	'..',
	'.',
	'',
	'a..b',
	'.engine',
	'a b',
]) {
	contexts(`never names an engine "${name}"`, () => {
		assert.throws(() => epContext(encodeOnnx(sum(), 'sum'), name), /is no plain file name/);
	});
}

contexts('is not made of what is no model, or of one whose sizes are free', () => {
	assert.throws(() => epContext(Uint8Array.of(1, 2, 3), 'model.engine'), /not an ONNX model/);
	const graph = new Graph();
	const free = graph.input('image', 'float32', [0, 3]);
	graph.output(graph.relu(free), 'out');
	assert.throws(() => epContext(encodeOnnx(graph, 'free'), 'model.engine'), /the size of "image" is free/);
});

contexts.run();
