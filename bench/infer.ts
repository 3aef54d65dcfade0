// What a picture costs in fp32 and int8, beside PyTorch's eager pipeline where /usr/bin/python3 has it, and the share of the machine's
// peak that fp32 reaches: the peak is what one large convolution with packed kernels does. All take turns in one run.
import { Graph } from '../src/graph/graph.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import type { Session } from '../src/graph/session.js';
import { elementCount, float32, type Tensor } from '../src/graph/tensor.js';
import { rangesFor } from '../src/learn/precisions.js';
import { inferenceProgram } from '../src/model/inference.js';
import { inInt8 } from '../src/model/int8.js';
import { openSession } from '../src/ort/session.js';
import { drawPart } from '../src/sim/line.js';
import { startPeer } from './peer.js';
import { type Contestant, inTurn } from './turns.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const ROUNDS = 40;
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

const fp32 = inferenceProgram(untrainedPair('resnet18', SIZE));
const large = largeConvolution();
await using peer = await startPeer('infer_peer.py');
const all: Readonly<Record<string, Contestant>> = {
	fp32: await ours('ResNet18, fp32', fp32, { image }),
	int8: await ours('ResNet18, int8', await int8Model('resnet18'), { image }),
	pocket: await ours('pocket, fp32', inferenceProgram(untrainedPair('pocket', SIZE)), { image }),
	pocketInt8: await ours('pocket, int8', await int8Model('pocket'), { image }),
	peak: await ours('one large convolution', large, {
		x: float32([1, 256, 64, 64], new Float32Array(256 * 64 * 64).fill(0.5)),
	}),
	...(peer && {
		published: { label: 'PyTorch, ResNet18, as published', run: () => peer.measure('published') },
		needed: { label: '… without its unread stage 4', run: () => peer.measure('needed') },
	}),
};

console.log(`A picture of ${SIZE} pixels with map and score, ${threads} threads`);
const median = await inTurn(all, { rounds: ROUNDS, warmUp: WARM_UP });
const gigaflops = (graph: Graph, ms: number) => operations(graph) / ms / 1e6;
const peak = gigaflops(large, median('peak'));
console.log(`fp32 does ${gigaflops(fp32, median('fp32')).toFixed(0)} of ${peak.toFixed(0)} GFLOP/s`);
console.log(
	JSON.stringify({
		ratio: peer ? median('fp32') / median('published') : null,
		ratioWithoutStage4: peer ? median('fp32') / median('needed') : null,
		int8Ratio: median('int8') / median('fp32'),
		pocketInt8Ratio: median('pocketInt8') / median('pocket'),
		pocketRatio: median('pocket') / median('fp32'),
		fractionOfPeak: gigaflops(fp32, median('fp32')) / peak,
	}),
);
