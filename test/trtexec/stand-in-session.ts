import { readFile } from 'node:fs/promises';
import { Failure } from '../../src/base/failure.js';
import type { Feeds, OpenSession, Session } from '../../src/graph/session.js';
import { openSession } from '../../src/ort/session.js';

/** How a STAND-IN for an engine computes: as the model does, or wrongly. */
export type Computes = (score: number, run: number) => number;

/**
 * A STAND-IN for a session of TensorRT, which is not here: an engine of stand-in-process.ts is computed by the model `fp32` on the
 * processor, `computes` changes its scores, and it says that it `ranOn` TensorRT. Everything else is opened as ever.
 */
export function standInSessions(
	fp32: string,
	{
		computes = (score) => score,
		ranOn = ['tensorrt'],
	}: { computes?: Computes; ranOn?: readonly string[] } = {},
): OpenSession {
	return async (model, options) => {
		if (typeof model === 'string' || !('engine' in model)) return openSession(model, options);
		if (options.provider !== 'tensorrt') throw new Error(`an engine on "${options.provider}"`);
		const engine = await readFile(model.engine, 'utf8');
		if (!/^stand-in engine of TensorRT [\d.]+ for [0-9a-f]{64} .*\n$/.test(engine))
			throw new Failure('model-failed', `Cannot open model "${model.engine}": it does not deserialize`);
		const session = await openSession(fp32, { threads: 1 });
		return { ...session, ...changed(session, computes), ranOn: async () => ranOn };
	};
}

function changed(session: Session, computes: Computes): Pick<Session, 'run'> {
	let runs = 0;
	return {
		run: async (feeds: Feeds) => {
			const { score, mean, ...others } = await session.run(feeds);
			const of = (value: number) => ({ ...score!, data: Float32Array.of(value) });
			const wrong = computes(Number(score!.data[0]), runs);
			runs += 1;
			return { ...others, score: of(wrong), mean: Number.isFinite(wrong) ? mean! : of(wrong) };
		},
	};
}
