// Random edits of a daemon with two stations on live cameras, through a real broker: valid ones that need no restart and that do, invalid
// and harmful ones, with kill -9 in between. After each: the file is one of the two texts, and what runs is what it says.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../src/base/random.js';
import { readYaml } from '../src/config/yaml.js';
import { encodeJpeg } from '../src/opencv/picture.js';
import type { Answer } from '../src/protocol/answer.js';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { drawPart } from '../src/sim/line.js';
import { startMjpegServer } from '../test/cameras/mjpeg-server.js';
import { eventually, freePort } from '../test/free-port.js';
import { listen, startMosquitto } from '../test/mosquitto.js';
import { type Running, start } from '../test/program.js';
import { tinyBundle } from '../test/tiny-bundle.js';
import { percentile } from './median.js';

const EDITS = Number(process.env.BENCH_EDITS ?? 200);
const FPS = 5;
const PATIENCE_MS = 120_000;

type Kind = 'live' | 'restart' | 'swap' | 'invalid' | 'harmful' | 'killed';
type Recipe = { readonly threshold: number; readonly model: string; readonly threads: number };
type Document = { readonly recipes: Readonly<Record<'a' | 'b', Recipe>> };

const random = randomFrom(Number(process.env.BENCH_SEED ?? 1));
const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-edits-'));
const at = (name: string) => join(folder, name);
const found = { torn: 0, halfApplied: 0, reverted: 0, droppedFrames: 0 };
const counts: Partial<Record<Kind, number>> = {};
const liveMs: number[] = [];
const pausesMs: number[] = [];
const faults: string[] = [];
/** In as long a time, without an edit. */
let droppedWithout = 0;

