import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32, zeros } from '../../src/graph/tensor.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';

const sessions = suite('a session');

function doubling(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [3]);
	graph.output(graph.add(x, x), 'y');
	return encodeOnnx(graph, 'doubling');
}

sessions('runs a graph, into memory that it is given where it is given some', async () => {
	const session = await openSession(doubling(), { threads: 1 });
	const x = float32([3], [1, 2, 3]);
	assert.equal([...(await session.run({ x })).y!.data], [2, 4, 6]);
	const y = zeros([3]);
	const results = await session.run({ x }, { y });
	assert.equal([...y.data], [2, 4, 6]);
	assert.is(results.y!.data, y.data);
	await session.close();
});

sessions('leaves nothing behind of a run into memory that it is given', async () => {
	const graph = new Graph();
	const count = 5_000_000;
	graph.output(graph.add(graph.input('x', 'float32', [count]), graph.scalar(1)), 'y');
	const session = await openSession(encodeOnnx(graph, 'large'), { threads: 1 });
	const [x, y] = [zeros([count]), zeros([count])];
	const before = process.memoryUsage().arrayBuffers;
	for (let i = 0; i < 5; i += 1) await session.run({ x }, { y });
	assert.ok(process.memoryUsage().arrayBuffers - before < 4 * count);
	assert.is(y.data.at(-1), 1);
	await session.close();
});

sessions('refuses bytes that are no model, and a path without one', async () => {
	for (const model of [Uint8Array.of(1, 2, 3), '/nowhere/model.onnx']) {
		const failure = await failureOf(openSession(model));
		assert.is(failure.code, 'model-failed');
	}
});

sessions('refuses inputs of another shape, and says so', async () => {
	const session = await openSession(doubling(), { threads: 1 });
	const failure = await failureOf(session.run({ x: float32([2], [1, 2]) }));
	assert.match(failure.message, /Cannot run the model/);
	await session.close();
});

sessions('never takes the CPU for a provider that is not there', async () => {
	const failure = await failureOf(openSession(doubling(), { provider: 'tensorrt' }));
	assert.match(failure.message, /provider "tensorrt"/);
});

sessions.run();
