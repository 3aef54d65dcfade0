// Opens a bundle and says 'opened', or the code of the failure; a program of its own, to be run on another processor. Told
// 'saturating', it takes away what makes ONNX Runtime exact there.
import { createRequire } from 'node:module';
import { Failure } from '../../src/base/failure.js';
import { readBundle } from '../../src/disk/bundle.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { openSession } from '../../src/ort/session.js';

if (process.argv[3] === 'saturating') {
	const { InferenceSession } = createRequire(import.meta.url)('onnxruntime-node') as {
		InferenceSession: { create(model: Uint8Array, settings: { extra?: unknown }): Promise<unknown> };
	};
	const create = InferenceSession.create.bind(InferenceSession);
	InferenceSession.create = (model, { extra: _, ...settings }) => create(model, settings);
}
try {
	const scorer = await openScorer(await readBundle(process.argv[2]!), openSession, { threads: 1 });
	await scorer.close();
	console.log('opened');
} catch (thrown) {
	if (!(thrown instanceof Failure)) throw thrown;
	console.log(thrown.code);
}
