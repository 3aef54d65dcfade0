import { readFile } from 'node:fs/promises';
import type { Context } from '../base/context.js';
import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Precision } from '../base/precision.js';
import { readBundle } from '../disk/bundle.js';
import {
	clearSetback,
	draftEngine,
	ENGINE_FILE,
	type EngineDraft,
	findEngine,
	readSetback,
	timingCacheFile,
	writeSetback,
} from '../disk/engines.js';
import { epContext } from '../graph/ep-context.js';
import { forTensorRt } from '../graph/for-tensorrt.js';
import { halfNodes } from '../graph/half-nodes.js';
import { halfOf } from '../graph/halved.js';
import { objections } from '../graph/objections.js';
import { parserOf } from '../graph/parsers.js';
import type { OpenSession } from '../graph/session.js';
import type { LabelledPictures } from '../learn/comparison.js';
import { type Comparison, compareEngine, refusalOf } from '../learn/engine.js';
import { halfRange } from '../learn/half-range.js';
import { acceleratorHere } from '../machine/accelerator.js';
import type { Bundle } from '../model/bundle.js';
import { type Engine, type EngineKey, engineKeyOf, type Machine } from '../model/engine.js';
import { findingWords } from '../model/precision.js';
import { loadOrt, ortPlace } from '../ort/library.js';
import { lackOf } from '../ort/presence.js';
import { openSession } from '../ort/session.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from '../protocol/engine-messages.js';
import { argumentsFor } from '../trtexec/arguments.js';
import { causeOf } from '../trtexec/causes.js';
import { findTrtexec, type Trtexec } from '../trtexec/find.js';
import { buildProgress } from '../trtexec/progress.js';
import { NICE, run } from '../trtexec/run.js';
import { labelledImages } from './labelled-images.js';

/** What a build needs of the world, beside disk and trtexec. */
export type EngineWorld = {
	readonly openSession: OpenSession;
	/** Why an engine could not be run here, whatever the model; null where nothing speaks against it. */
	readonly lack: () => Failure | null;
	readonly machine: () => Promise<Machine>;
};

function realWorld(env: Context['env']): EngineWorld {
	const place = ortPlace(env.INSPECTORD_ORT);
	loadOrt(place);
	return {
		openSession,
		lack: () => lackOf('tensorrt', place)?.failure ?? null,
		machine: () => acceleratorHere(env),
	};
}

type Report = (progress: EngineProgress) => void;

/**
 * A bundle in, an engine on disk out that scores like the bundle's float32 model; or nothing. What failed is noted, and not tried again
 * until something of its key is another.
 * @throws Failure bundle-invalid, precision-refused, engine-missing, provider-unavailable before minutes are spent; engine-failed after
 * them, or when it failed before; file-unwritable; and the signal's reason
 */
export async function buildEngineFrom(
	request: EngineRequest,
	{ env }: Pick<Context, 'env'>,
	signal: AbortSignal,
	report: Report,
	world = realWorld(env),
): Promise<EngineBuilt> {
	const started = performance.now();
	const seconds = () => (performance.now() - started) / 1000;
	const { cache } = request;
	report({ phase: 'exporting', share: null, line: null });
	const bundle = await readBundle(request.bundle);
	const precision = request.precision ?? bundle.manifest.precision.runs;
	const key = engineKeyOf(bundle.manifest, precision, await world.machine());
	if (!request.again) {
		const stands = await standing(cache, key, report);
		if (stands) return { id: stands.id, engine: stands.record.engine, seconds: seconds(), isNew: false };
		await assertNoSetback(cache, key, bundle.id);
	}
	const lack = world.lack();
	if (lack) throw lack;
	const trtexec = await trtexecFor(key, env, signal);
	const source = forTensorRt(await sourceOf(bundle, precision));
	if (precision === 'fp16' && bundle.models.fp16 === undefined) await assertHeld(bundle, world, signal);
	// trtexec decides, within seconds: later parsers may take more than those that are known.
	for (const line of objections(source, parserOf(key.tensorrt)))
		report({ phase: 'exporting', share: null, line });
	const { region, tiling } = bundle.manifest.input;
	const labelled =
		request.labelled === undefined
			? undefined
			: await labelledImages(request.labelled, region ?? undefined, tiling);
	await using draft = await draftEngine(cache, key);
	await draft.writeWrapper(wrapperOf(source, bundle.id));
	const attempt: Attempt = { bundle, key, source, draft, trtexec, env, signal, report };
	await built(attempt, request);
	const { gate, pictures } = await compared(attempt, labelled, request, world);
	signal.throwIfAborted();
	const engine = await draft.install({
		key,
		bundle: bundle.id,
		source: sha256Of(source),
		builtAt: new Date().toISOString(),
		seconds: seconds(),
		pictures,
		gate,
	});
	await clearSetback(cache, key);
	return { id: engine.id, engine: engine.record.engine, seconds: seconds(), isNew: true };
}

