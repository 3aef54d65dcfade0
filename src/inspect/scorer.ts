import { Failure } from '../base/failure.js';
import type { Precision } from '../base/precision.js';
import type { OpenSession, SessionOptions } from '../graph/session.js';
import { type Bundle, chosenModel, type Expected } from '../model/bundle.js';
import { type Scored, scoreWith } from '../model/inference.js';
import type { Manifest } from '../model/manifest.js';
import type { Size } from '../vision/image.js';

/** The model of a bundle, opened and proven against its golden vectors. */
export type Scorer = {
	/** Of the input and of the map. */
	readonly size: Size;
	/** Where its nodes ran while it was proven. */
	readonly provider: string;
	readonly precision: Precision;
	/** SHA-256 of the bytes that the engine was given. */
	readonly model: string;
	/** `input` is interleaved RGB `[height, width, 3]`. Blocks the thread. @throws Failure model-failed */
	score(input: Uint8Array): Promise<Scored>;
	/** Scores the golden vectors again. @throws Failure bundle-golden */
	prove(): Promise<void>;
	close(): Promise<void>;
};

/** How far a score or map value may lie from the reference, in float32 on any processor. */
const GOLDEN_TOLERANCE = 1e-5;

/** @throws Failure bundle-invalid, model-failed, precision-refused, bundle-golden (then nothing stays open) */
export async function openScorer(
	bundle: Bundle,
	openSession: OpenSession,
	{
		precision: wanted,
		...options
	}: SessionOptions & { readonly precision?: Precision | 'bundle' | undefined },
): Promise<Scorer> {
	const { width, height } = bundle.manifest.input.tiling;
	const size: Size = { width, height };
	const { precision, path, sha256 } = chosenModel(bundle, wanted);
	const tolerance = toleranceOf(precision, bundle.manifest.calibration);
	const provider = options.provider ?? 'cpu';
	const session = await openSession(path, { ...options, provider, recorded: true });
	const score = (input: Uint8Array) => scoreWith(session, input, size);
	const prove = async () => {
		for (const [i, vector] of bundle.golden.entries()) {
			const deviation = goldenDeviation(vector.expected[precision], await score(vector.image));
			if (deviation <= tolerance) continue;
			throw new Failure(
				'bundle-golden',
				`Cannot trust bundle "${bundle.dir}" on provider "${provider}": golden vector ${i + 1} deviates by ${deviation.toExponential(1)}, allowed is ${tolerance.toExponential(1)}`,
				'Teach it again on this machine, or choose another provider.',
			);
		}
	};
	try {
		if (session.sha256 !== sha256)
			throw new Failure(
				'bundle-invalid',
				`Cannot use bundle "${bundle.dir}": "${path}" was changed while it was opened`,
				'Do not write into a bundle that runs; copy it again from where it was taught.',
			);
		await prove();
		const ranOn = (await session.ranOn()).join(' and ');
		if (ranOn !== provider)
			throw new Failure(
				'model-failed',
				`Cannot run bundle "${bundle.dir}" on provider "${provider}": its nodes ran on "${ranOn}"`,
			);
		return {
			size,
			provider: ranOn,
			precision,
			model: session.sha256,
			score,
			prove,
			close: () => session.close(),
		};
	} catch (failure) {
		await session.close();
		throw failure;
	}
}

/** Lower precisions round, and engines round in different places: a fiftieth of the way from usual to the threshold. */
function toleranceOf(precision: Precision, { threshold, mapMedian }: Manifest['calibration']): number {
	return precision === 'fp32' ? GOLDEN_TOLERANCE : Math.abs(threshold - mapMedian) / 50;
}

function goldenDeviation(expected: Expected | undefined, { map, score }: Scored): number {
	if (!expected) return Number.POSITIVE_INFINITY;
	const values = Object.entries(expected.map).map(([i, v]) => Math.abs(map[Number(i)]! - v));
	const deviation = Math.max(Math.abs(score - expected.score), ...values);
	return Number.isNaN(deviation) ? Number.POSITIVE_INFINITY : deviation;
}