const silent = createServer(() => {});
try {
	await mkdir(folder, { recursive: true });
	await tinyBundle(at('bundle'));
	await cp(at('bundle'), at('bundle-2'), { recursive: true });
	await cp(at('bundle'), at('broken'), { recursive: true });
	const model = await readFile(at('broken/model.onnx'));
	model[model.length >> 1]! ^= 1;
	await writeFile(at('broken/model.onnx'), model);
	await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
	const { port: silentPort } = silent.address() as { port: number };
	const jpegs = [0, 1, 2].map((i) => encodeJpeg(drawPart(1, i, undefined, 96).image, 90));
	await using first = await startMjpegServer(jpegs, FPS);
	await using second = await startMjpegServer(jpegs, FPS);
	await using broker = await startMosquitto(await freePort(), folder);
	const nobody = `mqtt://127.0.0.1:${await freePort()}`;
	await using subscriber = await listen(broker.url);
	const file = at('line.yaml');
	await writeFile(
		file,
		`# Two stations.
box: t
mqtt: { url: "${broker.url}" }
control:
  remote: engineer
  allow: { brokers: ["mqtt://127.0.0.1:*"], cameras: ["http://127.0.0.1:*/**"] }
stations:
  a: { camera: { source: "${first.url}" }, recipe: a }
  b: { camera: { source: "${second.url}" }, recipe: b }
recipes:
  a: { model: bundle, threads: 1, threshold: 1000 } # the left one
  b: { model: bundle, threads: 1, threshold: 1000 }
`,
	);

	const verdictsMs: Record<string, number[]> = { a: [], b: [] };
	const thresholds: Record<string, number | null> = {};
	/** When the frames of the verdicts were taken, by the box's clock. */
	const takenMs: Record<string, number[]> = { a: [], b: [] };
	const answers = new Map<string, Answer[]>();
	subscriber.client.on('message', (topic, payload) => {
		const [, , station = '', what] = topic.split('/');
		const said: unknown = JSON.parse(payload.toString() || 'null');
		if (what === 'verdict') {
			verdictsMs[station]?.push(performance.now());
			thresholds[station] = (said as VerdictMessage).threshold;
			takenMs[station]?.push(Date.parse((said as VerdictMessage).times.captured));
		} else if (topic === 'inspectord/t/answer/desk') {
			const answer = said as Answer;
			answers.set(answer.id!, [...(answers.get(answer.id!) ?? []), answer]);
		}
	});
	let ids = 0;
	const send = async (asked: object, id = `e-${++ids}`) => {
		const payload = JSON.stringify({ id, client: 'desk', ...asked });
		await subscriber.client.publishAsync('inspectord/t/request/engineer/config', payload, { qos: 1 });
		return id;
	};
	const answerTo = async (id: string) => {
		await eventually(`an answer to ${id}`, () => answers.has(id), PATIENCE_MS);
		return answers.get(id)!.at(-1)!;
	};
	const ask = async (asked: object) => answerTo(await send(asked));
	let box: Running = start('run', '--config', file);
	const ready = async () => {
		const [a, b] = [verdictsMs.a!.length, verdictsMs.b!.length];
		await eventually(
			'both inspect',
			() => verdictsMs.a!.length > a + 2 && verdictsMs.b!.length > b + 2,
			PATIENCE_MS,
		);
	};
	/** Frames of both cameras without a verdict since so many verdicts. */
	const droppedSince = (counts: Readonly<Record<string, number>>): number =>
		Object.entries(takenMs).reduce((sum, [station, times]) => {
			const since = times.slice(counts[station]! - 1);
			const gaps = since.slice(1).map((ms, i) => Math.round(((ms - since[i]!) * FPS) / 1000) - 1);
			return sum + gaps.reduce((all, gap) => all + Math.max(0, gap), 0);
		}, 0);
	const judged = () =>
		Object.fromEntries(Object.entries(takenMs).map(([station, { length }]) => [station, length]));
	/** Whether the file is one of these, and runs. */
	const check = async (texts: readonly string[]) => {
		const text = await readFile(file, 'utf8');
		const read = readYaml(text);
		if (!texts.includes(text) || 'faults' in read) {
			found.torn += 1;
			faults.push(`the file holds neither text: ${text}`);
			return;
		}
		const { recipes } = read.value as Document;
		const { effective } = (await ask({ action: 'show' })).result as { effective: Document };
		const said = (all: Document['recipes']) =>
			JSON.stringify([all.a.threshold, all.a.threads, all.b.threshold, all.b.threads]);
		const isSame = said(recipes) === said(effective.recipes);
		await eventually('it is judged by', () => thresholds.a === recipes.a.threshold, 30_000).catch(() => {
			found.halfApplied += 1;
			faults.push(`the file says ${recipes.a.threshold}, judged is by ${thresholds.a}`);
		});
		if (isSame) return;
		found.halfApplied += 1;
		faults.push(`the file says ${said(recipes)}, what runs is ${said(effective.recipes)}`);
	};
	const answeredBy = async (id: string, code: string, kind: Kind) => {
		const answer = await answerTo(id);
		if (answer.code !== code) faults.push(`${kind}: ${answer.code}: ${answer.text}`);
		return answer.code === code;
	};

	await ready();
	let models = 0;
	const harmful = [
		() => ({ mqtt: { url: nobody } }),
		() => ({ recipes: { a: { model: 'broken' } } }),
		() => ({
			stations: { a: { camera: { source: `http://127.0.0.1:${silentPort}/x.mjpg`, timeoutMs: 500 } } },
		}),
	];
	const threshold = () => ({ recipes: { a: { threshold: 1000 + random.below(1_000_000) / 1000 } } });
	for (let i = 0; i < EDITS; i += 1) {
		// Each kill is followed by an edit that stands: three starts with one revision would bring the one before back.
		const kind: Kind = (
			['live', 'live', 'invalid', 'harmful', 'killed', 'live', 'live', 'restart', 'live', 'swap'] as const
		)[i % 10]!;
		counts[kind] = (counts[kind] ?? 0) + 1;
		const before = await readFile(file, 'utf8');
		if (kind === 'live') {
			const atFirst = judged();
			await ready();
			droppedWithout += droppedSince(atFirst);
			const counted = judged();
			const begunMs = performance.now();
			const id = await send({ patch: threshold() });
			const isOk = await answeredBy(id, 'ok', kind);
			if (isOk) liveMs.push(performance.now() - begunMs);
			await ready();
			found.droppedFrames += droppedSince(counted);
			await check([await readFile(file, 'utf8')]);
		} else if (kind === 'restart' || kind === 'swap') {
			const model = ['bundle-2', 'bundle'][models % 2];
			if (kind === 'swap') models += 1;
			const recipe = kind === 'swap' ? { model } : { threads: 1 + random.below(2), deadlineMs: 4000 + i };
			const begun = verdictsMs.a!.length - 1;
			await answeredBy(await send({ patch: { recipes: { a: recipe } } }), 'ok', kind);
			await ready();
			const times = verdictsMs.a!.slice(begun);
			if (kind === 'swap') pausesMs.push(Math.max(...times.slice(1).map((ms, j) => ms - times[j]!)));
			await check([await readFile(file, 'utf8')]);
		} else if (kind === 'invalid') {
			const patch = [
				{ recipes: { a: { treshold: 1 } } },
				{ recipes: { b: { threshold: -1 } } },
				{ stations: { a: { recipe: 'c' } } },
			];
			await answeredBy(await send({ patch: patch[random.below(3)]! }), 'invalid', kind);
			await check([before]);
		} else if (kind === 'harmful') {
			if (await answeredBy(await send({ patch: harmful[((i / 10) % 3) | 0]!() }), 'failed', kind))
				found.reverted += 1;
			await ready();
			await check([before]);
		} else {
			const patch = threshold();
			const id = await send({ patch });
			await new Promise((resolve) => setTimeout(resolve, random.uniform() * 120));
			box.child.kill('SIGKILL');
			await box.ended;
			const text = await readFile(file, 'utf8');
			const wanted = before.replace(/threshold: [\d.]+/, `threshold: ${patch.recipes.a.threshold}`);
			if (text !== before && text !== wanted) {
				found.torn += 1;
				faults.push(`torn: ${text}`);
			}
			box = start('run', '--config', file);
			await ready();
			await send({ patch }, id);
			const { code } = await answerTo(id);
			if (code === 'ok' && text !== wanted && (await readFile(file, 'utf8')) !== wanted)
				faults.push('ok, and not done');
			if (new Set(answers.get(id)!.map((answer) => JSON.stringify(answer))).size > 1)
				faults.push(`${id} was answered in two ways`);
			await check([before, wanted]);
		}
	}
	box.child.kill('SIGTERM');
	await box.ended;
	await box[Symbol.asyncDispose]();
	for (const fault of faults) console.log(fault);
	console.log(
		`edits: ${Object.entries(counts)
			.map(([kind, count]) => `${count} ${kind}`)
			.join(', ')}`,
	);
	console.log(
		`threshold, request to answer: p50 ${percentile(liveMs, 0.5).toFixed(0)} ms, p95 ${percentile(liveMs, 0.95).toFixed(0)} ms`,
	);
	console.log(`frames dropped in as long a time without an edit: ${droppedWithout}`);
	if (pausesMs.length > 0)
		console.log(
			`bundle swap, longest time without a verdict: p50 ${percentile(pausesMs, 0.5).toFixed(0)} ms, worst ${Math.max(...pausesMs).toFixed(0)} ms (a frame each ${1000 / FPS} ms)`,
		);
	console.log(JSON.stringify({ edits: EDITS, ...found }));
} finally {
	silent.close();
	await rm(folder, { recursive: true, force: true });
}
process.exit(faults.length > 0 ? 1 : 0);
