import { statSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { PROVIDERS } from '../../src/base/provider.js';
import { epContext } from '../../src/graph/ep-context.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32, zeros } from '../../src/graph/tensor.js';
import { providersIn } from '../../src/ort/record.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { doubling } from './doubling.js';

const sessions = suite('a session');

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

sessions('tells nobody of it, and leaves no log of that', async () => {
	const session = await openSession(doubling(), { threads: 1 });
	await session.close();
	const startedMs = Date.now() - process.uptime() * 1000;
	const log = statSync(`/tmp/mat-debug-${process.pid}.log`, { throwIfNoEntry: false });
	assert.ok(log === undefined || log.mtimeMs < startedMs, 'one of an earlier process may lie there');
	assert.is(process.env.ORT_DISABLE_TELEMETRY, '1');
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

sessions('without TensorRT never opens its engine, on whatever it is to run', async () => {
	await using folder = await temporaryFolder();
	const files = { wrapper: join(folder.path, 'model.onnx'), engine: join(folder.path, 'model.engine') };
	await writeFile(files.wrapper, epContext(doubling(), 'model.engine'));
	await writeFile(files.engine, 'an engine');
	for (const provider of PROVIDERS) {
		const failure = await failureOf(openSession(files, { provider, threads: 1 }));
		assert.is(failure.code, 'model-failed', provider);
		assert.match(failure.message, `Cannot open model "${files.engine}" with provider "${provider}": `);
	}
});

sessions(
	'tells the hashes of an engine and of the model around it, unless they change while it is opened',
	async () => {
		await using folder = await temporaryFolder();
		// A model of the processor stands in for the one that names an engine, which nothing here opens.
		const files = { wrapper: join(folder.path, 'model.onnx'), engine: join(folder.path, 'model.engine') };
		await writeFile(files.wrapper, doubling());
		await writeFile(files.engine, 'an engine');
		const session = await openSession(files, { threads: 1 });
		assert.is(session.sha256, sha256Of('an engine'));
		assert.is(session.wrapper, sha256Of(doubling()));
		await session.close();
		let changing = true;
		const changes = (async () => {
			while (changing) await appendFile(files.engine, '!');
		})();
		const failure = await failureOf(openSession(files, { threads: 1 }));
		changing = false;
		await changes;
		assert.is(failure.code, 'engine-invalid');
		assert.match(failure.message, /model.engine": it was changed while it was opened/);
	},
);

const profiles: readonly (readonly [
	title: string,
	events: readonly unknown[],
	providers: readonly string[],
])[] = [
	['names each provider once', ['CPUExecutionProvider', 'CPUExecutionProvider'], ['cpu']],
	[
		'is of all providers',
		['TensorrtExecutionProvider', 'CUDAExecutionProvider', 'WebGpuExecutionProvider', 'CPUExecutionProvider'],
		['cpu', 'cuda', 'tensorrt', 'webgpu'],
	],
	['keeps the name of a provider that we do not know', ['DmlExecutionProvider'], ['DmlExecutionProvider']],
	[
		'does not pass over a node without a provider',
		['CUDAExecutionProvider', undefined, ''],
		['cuda', 'unnamed'],
	],
	['is of nobody where nothing ran', [], []],
];

for (const [title, events, providers] of profiles)
	sessions(`has a record that ${title}`, () => {
		const profile = [
			{ cat: 'Session', name: 'model_run', args: {} },
			...events.map((provider) => ({ cat: 'Node', name: 'x_kernel_time', args: { provider } })),
			{ cat: 'Api', name: 'y', args: { shapes: '' } },
		];
		assert.equal(providersIn(JSON.stringify(profile)), providers);
	});

sessions('on another device runs every node there, by the record', async () => {
	let session: Awaited<ReturnType<typeof openSession>>;
	try {
		session = await openSession(doubling(), { provider: 'webgpu', recorded: true });
	} catch (failure) {
		return console.log(`skipped: ${(failure as Error).message}`);
	}
	assert.equal([...(await session.run({ x: float32([3], [1, 2, 3]) })).y!.data], [2, 4, 6]);
	assert.equal(await session.ranOn(), ['webgpu']);
	await session.close();
});

sessions.run();
