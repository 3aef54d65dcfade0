// Does it pay to run several pictures at once? Batches of 1, 2, 4 and 8 pictures, as several stations would have them, and the squares of
// a tiled picture as one batch beside each by itself. All of a table take turns in one run.
import { Graph } from '../src/graph/graph.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import { normalise } from '../src/graph/picture.js';
import type { Session } from '../src/graph/session.js';
import type { Tensor } from '../src/graph/tensor.js';
import { rangesFor } from '../src/learn/precisions.js';
import { architectures, type Backbone } from '../src/model/architecture.js';
import { foldedKernels, inferenceProgram, type Pair } from '../src/model/inference.js';
import { inInt8 } from '../src/model/int8.js';
import { student, teacher } from '../src/model/networks.js';
import { type Arithmetic, inFloat32 } from '../src/model/precision.js';
import { anomaly, mapsOf, scaleDistances } from '../src/model/score.js';
import { IMAGENET } from '../src/model/teacher.js';
import { type Tiling, tilingFor, viewCount } from '../src/model/tiling.js';
import { frozenKernels, type Kernels } from '../src/model/units.js';
import { openSession } from '../src/ort/session.js';
import { drawPart } from '../src/sim/line.js';
import { type Contestant, inTurn } from './turns.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const BATCHES = [1, 2, 4, 8] as const;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 24);
const TILED_ROUNDS = Number(process.env.BENCH_TILED_ROUNDS ?? 8);
const WARM_UP = 3;
const threads = Number(process.env.BENCH_THREADS ?? 0);

/** As many different parts. */
function pictures(count: number): Tensor {
	const data = new Uint8Array(count * SIZE * SIZE * 3);
	for (let i = 0; i < count; i += 1)
		data.set(drawPart(1, i, undefined, SIZE).image.data, i * SIZE * SIZE * 3);
	return { dtype: 'uint8', shape: [count, SIZE, SIZE, 3], data };
}

/** What a station runs, for so many pictures: maps [count, SIZE, SIZE] and scores [count]. */
function batchProgram(pair: Pair, arithmetic: Arithmetic, count: number): Graph {
	const { backbone, tiling } = pair;
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [count, SIZE, SIZE, 3]);
	const kernels: Kernels = (unit) =>
		(pair.teacher.has(`${unit.conv}.weight`) ? frozenKernels(pair.teacher) : foldedKernels(pair.student))(
			unit,
		);
	const units = arithmetic(graph, kernels);
	const features = teacher(graph, units, architectures[backbone], normalise(graph, image, IMAGENET));
	const imitation = student(graph, units, architectures[backbone], features);
	const distances = scaleDistances(graph, features, imitation);
	const { map, score } = anomaly(graph, mapsOf(graph, distances, tiling), tiling);
	graph.output(map, 'map');
	graph.output(score, 'score');
	graph.output(graph.reshape(graph.mean(map, [1, 2]), [count]), 'mean');
	return graph;
}

async function int8Of(pair: Pair): Promise<Arithmetic> {
	const one = pictures(1).data as Uint8Array;
	const world = { openSession, signal: new AbortController().signal };
	return inInt8(await rangesFor(pair, { count: 1, input: async () => one }, threads, world));
}

const opened = (graph: Graph): Promise<Session> => openSession(encodeOnnx(graph, 'bench'), { threads });

/** So many runs, of so many pictures together: milliseconds a picture. */
function contestant(label: string, session: Session, image: Tensor, runs: number, of: number): Contestant {
	return {
		label,
		run: async () => {
			const begun = performance.now();
			for (let i = 0; i < runs; i += 1) await session.run({ image });
			return (performance.now() - begun) / of;
		},
	};
}

/** How far the scores of a batch lie from those of its pictures alone, at most. */
async function furthest(batch: Session, one: Session, count: number): Promise<number> {
	const all = pictures(count);
	const { score } = await batch.run({ image: all });
	const bytes = SIZE * SIZE * 3;
	let most = 0;
	for (let i = 0; i < count; i += 1) {
		const data = (all.data as Uint8Array).slice(i * bytes, (i + 1) * bytes);
		const alone = await one.run({ image: { dtype: 'uint8', shape: [1, SIZE, SIZE, 3], data } });
		most = Math.max(most, Math.abs(Number(alone.score!.data[0]) - Number(score!.data[i])));
	}
	return most;
}

const shown = threads === 0 ? 'one thread a core' : `${threads} thread(s)`;
console.log(`Milliseconds a picture of ${SIZE} pixels in batches, ${shown}`);
const batches: Record<string, Contestant> = {};
const sessions: Session[] = [];
let differs = 0;
for (const backbone of ['pocket', 'resnet18'] as const) {
	const pair = untrainedPair(backbone, SIZE);
	for (const [precision, arithmetic] of [
		['fp32', inFloat32],
		['int8', await int8Of(pair)],
	] as const) {
		const one = await opened(batchProgram(pair, arithmetic, 1));
		for (const count of BATCHES) {
			const session = count === 1 ? one : await opened(batchProgram(pair, arithmetic, count));
			sessions.push(session);
			if (precision === 'fp32') differs = Math.max(differs, await furthest(session, one, count));
			batches[`${backbone} ${precision} ${count}`] = contestant(
				`${backbone}, ${precision}, batch of ${count}`,
				session,
				pictures(count),
				1,
				count,
			);
		}
	}
}
const { median: batched } = await inTurn(batches, { rounds: ROUNDS, warmUp: WARM_UP });
for (const session of sessions.splice(0)) await session.close();
console.log(`fp32 scores in a batch differ from those alone by at most ${differs.toExponential(1)}`);

/** Four squares and an overview. */
const tiling: Tiling = tilingFor(SIZE, { rows: 2, columns: 2 }, { width: 1000, height: 1000 });
const views = viewCount(tiling);
console.log(
	`\nMilliseconds a view of a picture of ${views} views, as one batch and each by itself, fp32, ${shown}`,
);
const canvas: Tensor = {
	dtype: 'uint8',
	shape: [1, tiling.height, tiling.width, 3],
	data: new Uint8Array(tiling.width * tiling.height * 3).map((_, i) => (i * 31) % 251),
};
const backbones = Object.keys(architectures) as Backbone[];
const tiledMedians: Record<string, { oneBatch: number; alone: number }> = {};
for (const backbone of backbones) {
	const pair = untrainedPair(backbone, SIZE);
	const whole = await opened(inferenceProgram({ ...pair, tiling }));
	const single = await opened(inferenceProgram(pair));
	const { median } = await inTurn(
		{
			oneBatch: contestant(`${backbone}, one batch`, whole, canvas, 1, views),
			alone: contestant(`${backbone}, each by itself`, single, pictures(1), views, views),
		},
		{ rounds: TILED_ROUNDS, warmUp: 2 },
	);
	tiledMedians[backbone] = { oneBatch: median('oneBatch'), alone: median('alone') };
	await whole.close();
	await single.close();
}
const round = (n: number) => Number(n.toFixed(3));
console.log(
	JSON.stringify({
		threads,
		msAPicture: Object.fromEntries(Object.keys(batches).map((name) => [name, round(batched(name))])),
		ofOneByOne: Object.fromEntries(
			Object.keys(batches).map((name) => [name, round(batched(name) / batched(name.replace(/\d+$/, '1')))]),
		),
		scoreDifference: differs,
		tiles: Object.fromEntries(
			Object.entries(tiledMedians).map(([name, { oneBatch, alone }]) => [
				name,
				{ oneBatch: round(oneBatch), alone: round(alone), ratio: round(oneBatch / alone) },
			]),
		),
	}),
);
