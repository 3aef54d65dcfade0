// What a training step costs: time, memory, and against PyTorch where a Python has it (--python PATH, by default Debian's), in turn in
// one run. PyTorch's side is the same network, loss and optimiser: once as published, which runs the teacher at every step and goes back
// through it, too (we run it once a picture and keep its features), and once with the features given. With a folder of good pictures,
// npm run bench:train -- PICTURES, it also says how long teaching them to the stopping rule takes by default.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from './machine.js';
import { PYTHON, startPeer } from './peer.js';
import { program } from './program.js';
import { openTrainingLoop } from './training-loop.js';
import { type Contestant, inTurn } from './turns.js';

const BATCH = 16;
const SIZE = 256;
const ROUNDS = 12;
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

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { python: { type: 'string', default: PYTHON } },
});
const loop = await openTrainingLoop('resnet18', BATCH, SIZE, 2);
await using peer = await startPeer('train_peer.py', [], values.python);
const all: Readonly<Record<string, Contestant>> = {
	ours: { label: 'step with onnxruntime', run: () => loop.step() },
	...(peer && {
		published: { label: 'step with PyTorch, as published', run: () => peer.measure('published') },
		given: { label: '… the features given', run: () => peer.measure('given') },
	}),
};
console.log(`${await machine()}; PyTorch ${peer?.version ?? '–'}`);
console.log(`ResNet18 student, batch ${BATCH}, ${SIZE} pixels, 2 threads`);
const { median } = await inTurn(all, { rounds: ROUNDS, warmUp: WARM_UP });
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
await loop.close();
const [pictures] = positionals;
const against = (name: string) => (peer ? median('ours') / median(name) : null);
console.log(
	JSON.stringify({
		stepMs: median('ours'),
		ratio: against('published'),
		ratioFeaturesGiven: against('given'),
		peakMb,
		secondsToStop: pictures === undefined ? null : await secondsToStop(pictures),
	}),
);
