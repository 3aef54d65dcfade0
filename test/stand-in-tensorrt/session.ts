import { readFileSync } from 'node:fs';
import { sha256Of } from '../../src/base/hash.js';
import type { OpenSession } from '../../src/graph/session.js';
import * as real from '../../src/ort/session.js';

export { onnxruntimeVersion } from '../../src/ort/session.js';

/** What an engine does in a process: computes as the model does, computes something else, or kills the process that opens it. */
export type EngineDoes = 'computes' | 'mistakes' | 'kills';

/**
 * A STAND-IN for sessions of TensorRT, which is not here: an engine is computed by the model of STAND_IN_MODEL on the processor, and
 * said to run on TensorRT. The file STAND_IN_DOES names what engines do in processes of a command (`station`, `job`, `probe`), as JSON.
 * Everything else is opened as ever.
 */
export const openSession: OpenSession = async (model, options) => {
	if (typeof model === 'string' || !('engine' in model)) return real.openSession(model, options);
	if (options.provider !== 'tensorrt') throw new Error(`an engine on "${options.provider}"`);
	const { STAND_IN_MODEL = '', STAND_IN_DOES = '' } = process.env;
	const told = JSON.parse(readFileSync(STAND_IN_DOES, 'utf8')) as Readonly<Record<string, EngineDoes>>;
	const does = told[process.argv[2] ?? ''] ?? 'computes';
	if (does === 'kills') process.kill(process.pid, 'SIGSEGV');
	const { recorded: _, ...plain } = options;
	const session = await real.openSession(STAND_IN_MODEL, { ...plain, provider: 'cpu', threads: 1 });
	return {
		...session,
		sha256: sha256Of(readFileSync(model.engine)),
		wrapper: sha256Of(readFileSync(model.wrapper)),
		run: async (feeds, into) => {
			const { score, ...others } = await session.run(feeds, into);
			if (does === 'computes') return { ...others, score: score! };
			return { ...others, score: { ...score!, data: Float32Array.of(Number(score!.data[0]) + 1) } };
		},
		ranOn: async () => ['tensorrt'],
	};
};
