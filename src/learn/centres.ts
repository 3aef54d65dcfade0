import { setImmediate as breathe } from 'node:timers/promises';
import { permutation, randomFrom } from '../base/random.js';
import type { Graph } from '../graph/graph.js';
import { encodeOnnx } from '../graph/onnx.js';
import { float32 } from '../graph/tensor.js';
import {
	centresProgram,
	type Gaussian,
	gaussianOf,
	halfSquares,
	reduced,
	whiteningProgram,
} from '../model/gaussian.js';
import type { TeachWorld } from './lesson.js';
import type { Seen } from './moments.js';

/** More are better still, and each costs time at every position. */
const MOST_CENTRES = 1024;

/** Fewer positions around a centre would be learnt by heart. */
const LEAST_AROUND = 16;

/** Steps of Lloyd's: later ones move the centres hardly. */
const STEPS = 10;

/** Rows of one run. */
const ROWS = 2048;

/** Of squares, and of the overview where there is one. @throws Failure as `gaussianAround` */
export async function gaussiansAround(
	kinds: readonly Seen[],
	settings: Parameters<typeof gaussianAround>[1],
	world: Parameters<typeof gaussianAround>[2],
): Promise<Gaussian[]> {
	const gaussians: Gaussian[] = [];
	for (const kind of kinds) gaussians.push(await gaussianAround(kind, settings, world));
	return gaussians;
}

/**
 * Gaussians around as many centres as the sample allows, which are where its features lie close together (k-means, Lloyd 1982): one alone tells little where
 * good parts show many things. The same sample and seed give the same. @throws Failure model-failed, the signal's reason
 */
export async function gaussianAround(
	{ moments, sample }: Seen,
	{ threads, seed }: { readonly threads: number; readonly seed: number },
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Gaussian> {
	const gaussian = reduced(gaussianOf(moments));
	const d = gaussian.mean.length;
	const e = gaussian.whitening.length / d;
	const count = Math.min(MOST_CENTRES, Math.floor(sample.length / d / LEAST_AROUND));
	if (count < 2) return gaussian;
	const blocks = blocksOf(sample, d);
	const rows = blocks[0]!.length / d;
	const opened = async <T>(graph: Graph, work: (run: Run) => Promise<T>): Promise<T> => {
		const session = await openSession(encodeOnnx(graph, 'centres'), { threads });
		try {
			return await work(async (inputs) => {
				signal.throwIfAborted();
				const results = await session.run(inputs);
				await breathe();
				return (name) => results[name]!.data as Float32Array;
			});
		} finally {
			await session.close();
		}
	};
	const points = await opened(whiteningProgram(gaussian, rows), async (run) => {
		const white: Float32Array[] = [];
		for (const block of blocks)
			white.push((await run({ joined: float32([rows, d], block) }))('white').slice());
		return white;
	});
	const first = permutation(blocks.length * rows, randomFrom(seed)).slice(0, count);
	let centres = new Float32Array(count * e);
	for (const [k, i] of first.entries()) {
		const row = i % rows;
		centres.set(points[Math.floor(i / rows)]!.subarray(row * e, (row + 1) * e), k * e);
	}
	await opened(centresProgram(rows, e, count), async (run) => {
		for (let step = 0; step < STEPS; step += 1) {
			const [sums, counts] = [new Float64Array(count * e), new Float64Array(count)];
			const around = {
				centres: float32([count, e], centres),
				half: float32([1, count], halfSquares(centres, e)),
			};
			for (const block of points) {
				const found = await run({ points: float32([rows, e], block), ...around });
				add(sums, found('sums'));
				add(counts, found('counts'));
			}
			centres = centres.map((v, i) => {
				const own = counts[Math.floor(i / e)]!;
				return own === 0 ? v : sums[i]! / own;
			});
		}
	});
	return { ...gaussian, centres };
}

type Run = (
	inputs: Readonly<Record<string, ReturnType<typeof float32>>>,
) => Promise<(name: string) => Float32Array>;

/** Rows [S, D] in blocks of one size, as many as ROWS allows; the few that are left over are left out. */
function blocksOf(sample: Float32Array, d: number): Float32Array[] {
	const all = sample.length / d;
	const count = Math.ceil(all / ROWS);
	const rows = Math.floor(all / count);
	return Array.from({ length: count }, (_, i) => sample.subarray(i * rows * d, (i + 1) * rows * d));
}

function add(sums: Float64Array, values: Float32Array): void {
	for (let i = 0; i < sums.length; i += 1) sums[i]! += values[i]!;
}