/** What stands there and cannot be used gives way to a new one. */
async function standing(cache: string, key: EngineKey, report: Report): Promise<Engine | undefined> {
	try {
		return await findEngine(cache, key);
	} catch (thrown) {
		if (!(thrown instanceof Failure) || thrown.code !== 'engine-invalid') throw thrown;
		report({ phase: 'exporting', share: null, line: thrown.message });
		return undefined;
	}
}

async function assertNoSetback(cache: string, key: EngineKey, bundle: string): Promise<void> {
	const setback = await readSetback(cache, key);
	if (!setback) return;
	throw new Failure(
		'engine-failed',
		`Cannot build an engine of bundle "${bundle}" in ${key.precision}: it failed before (${setback.at}): ${setback.message}`,
		'Nothing has changed since: model, TensorRT, driver and machine are the same. inspectord engine build --again tries it nevertheless.',
	);
}

/** An engine of another TensorRT would not load. @throws Failure engine-missing */
async function trtexecFor(
	{ tensorrt }: EngineKey,
	env: Context['env'],
	signal: AbortSignal,
): Promise<Trtexec> {
	const found = await findTrtexec(env, signal);
	const three = (version: string) => version.split('.').slice(0, 3).join('.');
	if (three(found.version) === three(tensorrt)) return found;
	throw new Failure(
		'engine-missing',
		`Cannot use trtexec "${found.path}": it is of TensorRT ${found.version}, and the library here is TensorRT ${tensorrt}`,
		'Install both from one TensorRT, or name the right trtexec in INSPECTORD_TRTEXEC.',
	);
}

/** What trtexec is given: the bundle's own model of that precision, or one in float16 that is made of the float32 one. */
async function sourceOf({ id, models }: Bundle, precision: Precision): Promise<Uint8Array> {
	const own = models[precision];
	if (own !== undefined) return readFile(own);
	if (precision === 'fp16' && models.fp32 !== undefined) return halfOf(await readFile(models.fp32));
	throw new Failure(
		'precision-refused',
		`Cannot build an engine of bundle "${id}" in ${precision}: it holds no such model`,
		`Teach it with --precision ${precision}, or build with --precision fp16.`,
	);
}

/**
 * float16 that is made here was never held against what the network reaches, as teaching does.
 * @throws Failure precision-refused
 */
async function assertHeld(
	{ id, models, manifest, golden, heldOut }: Bundle,
	{ openSession }: Pick<EngineWorld, 'openSession'>,
	signal: AbortSignal,
): Promise<void> {
	const kept = await heldOut();
	const inputs = kept.length > 0 ? kept : golden.map(({ image }) => image);
	const pictures = { count: inputs.length, input: async (i: number) => inputs[i]! };
	const fp32 = await readFile(models.fp32!);
	const found = await halfRange(fp32, pictures, manifest.input.tiling, 1, { openSession, signal });
	const failed = found.filter(({ ok }) => !ok).map(findingWords);
	if (failed.length === 0) return;
	throw new Failure(
		'precision-refused',
		`Cannot build an engine of bundle "${id}" in fp16: it does not hold what the network computes: ${failed.join('; ')}`,
		'Build one of fp32.',
	);
}

