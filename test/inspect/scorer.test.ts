import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { readBundle } from '../../src/disk/bundle.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import type { Value } from '../../src/graph/ops.js';
import type { OpenSession, Session } from '../../src/graph/session.js';
import { decide, type Evidence } from '../../src/inspect/decide.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { type Bundle, chosenModel } from '../../src/model/bundle.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const scorers = suite('a scorer');

const SIDE = 64;

/** Sessions that count how many of them are open. */
function counted(change: (session: Session) => Session = (session) => session): {
	readonly open: OpenSession;
	readonly left: () => number;
} {
	let left = 0;
	return {
		left: () => left,
		open: async (model, options) => {
			const session = await openSession(model, options);
			left += 1;
			const close = async () => {
				left -= 1;
				await session.close();
			};
			return { ...change(session), close };
		},
	};
}

/** The tiny bundle with another model in it, whose golden vectors hold whatever it scores. */
async function holding(bundle: Bundle, dir: string, graph: Graph): Promise<Bundle> {
	const model = encodeOnnx(graph, 'other');
	const path = join(dir, 'other.onnx');
	await writeFile(path, model);
	const sha256 = sha256Of(model);
	const { manifest } = bundle;
	return {
		...bundle,
		models: { fp32: path },
		golden: [],
		manifest: { ...manifest, files: { ...manifest.files, models: { fp32: sha256 } } },
	};
}

/** A graph under our contract whose map and score are made of the picture's redness [1, height, width, 1]. */
function judging(make: (graph: Graph, red: Value) => { map: Value; score: Value }): Graph {
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, SIDE, SIDE, 3]);
	const slice = { starts: [0], ends: [1], axes: [3], steps: [1] };
	const red = graph.apply('Cast', [graph.apply('Slice', [image], slice)], { to: 'float32' });
	const { map, score } = make(graph, red);
	graph.output(map, 'map');
	graph.output(score, 'score');
	return graph;
}

scorers('tells what the engine was given and where its nodes ran', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const scorer = await openScorer(bundle, openSession, { threads: 1 });
	const file = await readFile(join(folder.path, 'b', 'model.onnx'));
	assert.is(scorer.model, sha256Of(file));
	assert.is(scorer.provider, 'cpu');
	await scorer.close();
});

scorers(
	'refuses a model that was exchanged after it was hashed, also for one that scores alike',
	async () => {
		await using folder = await temporaryFolder();
		const dir = await tinyBundle(join(folder.path, 'b'));
		const bundle = await readBundle(dir);
		// Field 15 of ModelProto, which nobody knows: the same model in other bytes.
		await appendFile(join(dir, 'model.onnx'), Uint8Array.of(0x78, 1));
		const sessions = counted();
		const failure = await failureOf(openScorer(bundle, sessions.open, { threads: 1 }));
		assert.is(failure.code, 'bundle-invalid');
		assert.match(failure.message, /Cannot use bundle ".*": ".*model.onnx" was changed while it was opened/);
		assert.is(sessions.left(), 0);
	},
);

scorers('refuses a session whose nodes ran elsewhere than allowed', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const elsewhere = counted((session) => ({
		...session,
		ranOn: async () => [...(await session.ranOn()), 'tensorrt'],
	}));
	const failure = await failureOf(openScorer(bundle, elsewhere.open, { threads: 1 }));
	assert.is(failure.code, 'provider-mistaken');
	assert.match(failure.message, /on provider "cpu": its nodes ran on "cpu and tensorrt"/);
	assert.is(elsewhere.left(), 0);
});

/** Sessions whose scores are off by so much. */
const driftingBy = (drift: () => number) =>
	counted((session) => ({
		...session,
		run: async (feeds) => {
			const results = await session.run(feeds);
			const score = results.score!;
			return { ...results, score: { ...score, data: Float32Array.of(Number(score.data[0]) + drift()) } };
		},
	}));

scorers('refuses golden vectors that no longer hold, at the start and in every later proof', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	let drift = 0;
	const drifting = driftingBy(() => drift);
	const scorer = await openScorer(bundle, drifting.open, { threads: 1 });
	await scorer.prove();
	await scorer.prove(bundle.golden.length + 1);
	for (const wrong of [1e-3, Number.NaN]) {
		drift = wrong;
		assert.is((await failureOf(scorer.prove())).code, 'bundle-golden');
		const { code, message } = await failureOf(scorer.prove(bundle.golden.length + 1));
		assert.is(code, 'bundle-golden');
		assert.match(message, /golden vector 2 deviates/);
		assert.is((await failureOf(openScorer(bundle, drifting.open, { threads: 1 }))).code, 'bundle-golden');
	}
	await scorer.close();
	assert.is(drifting.left(), 0);
});

