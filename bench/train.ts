// What a training step costs: time, memory, and against PyTorch where /usr/bin/python3 has it (Debian's python3-torch). The two
// take turns in one run. PyTorch's side is the same network, loss and optimiser, with the teacher's features given, as here.
import { randomFrom } from '../src/base/random.js';
import { encodeOnnx } from '../src/graph/onnx.js';
import { float32, type Tensor, zeros } from '../src/graph/tensor.js';
import { adamSchedule, paperAdam } from '../src/model/adam.js';
import { architectures } from '../src/model/architecture.js';
import { featureShapes, firstMoment, NEXT, secondMoment, stepProgram } from '../src/model/step.js';
import { initialWeights } from '../src/model/weights.js';
import { openSession } from '../src/ort/session.js';
import { shown, summary } from './median.js';
import { startPeer } from './peer.js';

const BATCH = 16;
const SIZE = 256;
const ROUNDS = 8;
/** The first ones touch memory for the first time. */
const WARM_UP = 2;

const arch = architectures.resnet18;
const program = stepProgram(arch, paperAdam, BATCH, SIZE);
const session = await openSession(encodeOnnx(program.graph, 'step'), { threads: 2, memoryPlan: false });
const random = randomFrom(1);
const teacher = Object.fromEntries(
	featureShapes(arch, BATCH, SIZE).map((shape, i) => {
		const tensor = zeros(shape);
		for (let k = 0; k < tensor.data.length; k += 1) tensor.data[k] = Math.max(0, 2 * random.uniform() - 0.8);
		return [`teacher${i + 1}`, tensor];
	}),
);
const empty = (): Record<string, Tensor<'float32'>> => {
	const state: Record<string, Tensor<'float32'>> = {};
	for (const { name, shape } of program.parameters) {
		for (const part of [name, firstMoment(name), secondMoment(name)]) state[part] = zeros(shape);
	}
	for (const { name, length } of program.statistics) state[name] = zeros([length]);
	return state;
};
let [now, next] = [empty(), empty()];
for (const [name, tensor] of initialWeights(program.parameters, 1).entries()) now[name] = tensor;
let steps = 0;
async function ours(): Promise<number> {
	steps += 1;
	const { rate, floor } = adamSchedule(paperAdam, steps);
	const begun = performance.now();
	const into = Object.fromEntries(Object.entries(next).map(([name, tensor]) => [name + NEXT, tensor]));
	await session.run({ ...teacher, ...now, rate: float32([], [rate]), floor: float32([], [floor]) }, into);
	[now, next] = [next, now];
	return performance.now() - begun;
}

await using peer = await startPeer('train_peer.py');

const [ourMs, theirMs]: [number[], number[]] = [[], []];
for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
	const a = await ours();
	const b = peer ? await peer.measure('step') : Number.NaN;
	if (round < WARM_UP) continue;
	ourMs.push(a);
	if (peer) theirMs.push(b);
}
const peakMb = Math.round(process.resourceUsage().maxRSS / 1000);
console.log(`ResNet18 student, batch ${BATCH}, ${SIZE} pixels, 2 threads, teacher features given`);
console.log(shown('step with onnxruntime', 'ms', ourMs));
console.log(peer ? shown('step with PyTorch', 'ms', theirMs) : 'PyTorch is not installed: no comparison');
await session.close();
const stepMs = summary(ourMs).median;
console.log(
	JSON.stringify({
		stepMs,
		peerMs: peer ? summary(theirMs).median : null,
		ratio: peer ? stepMs / summary(theirMs).median : null,
		peakMb,
	}),
);