function wrapperOf(source: Uint8Array, bundle: string): Uint8Array {
	try {
		return epContext(source, ENGINE_FILE);
	} catch (thrown) {
		throw new Failure('bundle-invalid', `Cannot build an engine of bundle "${bundle}": ${reasonOf(thrown)}`);
	}
}

type Attempt = {
	readonly bundle: Bundle;
	readonly key: EngineKey;
	readonly source: Uint8Array;
	readonly draft: EngineDraft;
	readonly trtexec: Trtexec;
	readonly env: Context['env'];
	readonly signal: AbortSignal;
	readonly report: Report;
};

/** @throws Failure engine-failed, noted where it would fail again */
async function built(
	{ bundle, key, source, draft, trtexec, env, signal, report }: Attempt,
	{ cache, limitMs }: EngineRequest,
): Promise<void> {
	const { precision, tensorrt } = key;
	const order = {
		version: trtexec.version,
		precision,
		onnx: await draft.scratch('source.onnx', source),
		engine: draft.engine,
		timingCache: timingCacheFile(cache, key),
		halfNodes: precision === 'fp16' ? halfNodes(source) : [],
	};
	const args = argumentsFor(order);
	report({ phase: 'building', share: null, line: `${trtexec.path} of TensorRT ${tensorrt}` });
	const progress = buildProgress();
	const told = paced(report);
	const ran = await run(trtexec.path, args, {
		env,
		limitMs,
		nice: NICE,
		signal,
		hear: (line) => {
			const news = progress(line);
			if (news) told(news);
		},
	});
	const succeeded = ran.code === 0 && ran.limitSeconds === null;
	if (succeeded && (await draft.holdsEngine())) return;
	const cause = succeeded
		? { state: 'trtexec wrote no engine', advice: 'Its last words say more.', isLasting: true }
		: causeOf(ran, ran.lines);
	const failure = new Failure(
		'engine-failed',
		`Cannot build an engine of bundle "${bundle.id}" in ${precision}: ${cause.state}`,
		cause.advice,
	);
	if (cause.isLasting) await noted(cache, key, failure, ran.tail);
	throw failure;
}

/** @throws Failure engine-failed, noted */
async function compared(
	{ bundle, key, draft, signal, report }: Attempt,
	labelled: LabelledPictures | undefined,
	{ cache }: EngineRequest,
	{ openSession: open }: EngineWorld,
): Promise<Comparison> {
	const told = paced(report);
	const compare = () =>
		compareEngine(bundle, { wrapper: draft.wrapper, engine: draft.engine }, labelled, {
			openSession: open,
			signal,
			report: (share, line) => told({ phase: 'comparing', share, line }),
		});
	try {
		const comparison = await compare();
		const refusal = refusalOf(comparison.gate);
		if (refusal === '') return comparison;
		throw new Failure(
			'engine-failed',
			`Cannot use the engine of bundle "${bundle.id}" in ${key.precision}: it does not score like float32 on ${comparison.pictures} pictures: ${refusal}`,
			key.precision === 'fp32' ? 'Use the CPU.' : 'Build one of a higher precision.',
		);
	} catch (thrown) {
		signal.throwIfAborted();
		if (thrown instanceof Failure && thrown.code === 'engine-failed') await noted(cache, key, thrown, '');
		throw thrown;
	}
}

/** On a full disk it is tried once more. */
async function noted(cache: string, key: EngineKey, { code, message }: Failure, tail: string): Promise<void> {
	await writeSetback(cache, { key, at: new Date().toISOString(), code, message, tail }).catch(() => {});
}

/** Between two tellings where the share is the same: trtexec says hundreds of lines a second. */
const PACE_MS = 200;

function paced(report: Report): Report {
	let toldMs = Number.NEGATIVE_INFINITY;
	let share: number | null = null;
	return (progress) => {
		const now = performance.now();
		if (progress.share === share && now - toldMs < PACE_MS) return;
		[toldMs, share] = [now, progress.share];
		report(progress);
	};
}
