import { setImmediate as breathe } from 'node:timers/promises';
import type { Precision } from '../base/precision.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Tensor } from '../graph/tensor.js';
import { inferenceProgram, type Judging, type Pair } from '../model/inference.js';
import { inInt8, observedUnits, type Ranges, rangesOf } from '../model/int8.js';
import { type Arithmetic, findingWords, type GateFinding, inFloat16, inFloat32 } from '../model/precision.js';
import { gaussiansAround } from './centres.js';
import {
	asLabelled,
	asShown,
	asSpoiled,
	closing,
	findings,
	type LabelledPictures,
	scoresOf,
} from './comparison.js';
import { halfRange } from './half-range.js';
import type { Pictures, TeachWorld } from './lesson.js';
import { momentsOfPictures } from './moments.js';

/** Good pictures that show how large activations get. */
export const RANGE_PICTURES = 48;

/** What to try, in this order, until one passes the gate: the wanted precision, then the next higher ones. */
const attempts: { readonly [P in Precision]: readonly Precision[] } = {
	fp32: [],
	fp16: ['fp16'],
	int8: ['int8', 'fp16'],
};

/** Pictures that were not trained on; the labelled ones are of a person who has some. */
export type Probes = {
	readonly ranges: Pictures;
	readonly good: Pictures;
	readonly labelled?: LabelledPictures | undefined;
};

export type Models = {
	readonly models: Readonly<Partial<Record<Precision, Uint8Array>>>;
	readonly runs: Precision;
	readonly gates: Readonly<Partial<Record<Precision, GateFinding[]>>>;
};

/**
 * The float32 model, and the first lower precision, from the wanted one on, that scores like it: on good pictures, on spoiled copies
 * of them, and on labelled ones where there are any. Each that does not is reported with the number that failed, and left out.
 */
export async function chooseModels(
	pair: Pair,
	judging: Judging,
	probes: Probes,
	scale: { readonly threshold: number; readonly usual: number },
	settings: { readonly precision: Precision; readonly threads: number; readonly seed: number },
	world: TeachWorld,
): Promise<Models> {
	const build = (arithmetic: Arithmetic, by = judging) =>
		encodeOnnx(inferenceProgram(pair, by, arithmetic), 'inspectord');
	/** Whitening enlarges what int8 rounds off: its features are measured by what they are in int8. */
	const buildInt8 = async () => {
		const arithmetic = inInt8(await rangesFor(pair, probes.ranges, settings.threads, world, judging));
		if (!judging.gaussians) return build(arithmetic);
		const kinds = await momentsOfPictures(pair, arithmetic, probes.ranges, settings, world);
		return build(arithmetic, { ...judging, gaussians: await gaussiansAround(kinds, settings, world) });
	};
	const fp32 = build(inFloat32);
	const models: Partial<Record<Precision, Uint8Array>> = { fp32 };
	const gates: Partial<Record<Precision, GateFinding[]>> = {};
	const pictures = [
		...asShown(probes.good),
		...asSpoiled(probes.good, pair.tiling, settings.seed),
		...asLabelled(probes.labelled),
	];
	const scored = async (model: Uint8Array): Promise<number[]> => {
		const session = await world.openSession(model, { threads: settings.threads });
		return closing(session, () =>
			scoresOf(session, pictures, pair.tiling, world.signal, (done, of) =>
				world.report({ phase: 'comparing', done, of }),
			),
		);
	};
	const tell = (what: string, found: readonly GateFinding[]) => {
		for (const finding of found.filter(({ ok }) => !ok))
			world.report({ phase: 'warning', message: `${what}: ${findingWords(finding)}; it is left out` });
	};
	let reference: number[] | undefined;
	for (const precision of attempts[settings.precision]) {
		const held =
			precision === 'fp16'
				? await halfRange(fp32, probes.ranges, pair.tiling, settings.seed, {
						...world,
						threads: settings.threads,
					})
				: [];
		if (held.some(({ ok }) => !ok)) {
			gates[precision] = held;
			tell(`${precision} does not hold what the network computes`, held);
			continue;
		}
		reference ??= await scored(fp32);
		const model = precision === 'int8' ? await buildInt8() : build(inFloat16);
		const found = [...held, ...findings(pictures, reference, await scored(model), scale)];
		gates[precision] = found;
		if (found.every(({ ok }) => ok))
			return { models: { ...models, [precision]: model }, runs: precision, gates };
		tell(`${precision} does not score like fp32`, found);
	}
	return { models, runs: 'fp32', gates };
}

/** How large activations get on good pictures. */
export async function rangesFor(
	pair: Pair,
	pictures: Pictures,
	threads: number,
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
	judging?: Judging,
): Promise<Ranges> {
	const seen: string[] = [];
	const program = inferenceProgram(pair, judging, (graph, kernels) => observedUnits(graph, kernels, seen));
	const session = await openSession(encodeOnnx(program, 'ranges'), { threads });
	return closing(session, async () => {
		const results: Readonly<Record<string, Tensor>>[] = [];
		const { width, height } = pair.tiling;
		for (let i = 0; i < Math.min(pictures.count, RANGE_PICTURES); i += 1) {
			signal.throwIfAborted();
			const data = await pictures.input(i);
			const { map: _, ...ranges } = await session.run({
				image: { dtype: 'uint8', shape: [1, height, width, 3], data },
			});
			results.push(ranges);
			await breathe();
		}
		return rangesOf(seen, results);
	});
}
