import { setImmediate as breathe } from 'node:timers/promises';
import { randomFrom } from '../base/random.js';
import { observedForHalf, weightsForHalf } from '../graph/halved.js';
import type { OpenSession } from '../graph/session.js';
import { type GateFinding, halfFindings } from '../model/precision.js';
import type { Size } from '../vision/image.js';
import { plainSpoil, spoiledBy } from '../vision/spoils.js';
import type { Pictures } from './lesson.js';

/** Pictures that show how large activations get, and as many copies of them with a defect pasted in. */
const MOST_PICTURES = 16;

export type HalfRangeWorld = {
	readonly openSession: OpenSession;
	readonly signal: AbortSignal;
	readonly threads?: number;
};

/**
 * Whether float16 holds what a float32 model computes where halfOf would halve it: its weights, and its activations on good pictures and
 * on spoiled copies of them. Nothing is found of a model that halfOf refuses. @throws Failure model-failed, the signal's reason
 */
export async function halfRange(
	fp32: Uint8Array,
	{ count, input }: Pictures,
	size: Size,
	seed: number,
	{ openSession, signal, threads }: HalfRangeWorld,
): Promise<GateFinding[]> {
	const { model, units } = observedForHalf(fp32);
	const reached = new Map<string, number>();
	const session = await openSession(model, { name: 'ranges', ...(threads !== undefined && { threads }) });
	try {
		const see = async (data: Uint8Array) => {
			signal.throwIfAborted();
			const shape = [1, size.height, size.width, 3];
			const results = await session.run({ image: { dtype: 'uint8', shape, data } });
			for (const [output, unit] of units) {
				const largest = Number(results[output]!.data[0]);
				const before = reached.get(unit) ?? 0;
				// What is no number stays none.
				reached.set(unit, largest <= before ? before : Number.isNaN(before) ? before : largest);
			}
			await breathe();
		};
		for (let i = 0; i < Math.min(count, MOST_PICTURES); i += 1) {
			const picture = await input(i);
			await see(picture);
			await see(spoiledBy(picture, size, plainSpoil(i), randomFrom(seed + i)));
		}
	} finally {
		await session.close();
	}
	return halfFindings(weightsForHalf(fp32), reached);
}