scorers('allows what another processor rounds, which grows with the scale of scores', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const { manifest } = bundle;
	for (const [threshold, drift, holds] of [
		[0.04, 5e-6, true],
		[0.04, 3e-5, false],
		[8, 3e-5, true],
		[8, 7e-4, true],
		[8, 9e-4, false],
		[-8, 7e-4, true],
	] as const) {
		const calibration = { ...manifest.calibration, threshold, mapMedian: 0 };
		const drifting = driftingBy(() => drift);
		const scaled = { ...bundle, manifest: { ...manifest, calibration } };
		const opened = openScorer(scaled, drifting.open, { threads: 1 });
		if (holds) await (await opened).close();
		else assert.is((await failureOf(opened)).code, 'bundle-golden', `${threshold} ${drift}`);
	}
});

scorers('refuses a map of another size, and more than one score', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	const most = (graph: Graph, x: Value) =>
		graph.reshape(graph.apply('ReduceMax', [x], { axes: [0, 1, 2, 3] }), []);
	const input = new Uint8Array(SIDE * SIDE * 3).fill(9);
	for (const [graph, message] of [
		[
			judging((g, red) => ({ map: g.reshape(g.mean(red, [1]), [1, SIDE]), score: most(g, red) })),
			/gives float32 \[1, 64\] as the map and float32 \[\] as the score, not float32 \[64, 64\]/,
		],
		[
			judging((g, red) => ({ map: g.reshape(red, [SIDE * SIDE]), score: most(g, red) })),
			/gives float32 \[4096\] as the map/,
		],
		[
			judging((g, red) => ({
				map: g.reshape(red, [SIDE, SIDE]),
				score: g.reshape(g.mean(red, [1]), [SIDE]),
			})),
			/float32 \[64\] as the score/,
		],
	] as const) {
		const session = await openSession(encodeOnnx(graph, 'other'), { recorded: true });
		const open = async () => ({ ...session, ranOn: async () => ['cpu'], close: async () => {} });
		const scorer = await openScorer(await holding(bundle, folder.path, graph), open, { threads: 1 });
		const failure = await failureOf(scorer.score(input));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, message);
		await session.close();
	}
});

scorers('gives what each guard of a verdict rests on', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'b')));
	// Below 16 the map is not a number; the score does not look there.
	const partly = judging((g, red) => ({
		map: g.reshape(g.sqrt(g.sub(red, g.scalar(16))), [SIDE, SIDE]),
		score: g.reshape(
			g.apply('ReduceMax', [g.apply('Slice', [red], { starts: [1], ends: [SIDE], axes: [1], steps: [1] })], {
				axes: [0, 1, 2, 3],
			}),
			[],
		),
	}));
	const other = await holding(bundle, folder.path, partly);
	const record = counted((session) => ({ ...session, ranOn: async () => ['cpu'] }));
	const scorer = await openScorer(other, record.open, { threads: 1 });
	const evidence = async (input: Uint8Array, of: Bundle): Promise<Evidence> => ({
		score: (await scorer.score(input)).score,
		threshold: 100,
		ageMs: 1,
		deadlineMs: 1000,
		model: scorer.model,
		recipeModel: chosenModel(of).sha256,
		provider: scorer.provider,
		allowedProvider: 'cpu',
	});
	const light = new Uint8Array(SIDE * SIDE * 3).fill(90);
	const dark = Uint8Array.from(light, (v, i) => (i === 3 * 5 ? 3 : v));
	assert.is(decide(await evidence(light, other)).verdict, 'accept');
	const holes = decide(await evidence(dark, other));
	assert.is(holes.verdict, 'error');
	assert.match(holes.error!.message, /a value of the map is none/);
	assert.match(decide(await evidence(light, bundle)).error!.message, /another model scored/);
	const elsewhere = { ...(await evidence(light, other)), allowedProvider: 'tensorrt' };
	assert.match(decide(elsewhere).error!.message, /ran on "cpu", allowed is "tensorrt"/);
	await scorer.close();
});

scorers('may round in float16, by a tenth of the way from usual to the threshold', async () => {
	await using folder = await temporaryFolder();
	const bundle = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const { calibration, files } = bundle.manifest;
	const way = calibration.threshold - calibration.mapMedian;
	assert.ok(way > 0.01, `${way}`);
	/** The model in float32 under the name of float16, whose golden vectors it misses by this share of the way. */
	const missedBy = (share: number): Bundle => ({
		...bundle,
		models: { fp16: bundle.models.fp32! },
		golden: bundle.golden.map(({ image, expected: { fp32 } }) => ({
			image,
			expected: { fp16: { ...fp32!, score: fp32!.score + share * way } },
		})),
		manifest: {
			...bundle.manifest,
			precision: {
				runs: 'fp16',
				gates: { fp16: [{ measure: 'verdict flips', value: 0, limit: 0.02, ok: true }] },
			},
			files: { ...files, models: { fp16: files.models.fp32! } },
		},
	});
	for (const share of [-0.09, 0.05, 0.09])
		await (await openScorer(missedBy(share), openSession, { threads: 1 })).close();
	for (const share of [-0.11, 0.11]) {
		const failure = await failureOf(openScorer(missedBy(share), openSession, { threads: 1 }));
		assert.is(failure.code, 'bundle-golden');
	}
});

scorers.run();
