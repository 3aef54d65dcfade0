// WideResNet50-2, the network of the paper's tables: what teaching and running it cost in time and memory. Seeded weights: as much work
// as trained ones. npm run bench:wide [-- BATCH]

import { encodeOnnx } from '../src/graph/onnx.js';
import { elementCount, type Tensor } from '../src/graph/tensor.js';
import { inferenceProgram } from '../src/model/inference.js';
import { openSession } from '../src/ort/session.js';
import { drawPart } from '../src/sim/line.js';
import { shown, summary } from './median.js';
import { openTrainingLoop } from './training-loop.js';
import { untrainedPair } from './untrained.js';

const SIZE = 256;
const STEPS = 4;
const PICTURES = 8;
const batch = Number(process.argv[2] ?? 8);
const peakMb = () => Math.round(process.resourceUsage().maxRSS / 1000);

const pair = untrainedPair('wide_resnet50_2', SIZE);
const weights = [...pair.student.entries()].reduce((sum, [, { shape }]) => sum + elementCount(shape), 0);
const session = await openSession(encodeOnnx(inferenceProgram(pair), 'wide'), { threads: 2 });
const { data } = drawPart(1, 1, undefined, SIZE).image;
const image: Tensor = { dtype: 'uint8', shape: [1, SIZE, SIZE, 3], data };
const pictureMs: number[] = [];
for (let i = 0; i < PICTURES; i += 1) {
	const begun = performance.now();
	await session.run({ image });
	pictureMs.push(performance.now() - begun);
}
await session.close();
const runningMb = peakMb();
const loop = await openTrainingLoop('wide_resnet50_2', batch, SIZE, 2);
const stepMs: number[] = [];
for (let i = 0; i < STEPS; i += 1) stepMs.push(await loop.step());
await loop.close();
console.log(
	`WideResNet50-2, ${(weights / 1e6).toFixed(0)} million weights to train, ${SIZE} pixels, 2 threads`,
);
console.log(shown('a picture', 'ms', pictureMs.slice(1)));
console.log(shown(`a training step of ${batch}`, 'ms', stepMs.slice(1)));
console.log(`memory at most ${runningMb} MB for running, ${peakMb()} MB for both`);
console.log(
	JSON.stringify({
		pictureMs: summary(pictureMs.slice(1)).median,
		stepMs: summary(stepMs.slice(1)).median,
		runningMb,
		peakMb: peakMb(),
	}),
);
