// What a training step costs: time, memory, and against PyTorch where /usr/bin/python3 has it. The two take turns in one run. PyTorch's
// side is the same network, loss and optimiser, with the teacher's features given, as here. With a folder of good pictures,
// npm run bench:train -- PICTURES, it also says how long teaching them to the stopping rule takes by default.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shown, summary } from './median.js';
import { startPeer } from './peer.js';
import { program } from './program.js';
import { openTrainingLoop } from './training-loop.js';

const BATCH = 16;
const SIZE = 256;
const ROUNDS = 8;
/** The first ones touch memory for the first time. */
const WARM_UP = 2;

async function secondsToStop(pictures: string): Promise<number> {
	const dir = await mkdtemp(join(tmpdir(), 'inspectord-bench-'));
	try {
		const out = await program('teach', pictures, '--out', join(dir, 'bundle'), '--json');
		const { seconds, iterations } = JSON.parse(out);
		console.log(`taught "${pictures}" in ${seconds.toFixed(0)} s and ${iterations} steps`);
		return seconds;
	} finally {
		await rm(dir, { recursive: true, force: true });
	}
}

const loop = await openTrainingLoop('resnet18', BATCH, SIZE, 2);
const [ourMs, theirMs]: [number[], number[]] = [[], []];
{
	await using peer = await startPeer('train_peer.py');
	for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
		const a = await loop.step();
		const b = peer ? await peer.measure('step') : undefined;
		if (round < WARM_UP) continue;
		ourMs.push(a);
		if (b !== undefined) theirMs.push(b);
	}
	console.log(`ResNet18 student, batch ${BATCH}, ${SIZE} pixels, 2 threads, teacher features given`);
	console.log(shown('step with onnxruntime', 'ms', ourMs));
	console.log(peer ? shown('step with PyTorch', 'ms', theirMs) : 'PyTorch is not installed: no comparison');
}
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
await loop.close();
const pictures = process.argv[2];
const stepMs = summary(ourMs).median;
const peerMs = theirMs.length > 0 ? summary(theirMs).median : null;
console.log(
	JSON.stringify({
		stepMs,
		peerMs,
		ratio: peerMs && stepMs / peerMs,
		peakMb,
		secondsToStop: pictures === undefined ? null : await secondsToStop(pictures),
	}),
);
