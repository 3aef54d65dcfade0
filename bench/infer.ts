// What a picture costs in fp32 and int8, and the share of the machine's peak that fp32 reaches: the peak is what one large convolution
// with packed kernels does. Beside it PyTorch's eager pipeline, OpenVINO on the same ONNX files, and anomalib's EfficientAD-S, as far as
// a Python has them: npm run bench:infer -- [--python PATH] [--rounds N], by default Debian's (python3-torch, -torchvision, -scipy); for all peers see
// bench/accuracy/accuracy.ts. All take turns in one run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Graph } from '../src/graph/graph.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import type { Session } from '../src/graph/session.js';
import { elementCount, float32, type Tensor } from '../src/graph/tensor.js';
import { rangesFor } from '../src/learn/precisions.js';
import { inferenceProgram } from '../src/model/inference.js';
import { inInt8 } from '../src/model/int8.js';
import { openSession } from '../src/ort/session.js';
import { drawPart } from '../src/sim/line.js';
import { machine } from './machine.js';
import { type Peer, PYTHON, startPeer } from './peer.js';
import { type Contestant, inTurn } from './turns.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const WARM_UP = 3;
const threads = 2;

const image: Tensor = {
	dtype: 'uint8',
	shape: [1, SIZE, SIZE, 3],
	data: drawPart(1, 1, undefined, SIZE).image.data,
};

/** Multiplications and additions of a graph's convolutions. */
function operations({ nodes }: Graph): number {
	return nodes.reduce((sum, { op, inputs, output }) => {
		if (op === 'Conv') return sum + 2 * elementCount(output.shape) * elementCount(inputs[1]!.shape.slice(1));
		if (op === 'ConvTranspose')
			return sum + 2 * elementCount(inputs[0]!.shape) * elementCount(inputs[1]!.shape.slice(1));
		return sum;
	}, 0);
}

/** 3 × 3, 256 to 256 channels: nothing but arithmetic. */
function largeConvolution(): Graph {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [1, 256, 64, 64]);
	const w = graph.constant(float32([256, 256, 3, 3], new Float32Array(256 * 256 * 9).fill(0.01)));
	const window = { strides: [1, 1], pads: [1, 1, 1, 1], group: 1 } as const;
	graph.output(graph.apply('Conv', [x, w], window), 'y');
	return graph;
}

async function int8Model(backbone: 'resnet18' | 'pocket'): Promise<Graph> {
	const pair = untrainedPair(backbone, SIZE);
	const pictures = { count: 1, input: async () => image.data as Uint8Array };
	const world = { openSession, signal: new AbortController().signal };
	return inferenceProgram(pair, undefined, inInt8(await rangesFor(pair, pictures, threads, world)));
}

async function ours(label: string, graph: Graph, feeds: Record<string, Tensor>): Promise<Contestant> {
	const session: Session = await openSession(encodeOnnx(graph, 'bench'), { threads });
	const run = async () => {
		const begun = performance.now();
		await session.run(feeds);
		return performance.now() - begun;
	};
	return { label, run };
}

const { values } = parseArgs({
	options: { python: { type: 'string', default: PYTHON }, rounds: { type: 'string', default: '40' } },
});
const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-'));
const fp32 = inferenceProgram(untrainedPair('resnet18', SIZE));
const graphs = {
	fp32: { label: 'ResNet18, fp32', graph: fp32 },
	int8: { label: 'ResNet18, int8', graph: await int8Model('resnet18') },
	pocket: { label: 'pocket, fp32', graph: inferenceProgram(untrainedPair('pocket', SIZE)) },
	pocketInt8: { label: 'pocket, int8', graph: await int8Model('pocket') },
};
const files: string[] = [];
for (const [name, { graph }] of Object.entries(graphs)) {
	files.push(`${name}=${join(folder, name)}.onnx`);
	await writeFile(`${join(folder, name)}.onnx`, encodeOnnx(graph, 'bench'));
}
const large = largeConvolution();
await using pytorch = await startPeer('infer_peer.py', [], values.python);
await using openvino = await startPeer('infer_openvino.py', [`${threads}`, ...files], values.python);
await using efficientAd = await startPeer('infer_efficientad.py', [`${threads}`], values.python);
await rm(folder, { recursive: true });

/** A peer's contestants, by the line that it is asked with; none where it is not there. */
function peers(peer: Peer | undefined, of: Readonly<Record<string, readonly [line: string, label: string]>>) {
	if (!peer) return {};
	return Object.fromEntries(
		Object.entries(of).map(([name, [line, label]]) => [name, { label, run: () => peer.measure(line) }]),
	);
}

const all: Record<string, Contestant> = {
	peak: await ours('one large convolution', large, {
		x: float32([1, 256, 64, 64], new Float32Array(256 * 64 * 64).fill(0.5)),
	}),
	...peers(pytorch, {
		published: ['published', 'PyTorch, ResNet18, as published'],
		needed: ['needed', '… without its unread stage 4'],
	}),
	...peers(efficientAd, {
		efficientAd: ['torch', 'EfficientAD-S, PyTorch'],
		efficientAdOpenVino: ['openvino', 'EfficientAD-S, OpenVINO'],
	}),
};
for (const [name, { label, graph }] of Object.entries(graphs)) {
	all[name] = await ours(label, graph, { image });
	const asked = { [`${name}OpenVino`]: [name, `${label}, OpenVINO`] } as const;
	const free = { [`${name}OpenVinoFree`]: [`${name} free`, '… as it rounds by itself'] } as const;
	Object.assign(all, peers(openvino, asked), peers(openvino, free));
}

const versions = {
	PyTorch: pytorch?.version,
	OpenVINO: openvino?.version,
	EfficientAD: efficientAd?.version,
};
const told = Object.entries(versions).map(([peer, version]) => `${peer} ${version ?? '–'}`);
console.log(`${await machine()}; ${told.join(', ')}`);
console.log(`A picture of ${SIZE} pixels with map and score, ${threads} threads`);
const { median, ratio } = await inTurn(all, { rounds: Number(values.rounds), warmUp: WARM_UP });
const gigaflops = (graph: Graph, ms: number) => operations(graph) / ms / 1e6;
const peak = gigaflops(large, median('peak'));
console.log(`fp32 does ${gigaflops(fp32, median('fp32')).toFixed(0)} of ${peak.toFixed(0)} GFLOP/s`);
/** Ours to a peer's, or to another of ours. */
const RATIOS: readonly (readonly [name: string, of: string])[] = [
	['fp32', 'published'],
	['fp32', 'needed'],
	['int8', 'fp32'],
	['pocket', 'fp32'],
	['pocketInt8', 'pocket'],
	...Object.keys(graphs).flatMap((name) => [
		[name, `${name}OpenVino`] as const,
		[name, `${name}OpenVinoFree`] as const,
	]),
	...Object.keys(graphs).map((name) => [name, 'efficientAd'] as const),
	...Object.keys(graphs).map((name) => [name, 'efficientAdOpenVino'] as const),
];
const ratios: Record<string, number> = {};
for (const [name, of] of RATIOS) {
	if (!all[of]) continue;
	const { median, low, high } = ratio(name, of);
	console.log(
		`${`${name} of ${of}`.padEnd(34)} ${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
	);
	ratios[`${name}/${of}`] = median;
}
console.log(JSON.stringify({ ratios, fractionOfPeak: gigaflops(fp32, median('fp32')) / peak }));
