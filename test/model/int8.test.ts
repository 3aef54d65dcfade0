import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { randomFrom } from '../../src/base/random.js';
import { readBundle, writeBundle } from '../../src/disk/bundle.js';
import type { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { rangesFor } from '../../src/learn/precisions.js';
import type { Backbone } from '../../src/model/architecture.js';
import type { GoldenVector } from '../../src/model/bundle.js';
import { inferenceProgram, scoreWith } from '../../src/model/inference.js';
import { inInt8 } from '../../src/model/int8.js';
import type { Manifest } from '../../src/model/manifest.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';
import { multipliesExactly, noOtherProcessor, openedThere } from '../other-processor.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const int8 = suite('int8 on every processor');

const SIDE = 64;
const MOST_IN_INT16 = 32767;
const images = [1, 2].map((i) => drawPart(1, i, undefined, SIDE).image.data);

async function int8Program(backbone: Backbone): Promise<Graph> {
	const pair = untrainedPair(backbone, SIDE);
	const pictures = { count: images.length, input: async (i: number) => images[i]! };
	const world = { openSession, signal: new AbortController().signal };
	return inferenceProgram(pair, undefined, inInt8(await rangesFor(pair, pictures, 1, world)));
}

type Integers = {
	readonly data: Int8Array | Int32Array;
	readonly shape: readonly number[];
	readonly scale: string;
};

/** The kernels in int8 and biases in int32 of a graph, and the names of their scales. */
function integersOf({ nodes, constants }: Graph): Integers[] {
	return nodes.flatMap(({ op, inputs: [x, scale] }) => {
		const constant = constants.get(x!.name);
		if (op !== 'DequantizeLinear' || !constant) return [];
		return [{ data: constant.data as Int8Array, shape: constant.shape, scale: scale!.name }];
	});
}

function kernelsOf(graph: Graph): { kernel: Int8Array; channels: number }[] {
	return integersOf(graph).flatMap(({ data, shape }) =>
		data instanceof Int8Array ? [{ kernel: data, channels: shape[0]! }] : [],
	);
}

/** Kernels as they were written before: 8 bits. */
function widened(graph: Graph): Graph {
	for (const { data, scale } of integersOf(graph)) {
		const most = data instanceof Int8Array ? 127 : 2 ** 31 - 1;
		data.forEach((v, i) => {
			data[i] = Math.max(-most, Math.min(most, 2 * v));
		});
		const { shape, data: scales } = graph.constants.get(scale)!;
		graph.constants.set(
			scale,
			float32(
				shape,
				Float32Array.from(scales as Float32Array, (v) => v / 2),
			),
		);
	}
	return graph;
}

/** One output as AVX2 computes it: products of u8 and s8 in pairs, each pair saturated to int16 (VPMADDUBSW), then int32. */
function inPairs(activations: Uint8Array, kernel: Int8Array): number {
	let sum = 0;
	for (let i = 0; i < kernel.length; i += 2) {
		const pair = activations[i]! * kernel[i]! + (activations[i + 1] ?? 0) * (kernel[i + 1] ?? 0);
		sum += Math.max(-MOST_IN_INT16 - 1, Math.min(MOST_IN_INT16, pair));
	}
	return sum;
}

const exactly = (activations: Uint8Array, kernel: Int8Array) =>
	kernel.reduce((sum, w, i) => sum + w * activations[i]!, 0);

/** The worst activations of a kernel, and some of chance. */
function activationsFor(kernel: Int8Array): Uint8Array[] {
	const random = randomFrom(kernel.length);
	return [
		Uint8Array.from(kernel, (w) => (w > 0 ? 255 : 0)),
		Uint8Array.from(kernel, (w) => (w < 0 ? 255 : 0)),
		Uint8Array.from(kernel, () => Math.floor(256 * random.uniform())),
	];
}

int8('sums no pair of products beyond 16 bits, whatever the activations and the order', async () => {
	for (const backbone of ['pocket', 'resnet18'] as const) {
		const kernels = kernelsOf(await int8Program(backbone));
		assert.ok(kernels.length >= 10, `${kernels.length}`);
		for (const { kernel, channels } of kernels) {
			const each = kernel.length / channels;
			for (let o = 0; o < channels; o += 1) {
				const sizes = kernel
					.subarray(o * each, (o + 1) * each)
					.map((w) => Math.abs(w))
					.sort()
					.reverse();
				assert.ok(
					255 * (sizes[0]! + (sizes[1] ?? 0)) <= MOST_IN_INT16,
					`${backbone}: ${sizes[0]}, ${sizes[1]}`,
				);
			}
		}
	}
});

int8('multiplies in saturating pairs as exactly as in 32 bits; 8 bits would not', async () => {
	const graph = await int8Program('pocket');
	const wrong = () =>
		kernelsOf(graph).filter(({ kernel, channels }) => {
			const first = kernel.subarray(0, kernel.length / channels);
			return activationsFor(first).some((a) => inPairs(a, first) !== exactly(a, first));
		}).length;
	assert.is(wrong(), 0);
	widened(graph);
	assert.ok(wrong() > 5, `${wrong()}`);
});

int8('holds its golden vectors on a processor without VNNI; what does not is refused there', async () => {
	const reason = noOtherProcessor();
	if (reason) return console.log(`skipped: ${reason}`);
	await using folder = await temporaryFolder();
	const tiny = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const { files: _, ...manifest } = tiny.manifest;
	const finding = { measure: 'verdict flips', value: 0, limit: 0.02, ok: true } as const;
	const written = async (name: string, graph: Graph): Promise<string> => {
		const model = encodeOnnx(graph, name);
		const session = await openSession(model, { threads: 1 });
		const golden: GoldenVector[] = [];
		for (const image of images) {
			const { map, score } = await scoreWith(session, image, { width: SIDE, height: SIDE });
			golden.push({ image, expected: { int8: { score, map: { 99: map[99]! } } } });
		}
		await session.close();
		const dir = join(folder.path, name);
		const precision: Manifest['precision'] = { runs: 'int8', gates: { int8: [finding] } };
		await writeBundle(dir, { manifest: { ...manifest, precision }, models: { int8: model }, golden });
		await (await openScorer(await readBundle(dir), openSession, { threads: 1 })).close();
		return dir;
	};
	const graph = await int8Program('pocket');
	assert.is(await openedThere(await written('seven', graph)), 'opened');
	if (!multipliesExactly()) return console.log('skipped: this processor has no VNNI either');
	assert.is(await openedThere(await written('eight', widened(graph))), 'bundle-golden');
});

int8.run();
