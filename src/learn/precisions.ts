import { setImmediate as breathe } from 'node:timers/promises';
import type { Precision } from '../base/precision.js';
import { randomFrom } from '../base/random.js';
import { encodeOnnx } from '../graph/onnx.js';
import type { Session } from '../graph/session.js';
import type { Tensor } from '../graph/tensor.js';
import { inferenceProgram, type Pair, scoreWith } from '../model/inference.js';
import { inInt8, observedUnits, type Ranges, rangesOf } from '../model/int8.js';
import type { Normality } from '../model/normality.js';
import { type Arithmetic, type GateFinding, inFloat16, inFloat32 } from '../model/precision.js';
import { spoiled } from '../vision/spoil.js';
import { type Compared, gate } from './gate.js';
import type { Pictures, TeachWorld } from './lesson.js';

/** Good pictures that show how large activations get. */
const RANGE_PICTURES = 48;

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
	readonly labelled?: (Pictures & { defective(index: number): boolean }) | undefined;
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
	normality: Normality | undefined,
	probes: Probes,
	scale: { readonly threshold: number; readonly usual: number },
	settings: { readonly precision: Precision; readonly threads: number; readonly seed: number },
	world: TeachWorld,
): Promise<Models> {
	const build = (arithmetic: Arithmetic) =>
		encodeOnnx(inferenceProgram(pair, normality, arithmetic), 'inspectord');
	const fp32 = build(inFloat32);
	const models: Partial<Record<Precision, Uint8Array>> = { fp32 };
	const gates: Partial<Record<Precision, GateFinding[]>> = {};
	const pictures = [
		...asShown(probes.good),
		...asSpoiled(probes.good, pair, settings.seed),
		...asLabelled(probes),
	];
	const scored = async (model: Uint8Array): Promise<number[]> => {
		const session = await world.openSession(model, { threads: settings.threads });
		return closing(session, async () => {
			const scores: number[] = [];
			for (const { input } of pictures) {
				world.signal.throwIfAborted();
				scores.push((await scoreWith(session, await input(), pair.tiling)).score);
				world.report({ phase: 'comparing', done: scores.length, of: pictures.length });
				await breathe();
			}
			return scores;
		});
	};
	let reference: number[] | undefined;
	for (const precision of attempts[settings.precision]) {
		reference ??= await scored(fp32);
		const model = build(
			precision === 'int8'
				? inInt8(await rangesFor(pair, probes.ranges, settings.threads, world))
				: inFloat16,
		);
		const found = findings(pictures, reference, await scored(model), scale);
		gates[precision] = found;
		const failed = found.filter(({ ok }) => !ok);
		if (failed.length === 0) return { models: { ...models, [precision]: model }, runs: precision, gates };
		for (const { measure, value, limit } of failed) {
			const message = `${precision} does not score like fp32: ${measure} ${Number(value.toPrecision(3))}, the limit is ${limit}; it is left out`;
			world.report({ phase: 'warning', message });
		}
	}
	return { models, runs: 'fp32', gates };
}

type Probe = {
	readonly kind: 'made' | 'labelled';
	readonly defective: boolean;
	input(): Promise<Uint8Array>;
};

function asShown({ count, input }: Pictures): Probe[] {
	return Array.from({ length: count }, (_, i) => ({ kind: 'made', defective: false, input: () => input(i) }));
}

function asSpoiled({ count, input }: Pictures, { tiling }: Pair, seed: number): Probe[] {
	return Array.from({ length: count }, (_, i) => ({
		kind: 'made',
		defective: true,
		input: async () => spoiled(await input(i), tiling, randomFrom(seed + i)),
	}));
}

function asLabelled({ labelled }: Probes): Probe[] {
	return Array.from({ length: labelled?.count ?? 0 }, (_, i) => ({
		kind: 'labelled',
		defective: labelled!.defective(i),
		input: () => labelled!.input(i),
	}));
}

/** Made pictures and labelled ones are judged apart, and both must hold. */
function findings(
	probes: readonly Probe[],
	reference: readonly number[],
	candidate: readonly number[],
	{ threshold, usual }: { readonly threshold: number; readonly usual: number },
): GateFinding[] {
	return (['made', 'labelled'] as const).flatMap((kind) => {
		const of = probes.flatMap((probe, i) => (probe.kind === kind ? [i] : []));
		if (of.length === 0) return [];
		const compared: Compared = {
			reference: of.map((i) => reference[i]!),
			candidate: of.map((i) => candidate[i]!),
			defective: of.map((i) => probes[i]!.defective),
		};
		return gate(compared, threshold, usual);
	});
}

/** How large activations get on good pictures. */
export async function rangesFor(
	pair: Pair,
	pictures: Pictures,
	threads: number,
	{ openSession, signal }: Pick<TeachWorld, 'openSession' | 'signal'>,
): Promise<Ranges> {
	const seen: string[] = [];
	const program = inferenceProgram(pair, undefined, (graph, kernels) => observedUnits(graph, kernels, seen));
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

async function closing<T>(session: Session, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} finally {
		await session.close();
	}
}
