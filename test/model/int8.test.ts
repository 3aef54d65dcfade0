import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { randomFrom } from '../../src/base/random.js';
import { readBundle, writeBundle } from '../../src/disk/bundle.js';
import type { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { rangesFor } from '../../src/learn/precisions.js';
import type { Backbone } from '../../src/model/architecture.js';
import type { GoldenVector } from '../../src/model/bundle.js';
import { inferenceProgram } from '../../src/model/inference.js';
import { inInt8 } from '../../src/model/int8.js';
import type { Manifest } from '../../src/model/manifest.js';
import { productProbe } from '../../src/model/product-probe.js';
import { scoreWith } from '../../src/model/scored.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';
import { noOtherProcessor, openedThere } from '../other-processor.js';
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

/** The kernels in int8 of a graph. */
function kernelsOf({ nodes, constants }: Graph): { kernel: Int8Array; channels: number }[] {
	return nodes.flatMap(({ op, inputs: [x] }) => {
		const constant = constants.get(x!.name);
		const isKernel = op === 'DequantizeLinear' && constant?.data instanceof Int8Array;
		return isKernel ? [{ kernel: constant.data as Int8Array, channels: constant.shape[0]! }] : [];
	});
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

int8(
	'would be wrong where pairs of products saturate: the engine must be told to multiply exactly',
	async () => {
		const kernels = kernelsOf(await int8Program('pocket'));
		assert.ok(kernels.length >= 10, `${kernels.length}`);
		const wrong = kernels.filter(({ kernel, channels }) => {
			const first = kernel.subarray(0, kernel.length / channels);
			return activationsFor(first).some((a) => inPairs(a, first) !== exactly(a, first));
		});
		assert.ok(wrong.length > 5, `${wrong.length}`);
	},
);

int8(
	'holds its golden vectors on a processor without VNNI; an engine that saturates is refused there',
	async () => {
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
		const bundle = await written('eight', await int8Program('pocket'));
		assert.is(await openedThere(bundle, 'exact'), 'opened');
		assert.is(await openedThere(bundle, 'saturating'), 'bundle-golden');
	},
);

int8('knows what its probe must give, and what it gives where pairs saturate', () => {
	const { exact } = productProbe();
	assert.ok(exact([64]) && exact([63.5]) && exact([64.5]));
	const ones = new Uint8Array(64).fill(255);
	const kernel = new Int8Array(64).fill(127);
	// Activations are shifted by 128, which is taken off again.
	const steps = inPairs(ones, kernel) - 128 * kernel.reduce((a, b) => a + b, 0);
	assert.not.ok(exact([steps / 127 / 127]));
});

int8.run();
