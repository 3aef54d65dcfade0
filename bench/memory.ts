// What a station holds in memory by network and precision, computed on the processor: a process of its own for each, which loads what
// a station loads, opens the model and scores pictures of the simulated line (npm run bench:memory -- resnet18 'pocket int8': some). Networks that nobody trained hold as much as trained ones.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRECISIONS, type Precision } from '../src/base/precision.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import { rangesFor } from '../src/learn/precisions.js';
import { architectures, type Backbone } from '../src/model/architecture.js';
import { inferenceProgram } from '../src/model/inference.js';
import { inInt8 } from '../src/model/int8.js';
import { inFloat16 } from '../src/model/precision.js';
import { scoreWith } from '../src/model/scored.js';
import { oneTile } from '../src/model/tiling.js';
import { frameOf } from '../src/opencv/picture.js';
import { openSession } from '../src/ort/session.js';
import { drawPart } from '../src/sim/line.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const PICTURES = 30;
const THREADS = 2;
const MEBI = 2 ** 20;

type Held = { readonly restingMiB: number; readonly runningMiB: number; readonly peakMiB: number };

const words = process.argv.slice(2);
/** Those whose names hold one of the words, or all. */
const isAsked = (name: string) => words.length === 0 || words.some((word) => name.includes(word));

if (words[0]?.endsWith('.onnx')) console.log(JSON.stringify(await held(words[0])));
else await all();

async function all(): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-memory-'));
	const rows: Record<string, Held & { readonly modelMiB: number }> = {};
	try {
		for (const backbone of Object.keys(architectures) as Backbone[])
			for (const precision of PRECISIONS) {
				if (!isAsked(`${backbone} ${precision}`)) continue;
				const file = join(folder, `${backbone}-${precision}.onnx`);
				await writeFile(file, await modelOf(backbone, precision));
				const modelMiB = Math.round((await stat(file)).size / MEBI);
				rows[`${backbone} ${precision}`] = { modelMiB, ...(await inChild(file)) };
				await rm(file);
				const { restingMiB, runningMiB, peakMiB } = rows[`${backbone} ${precision}`]!;
				console.log(
					`${backbone} ${precision}: model ${modelMiB} MiB, loaded ${restingMiB}, running ${runningMiB}, peak ${peakMiB}`,
				);
			}
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
	console.log(JSON.stringify(rows));
}

async function modelOf(backbone: Backbone, precision: Precision): Promise<Uint8Array> {
	const pair = untrainedPair(backbone, SIZE);
	if (precision === 'fp32') return encodeOnnx(inferenceProgram(pair), 'bench');
	if (precision === 'fp16') return encodeOnnx(inferenceProgram(pair, undefined, inFloat16), 'bench');
	const { data } = drawPart(1, 1, undefined, SIZE).image;
	const pictures = { count: 1, input: async () => data };
	const world = { openSession, signal: new AbortController().signal };
	return encodeOnnx(
		inferenceProgram(pair, undefined, inInt8(await rangesFor(pair, pictures, THREADS, world))),
		'bench',
	);
}

async function inChild(file: string): Promise<Held> {
	const child = spawn(process.execPath, [fileURLToPath(import.meta.url), file], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let said = '';
	child.stdout.on('data', (chunk: Buffer) => {
		said += chunk.toString();
	});
	const [code] = await once(child, 'close');
	if (code !== 0) throw new Error(`the process that held ${file} ended with ${code}`);
	return JSON.parse(said.trim().split('\n').at(-1)!) as Held;
}

async function held(file: string): Promise<Held> {
	const session = await openSession(file, { threads: THREADS });
	const { VmRSS: restingMiB } = await memory();
	for (let i = 0; i < PICTURES; i += 1) {
		const frame = frameOf(drawPart(1, i, undefined, 512).image);
		await scoreWith(session, frame.modelInput(undefined, oneTile(SIZE)), oneTile(SIZE));
		frame.release();
	}
	const { VmRSS: runningMiB, VmHWM: peakMiB } = await memory();
	return { restingMiB, runningMiB, peakMiB };
}

/** Of proc(5), in mebibytes. */
async function memory(): Promise<{ readonly VmRSS: number; readonly VmHWM: number }> {
	const status = await readFile('/proc/self/status', 'utf8');
	const of = (name: string) =>
		Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1024);
	return { VmRSS: of('VmRSS'), VmHWM: of('VmHWM') };
}
