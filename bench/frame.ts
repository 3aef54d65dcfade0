// What a frame costs in the station beside the bare run of its model: read from a folder, prepared, scored, judged, heatmaps
// drawn for the fourth that is rejected. Both in turn in one process, so that a noisy machine disturbs both.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema } from '../src/config/schema.js';
import { listImages } from '../src/disk/dataset.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import { type Inspection, inspectFrame } from '../src/inspect/frame.js';
import { watchBy } from '../src/inspect/watch.js';
import { inferenceProgram } from '../src/model/inference.js';
import { scoreWith } from '../src/model/scored.js';
import { oneTile } from '../src/model/tiling.js';
import { openCamera } from '../src/opencv/camera.js';
import { encodeJpeg } from '../src/opencv/picture.js';
import { openSession } from '../src/ort/session.js';
import { simulatedPart } from '../src/sim/line.js';
import { type Look, learnQuality, lookAt } from '../src/vision/quality.js';
import { shown, summary } from './median.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const tiling = oneTile(SIZE);
const PICTURES = 20;
const ROUNDS = 8;
const A_ROUND = 10;

const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-'));
try {
	for (let i = 0; i < PICTURES; i += 1) {
		await writeFile(join(folder, `${i}.jpg`), encodeJpeg(simulatedPart(1, i, 0.25).image, 90));
	}
	const session = await openSession(
		encodeOnnx(inferenceProgram(untrainedPair('resnet18', SIZE)), 'bench'),
		{},
	);
	const camera = await openCamera(
		{ kind: 'file', path: folder },
		{ timeoutMs: 5000, latencyMs: 0, mostLagMs: 1000, loop: true, listImages },
	);
	const next = { after: Number.NEGATIVE_INFINITY, signal: new AbortController().signal };
	const scores: number[] = [];
	const looks: Look[] = [];
	const first = await camera.read(next);
	const input = first!.modelInput(undefined, tiling);
	first!.release();
	for (let i = 0; i < PICTURES; i += 1) {
		const frame = await camera.read(next);
		const seen = frame!.modelInput(undefined, tiling);
		looks.push(lookAt(seen, tiling));
		scores.push((await scoreWith(session, seen, tiling)).score);
		frame!.release();
	}
	const threshold = [...scores].sort((a, b) => a - b)[Math.floor(0.75 * PICTURES)]!;
	const config = configSchema.parse({
		box: 'bench',
		stations: { one: { camera: { source: folder }, recipe: 'one' } },
		recipes: { one: { model: folder } },
	});
	const inspection: Inspection = {
		origin: {
			box: 'bench',
			station: 'one',
			recipe: 'one',
			boot: null,
			run: 'bench',
			model: {
				name: 'bench',
				bundle: 'bench@0',
				sha256: 'bench',
				provider: 'cpu',
				precision: 'fp32',
				fingerprint: null,
				engine: null,
			},
			threshold,
			revision: null,
			isSimulated: false,
		},
		recipe: config.recipes.one!,
		recipeModel: 'bench',
		allowedProvider: 'cpu',
		region: undefined,
		taught: undefined,
		watch: watchBy(learnQuality(looks), tiling),
		scorer: {
			size: tiling,
			provider: 'cpu',
			precision: 'fp32',
			model: 'bench',
			engine: null,
			score: (picture) => scoreWith(session, picture, tiling),
			prove: async () => {},
			close: async () => {},
		},
		threshold,
		mapMedian: threshold / 2,
		encodeJpeg,
		now: () => performance.now(),
	};
	const bareMs: number[] = [];
	const stationMs: number[] = [];
	let rejected = 0;
	for (let round = 0; round <= ROUNDS; round += 1) {
		for (let i = 0; i < A_ROUND; i += 1) {
			const begun = performance.now();
			await scoreWith(session, input, tiling);
			if (round > 0) bareMs.push(performance.now() - begun);
		}
		for (let i = 0; i < A_ROUND; i += 1) {
			const begun = performance.now();
			const frame = await camera.read(next);
			const part = { runSequence: i, taken: frame!.taken, frame: null, part: null, trigger: null };
			const { verdict } = await inspectFrame(frame!, part, inspection);
			frame!.release();
			if (round > 0) stationMs.push(performance.now() - begun);
			if (round > 0 && verdict.verdict === 'reject') rejected += 1;
		}
	}
	await camera.close();
	await session.close();
	console.log(
		`ResNet18 at ${SIZE} pixels, pictures of 512 pixels as JPEG, ${rejected} of ${stationMs.length} rejected`,
	);
	console.log(shown('bare session.run', 'ms', bareMs));
	console.log(shown('frame in the station', 'ms', stationMs));
	const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
	console.log(`means: ${mean(bareMs).toFixed(2)} and ${mean(stationMs).toFixed(2)} ms`);
	const [station, bare] = [summary(stationMs).median, summary(bareMs).median];
	console.log(JSON.stringify({ stationMs: station, bareMs: bare, ratio: station / bare }));
} finally {
	await rm(folder, { recursive: true, force: true });
}
