import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';

/** `x` [3] → `y`, twice as much. */
export function doubling(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [3]);
	graph.output(graph.add(x, x), 'y');
	return encodeOnnx(graph, 'doubling');
}

const PROGRAM = `
const [, runtime, model] = process.argv;
const { InferenceSession, Tensor } = require(runtime);
const settings = { executionProviders: ['webgpu'], logSeverityLevel: 4 };
InferenceSession.create(Buffer.from(model, 'base64'), settings)
	.then((session) => session.run({ x: new Tensor('float32', [1, 2, 3], [3]) }))
	.then(({ y }) => console.log([...y.data].join()));
`;

/**
 * A process of its own that doubles 1, 2, 3 by webgpu and ends without closing anything: what a driver does to it, it does to it alone.
 * `env`: more of its environment.
 */
export function doubledByWebgpu(env: NodeJS.ProcessEnv = {}): {
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
} {
	const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
	const args = ['-e', PROGRAM, '--', runtime, Buffer.from(doubling()).toString('base64')];
	const { status, stdout, stderr } = spawnSync(process.execPath, args, {
		env: { ...process.env, ...env },
		encoding: 'utf8',
		timeout: 60_000,
	});
	return { code: status, out: stdout.trim(), err: stderr };
}

let known: string | null | undefined;

/** Why there is no webgpu here; undefined when there is. Mesa 25 in software will do (Debian 12: mesa-vulkan-drivers of bookworm-backports). */
export function noWebgpu(): string | undefined {
	if (known === undefined) {
		const { code, out } = doubledByWebgpu();
		known = code === 0 && out === '2,4,6' ? null : 'ONNX Runtime computes nothing by webgpu here';
	}
	return known ?? undefined;
}
