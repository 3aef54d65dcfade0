import { randomBytes } from 'node:crypto';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { readBundle } from '../disk/bundle.js';
import { listImages } from '../disk/dataset.js';
import type { Inspection } from '../inspect/frame.js';
import { inspectionLoop } from '../inspect/loop.js';
import { openScorer } from '../inspect/scorer.js';
import { chosenModel } from '../model/bundle.js';
import { openCamera } from '../opencv/camera.js';
import { encodeJpeg } from '../opencv/picture.js';
import { openSession } from '../ort/session.js';
import { type Parent, parentChannel } from '../process/parent.js';
import type { Counts, StationState } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { parseSource } from '../vision/source.js';

type Start = Extract<StationDown, { kind: 'start' }>;

const BEAT_MS = 2000;

const NOTHING: Counts = { parts: 0, accepted: 0, rejected: 0, errors: 0, droppedFrames: 0 };

/** The process of one station. Its parent tells it what to inspect, and hears states, verdicts and beats. @throws Failure usage without a parent */
export async function station(context: Context): Promise<void> {
	const parent = parentChannel<StationDown, StationUp>();
	if (!parent) throw new Failure('usage', 'station is a child process of inspectord', 'Use inspectord run.');
	let check = async () => {};
	const start = await new Promise<Start>((resolve) => {
		parent.onMessage((message) => {
			if (message.kind === 'start') resolve(message);
			else void check();
		});
	});
	const signal = AbortSignal.any([context.signal, parent.gone]);
	const beat = setInterval(() => void parent.send({ kind: 'beat' }), BEAT_MS);
	try {
		await runStation(start, parent, signal, (selfCheck) => {
			check = selfCheck;
		});
	} finally {
		clearInterval(beat);
		parent.leave();
	}
}

async function runStation(
	start: Start,
	parent: Parent<StationDown, StationUp>,
	signal: AbortSignal,
	onSelfCheck: (check: () => Promise<void>) => void,
): Promise<void> {
	const { recipe } = start;
	let known: Pick<StationState, 'model' | 'threshold'> = { model: null, threshold: null };
	const report = (state: StationState['state'], counts: Counts, failure?: Failure) =>
		void parent.send({ kind: 'state', state: stateOf(start, state, known, counts, failure) });
	report('starting', NOTHING);
	try {
		const bundle = await readBundle(recipe.model);
		const { provider, threads, precision } = recipe;
		const scorer = await openScorer(bundle, openSession, {
			provider,
			threads,
			precision,
		});
		try {
			const inspection: Inspection = {
				...start,
				region: recipe.region ?? bundle.manifest.input.region ?? undefined,
				scorer,
				model: { name: bundle.manifest.name, sha256: chosenModel(bundle, scorer.precision).sha256 },
				threshold: recipe.threshold === 'bundle' ? bundle.manifest.calibration.threshold : recipe.threshold,
				mapMedian: bundle.manifest.calibration.mapMedian,
				run: randomBytes(4).toString('hex'),
				encodeJpeg,
				now: () => performance.now(),
			};
			known = { model: { ...inspection.model, provider: scorer.provider }, threshold: inspection.threshold };
			const distrusted = new AbortController();
			onSelfCheck(() => scorer.prove().catch((failure) => distrusted.abort(failure)));
			await inspectionLoop({
				inspection,
				openCamera: () =>
					openCamera(parseSource(start.camera.source), {
						timeoutMs: start.camera.timeoutMs,
						loop: start.camera.loop,
						listImages,
					}),
				emit: (message, heatmaps) => parent.send({ kind: 'verdict', message, heatmaps }),
				report,
				wallClock: () => Date.now(),
				chance: () => Math.random(),
				signal: AbortSignal.any([signal, distrusted.signal]),
			});
			distrusted.signal.throwIfAborted();
		} finally {
			await scorer.close();
		}
	} catch (thrown) {
		if (!(thrown instanceof Failure)) throw thrown;
		report('error', NOTHING, thrown);
		throw thrown;
	}
}

function stateOf(
	{ recipeName }: Start,
	state: StationState['state'],
	known: Pick<StationState, 'model' | 'threshold'>,
	counts: Counts,
	failure?: Failure,
): StationState {
	const error = failure ? { code: failure.code, message: failure.message } : null;
	return { state, recipe: recipeName, ...known, counts: { ...counts }, error, at: new Date().toISOString() };
}
