import { Failure } from '../base/failure.js';
import type { Precision } from '../base/precision.js';
import type { Provider } from '../base/provider.js';
import type { OpenSession, Session, SessionOptions } from '../graph/session.js';
import { type Bundle, type ChosenModel, chosenModel, type Expected } from '../model/bundle.js';
import type { Engine } from '../model/engine.js';
import type { Manifest } from '../model/manifest.js';
import { type Scored, scoreWith } from '../model/scored.js';
import type { Size } from '../vision/image.js';

/** The model of a bundle, opened and proven against its golden vectors. */
export type Scorer = {
	/** Of the input and of the map. */
	readonly size: Size;
	/** Where its nodes ran while it was proven. */
	readonly provider: string;
	readonly precision: Precision;
	/** SHA-256 of the bytes that ONNX Runtime was given, or by the engine's record of the model that the engine was made of. */
	readonly model: string;
	/** SHA-256 of TensorRT's engine as it was opened; null where the model itself runs. */
	readonly engine: string | null;
	/** `input` is interleaved RGB `[height, width, 3]`. Blocks the thread. @throws Failure model-failed */
	score(input: Uint8Array): Promise<Scored>;
	/** Scores the golden vectors again; with `turn` the one whose turn it is. @throws Failure bundle-golden, model-failed */
	prove(turn?: number): Promise<void>;
	close(): Promise<void>;
};

export type ScorerOptions = Pick<SessionOptions, 'provider' | 'threads'> & {
	readonly precision?: Precision | 'bundle' | undefined;
	/** Of the model in this precision: it runs in its place. */
	readonly engine?: Engine | undefined;
};

/** How far a score or map value may lie from the reference at least. */
const GOLDEN_TOLERANCE = 1e-5;

/**
 * And in float32 on any processor as a share of the way from usual to the threshold, because scores are of any scale and processors sum in another order: from x64 to an
 * emulated ARM it was 4e-6 to 1.4e-5 of it.
 */
const MOST_ROUNDED = 1 / 10_000;

/** @throws Failure bundle-invalid, engine-invalid, model-failed, precision-refused, provider-mistaken, bundle-golden (then nothing stays open) */
export async function openScorer(
	bundle: Bundle,
	openSession: OpenSession,
	{ precision: wanted, engine, ...options }: ScorerOptions,
): Promise<Scorer> {
	const { width, height } = bundle.manifest.input.tiling;
	const size: Size = { width, height };
	const precision = precisionOf(bundle.manifest, wanted);
	const provider = options.provider ?? 'cpu';
	const tolerance = toleranceOf(precision, provider, bundle.manifest.calibration);
	const chosen = modelOf(bundle, precision, engine);
	const session = await openSession(engine ?? chosen.path, { ...options, provider, recorded: true });
	const score = (input: Uint8Array) => scoreWith(session, input, size);
	const prove = async (turn?: number) => {
		const own = turn === undefined ? undefined : turn % bundle.golden.length;
		for (const [i, vector] of bundle.golden.entries()) {
			if (own !== undefined && own !== i) continue;
			const deviation = goldenDeviation(vector.expected[chosen.precision], await score(vector.image));
			if (deviation <= tolerance) continue;
			throw new Failure(
				'bundle-golden',
				`Cannot trust bundle "${bundle.dir}" on provider "${provider}": golden vector ${i + 1} deviates by ${deviation.toExponential(1)}, allowed is ${tolerance.toExponential(1)}`,
				'Teach it again on this machine, or choose another provider.',
			);
		}
	};
	try {
		if (engine) assertAsRecorded(session, engine);
		else if (session.sha256 !== chosen.sha256)
			throw new Failure(
				'bundle-invalid',
				`Cannot use bundle "${bundle.dir}": "${chosen.path}" was changed while it was opened`,
				'Do not write into a bundle that runs; copy it again from where it was taught.',
			);
		await prove();
		const ranOn = (await session.ranOn()).join(' and ');
		if (ranOn !== provider)
			throw new Failure(
				'provider-mistaken',
				`Cannot run bundle "${bundle.dir}" on provider "${provider}": its nodes ran on "${ranOn}"`,
			);
		return {
			size,
			provider: ranOn,
			precision,
			model: engine ? engine.record.key.model : session.sha256,
			engine: engine ? session.sha256 : null,
			score,
			prove,
			close: () => session.close(),
		};
	} catch (failure) {
		await session.close();
		throw failure;
	}
}

/** What a bundle runs in, unless another precision is asked for. */
export function precisionOf(
	{ precision: { runs } }: Pick<Manifest, 'precision'>,
	wanted: ScorerOptions['precision'],
): Precision {
	return wanted === undefined || wanted === 'bundle' ? runs : wanted;
}

/** What runs, or what the engine was made of: the bundle's model in this precision, or for an engine the one in float32. @throws Failure */
function modelOf(bundle: Bundle, precision: Precision, made: Engine | undefined): ChosenModel {
	const isOwn = bundle.models[precision] !== undefined;
	const chosen = chosenModel(bundle, made && !isOwn ? 'fp32' : precision);
	if (!made) return chosen;
	const { key } = made.record;
	if (key.model === chosen.sha256 && key.precision === precision) return chosen;
	throw new Failure(
		'engine-invalid',
		`Cannot use engine "${made.engine}": it was made of another model, or in ${key.precision} and not in ${precision}`,
		'Build one of this model (inspectord engine build).',
	);
}

/** @throws Failure engine-invalid */
function assertAsRecorded({ sha256, wrapper }: Session, { engine, record }: Engine): void {
	if (sha256 === record.engine && wrapper === record.wrapper) return;
	throw new Failure(
		'engine-invalid',
		`Cannot use engine "${engine}": what was opened is not what was built and compared`,
		'Remove it and build it again (inspectord engine remove, inspectord engine build).',
	);
}

/**
 * How far golden vectors may be missed, as a share of the way from usual to the threshold: a GPU multiplies float32 with the mantissas of
 * TF32; lower precisions round, and engines round in different places. A processor of ARM sums in float16 what others sum in float32: a
 * twentieth was seen on an emulated Cortex-A76. For int8 a tenth would be too much: products that saturate may miss by less.
 */
const MOST_MISSED = { fp32: 1 / 50, fp16: 1 / 10, int8: 1 / 50 } as const satisfies Record<Precision, number>;

function toleranceOf(
	precision: Precision,
	provider: Provider,
	{ threshold, mapMedian }: Manifest['calibration'],
): number {
	const share = precision === 'fp32' && provider === 'cpu' ? MOST_ROUNDED : MOST_MISSED[precision];
	return Math.max(GOLDEN_TOLERANCE, Math.abs(threshold - mapMedian) * share);
}

function goldenDeviation(expected: Expected | undefined, { map, score }: Scored): number {
	if (!expected) return Number.POSITIVE_INFINITY;
	const values = Object.entries(expected.map).map(([i, v]) => Math.abs(map[Number(i)]! - v));
	const deviation = Math.max(Math.abs(score - expected.score), ...values);
	return Number.isNaN(deviation) ? Number.POSITIVE_INFINITY : deviation;
}
