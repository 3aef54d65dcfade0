import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { architectures } from '../../src/model/architecture.js';
import { joinedChannels } from '../../src/model/gaussian.js';
import { inferenceProgram } from '../../src/model/inference.js';
import { taughtIn } from '../../src/model/taught.js';

const taught = suite('a pair out of its model');

const pair = untrainedPair('pocket', 64);
const model = encodeOnnx(inferenceProgram(pair), 'm');

taught('makes the same model again, byte for byte', () => {
	const { pair: found, gaussians } = taughtIn(model, 'pocket', pair.tiling);
	assert.is(gaussians, undefined);
	assert.is(Buffer.compare(encodeOnnx(inferenceProgram(found), 'm'), model), 0);
	assert.ok(found.teacher.has('conv1.weight') && !found.student.has('conv1.weight'));
});

for (const [scoring, directions] of [
	['places+features', 32],
	['features', 32],
	['features', undefined],
] as const) {
	const kind = directions === undefined ? 'as bundles of before did' : 'around centres';
	taught(`brings along what features are like where the model scores by ${scoring}, ${kind}`, () => {
		const d = joinedChannels(architectures.pocket);
		const gaussian = {
			mean: Float32Array.from({ length: d }, (_, i) => i / d),
			whitening: Float32Array.from({ length: (directions ?? d) * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0)),
			...(directions && { centres: Float32Array.from({ length: 7 * directions }, (_, i) => i % 5) }),
		};
		const judging = { scoring, gaussians: [gaussian] };
		const bytes = encodeOnnx(inferenceProgram(pair, judging), 'm');
		const { pair: found, gaussians } = taughtIn(bytes, 'pocket', pair.tiling);
		assert.equal(gaussians, [gaussian]);
		assert.ok(found.student.has('bn.conv1.weight'));
		assert.is(Buffer.compare(encodeOnnx(inferenceProgram(found, judging), 'm'), bytes), 0);
	});
}

taught('is not there where a constant has no such name, or another shape', () => {
	assert.throws(
		() => taughtIn(model, 'resnet18', pair.tiling),
		/constant "conv1\.weight" of its model is \[.*\], not \[64,3,7,7\]/,
	);
	// As names stand in the file, of equal length.
	const bytes = Buffer.from(model);
	for (let at = bytes.indexOf('bn.conv1.bias'); at !== -1; at = bytes.indexOf('bn.conv1.bias', at))
		bytes.write('c_123456789ab', at);
	assert.throws(
		() => taughtIn(bytes, 'pocket', pair.tiling),
		/no constant "bn\.conv1\.bias", which a pocket has/,
	);
	assert.throws(() => taughtIn(model.subarray(0, 1000), 'pocket', pair.tiling), /not an ONNX model/);
});

taught.run();
