import { Failure } from '../base/failure.js';
import type { EngineFiles, OpenSession, Session } from '../graph/session.js';
import type { Bundle } from '../model/bundle.js';
import { findingWords, type GateFinding } from '../model/precision.js';
import {
	asLabelled,
	asShown,
	asSpoiled,
	closing,
	findings,
	type LabelledPictures,
	type Probe,
	scoresOf,
	usualOf,
} from './comparison.js';
import type { Pictures } from './lesson.js';

/** Spoiled pictures, at least: a bundle with few good ones gets several copies of each. */
const LEAST_SPOILED = 24;

/** The same for the same bundle, so that two builds are judged alike. */
const SEED = 1;

export type Comparison = { readonly pictures: number; readonly gate: GateFinding[] };

/** What comparing needs of the world. */
export type ComparisonWorld = {
	readonly openSession: OpenSession;
	readonly signal: AbortSignal;
	/** `share`: of the whole comparison, 0 to 1. */
	readonly report: (share: number, line: string) => void;
};

/**
 * Whether an engine scores like the bundle's float32 model on the processor: on good pictures that were not trained on, on copies of
 * them with a defect pasted in, and on labelled ones where there are any. An older bundle has no pictures but its golden vectors, the
 * first of which is a negative. The gate fails closed.
 * @throws Failure engine-failed when the engine does not open, does not run, or not all of it on TensorRT; bundle-invalid; the signal's reason
 */
export async function compareEngine(
	bundle: Bundle,
	engine: EngineFiles,
	labelled: LabelledPictures | undefined,
	{ openSession, signal, report }: ComparisonWorld,
): Promise<Comparison> {
	const { tiling } = bundle.manifest.input;
	const { threshold, scores, mapMedian } = bundle.manifest.calibration;
	const { fp32 } = bundle.models;
	if (fp32 === undefined)
		throw new Failure(
			'bundle-invalid',
			`Cannot compare an engine with bundle "${bundle.id}": it has no float32 model`,
		);
	const probes = await probesOf(bundle, labelled);
	const half = (from: number, what: string) => (done: number, of: number) =>
		report(from + (0.5 * done) / of, `${what} ${done} of ${of} pictures`);
	const onProcessor = await openSession(fp32, { provider: 'cpu' });
	const reference = await closing(onProcessor, () =>
		scoresOf(onProcessor, probes, tiling, signal, half(0, 'float32 on the processor scores')),
	);
	const candidate = await asEngineFailure(bundle.id, async () => {
		const session = await openSession(engine, { provider: 'tensorrt', recorded: true });
		return closing(session, async () => {
			// The first alone: what did not run where it should is no engine.
			const [first, ...others] = probes;
			const found = await scoresOf(session, [first!], tiling, signal, () => {});
			await assertOnTensorRt(session, bundle.id);
			return [...found, ...(await scoresOf(session, others, tiling, signal, half(0.5, 'the engine scores')))];
		});
	});
	signal.throwIfAborted();
	return {
		pictures: probes.length,
		gate: findings(probes, reference, candidate, { threshold, usual: usualOf(scores, mapMedian) }),
	};
}

async function probesOf(bundle: Bundle, labelled: LabelledPictures | undefined): Promise<Probe[]> {
	const { tiling } = bundle.manifest.input;
	const kept = await bundle.heldOut();
	const [negative, ...golden] = bundle.golden.map(({ image }) => image);
	const good = picturesOf(kept.length > 0 ? kept : golden.length > 0 ? golden : [negative!]);
	const copies = Math.ceil(LEAST_SPOILED / good.count);
	return [
		...asShown(good),
		...(kept.length === 0 ? [{ kind: 'made', defective: true, input: async () => negative! } as const] : []),
		...Array.from({ length: copies }, (_, i) => asSpoiled(good, tiling, SEED + i * good.count)).flat(),
		...asLabelled(labelled),
	];
}

function picturesOf(inputs: readonly Uint8Array[]): Pictures {
	return { count: inputs.length, input: async (i) => inputs[i]! };
}

/** What trtexec built does not open or run: that is the build's failure, not the bundle's. */
async function asEngineFailure<T>(bundle: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (thrown) {
		if (!(thrown instanceof Failure) || thrown.code === 'interrupted' || thrown.code === 'engine-failed')
			throw thrown;
		throw new Failure(
			'engine-failed',
			`Cannot use the engine that was built of bundle "${bundle}": ${thrown.message}`,
			thrown.advice,
		);
	}
}

async function assertOnTensorRt(session: Session, bundle: string): Promise<void> {
	const ranOn = (await session.ranOn()).join(' and ');
	if (ranOn === 'tensorrt') return;
	throw new Failure(
		'engine-failed',
		`Cannot use the engine that was built of bundle "${bundle}": it ran on "${ranOn}" instead of "tensorrt"`,
	);
}

/** What an engine was refused for, in words; empty where it was not. */
export function refusalOf(gate: readonly GateFinding[]): string {
	return gate
		.filter(({ ok }) => !ok)
		.map(findingWords)
		.join('; ');
}
