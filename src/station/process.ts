import { randomBytes } from 'node:crypto';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { realPace } from '../base/retry.js';
import { readBundle } from '../disk/bundle.js';
import { listImages } from '../disk/dataset.js';
import type { Inspection } from '../inspect/frame.js';
import { keptPicture } from '../inspect/keep.js';
import { inspectionLoop } from '../inspect/loop.js';
import { openScorer } from '../inspect/scorer.js';
import { chosenModel } from '../model/bundle.js';
import { openCamera } from '../opencv/camera.js';
import { opencvVersion } from '../opencv/library.js';
import { encodeJpeg } from '../opencv/picture.js';
import { onnxruntimeVersion, openSession } from '../ort/session.js';
import { type Parent, parentChannel } from '../process/parent.js';
import type { StationReport } from '../protocol/states.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import type { Origin } from '../protocol/verdict.js';
import { parseSource } from '../vision/source.js';

type Start = Extract<StationDown, { kind: 'start' }>;

const BEAT_MS = 2000;

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
	let droppedFrames = 0;
	const beat = setInterval(() => void parent.send({ kind: 'beat', droppedFrames }), BEAT_MS);
	try {
		await runStation(start, parent, signal, {
			onSelfCheck: (selfCheck) => {
				check = selfCheck;
			},
			onDropped: (frames) => {
				droppedFrames = frames;
			},
		});
		await parent.send({ kind: 'beat', droppedFrames });
	} finally {
		clearInterval(beat);
		parent.leave();
	}
}

async function runStation(
	start: Start,
	parent: Parent<StationDown, StationUp>,
	signal: AbortSignal,
	{
		onSelfCheck,
		onDropped,
	}: { onSelfCheck(check: () => Promise<void>): void; onDropped(frames: number): void },
): Promise<void> {
	const { recipe } = start;
	let known: Pick<StationReport, 'model' | 'threshold'> = { model: null, threshold: null };
	const report = (state: StationReport['state'], failure?: Failure) => {
		const error = failure ? { code: failure.code, message: failure.message } : null;
		void parent.send({ kind: 'state', report: { state, ...known, error } });
	};
	report('starting');
	const engines = { onnxruntime: onnxruntimeVersion(), opencv: opencvVersion() };
	void parent.send({ kind: 'engines', engines });
	try {
		const bundle = await readBundle(recipe.model);
		const { provider, threads, precision } = recipe;
		const scorer = await openScorer(bundle, openSession, { provider, threads, precision });
		try {
			const { input, calibration } = bundle.manifest;
			known = {
				model: {
					name: bundle.manifest.name,
					bundle: bundle.id,
					sha256: scorer.model,
					provider: scorer.provider,
					precision: scorer.precision,
				},
				threshold: recipe.threshold === 'bundle' ? calibration.threshold : recipe.threshold,
			};
			const { source, ...camera } = start.camera;
			const from = parseSource(source);
			const origin: Origin = {
				box: start.box,
				station: start.station,
				recipe: start.recipeName,
				boot: start.boot,
				run: randomBytes(4).toString('hex'),
				revision: start.revision,
				isSimulated: from.kind === 'sim',
				...known,
			};
			const inspection: Inspection = {
				origin,
				recipe,
				recipeModel: chosenModel(bundle, scorer.precision).sha256,
				region: recipe.region ?? input.region ?? undefined,
				taught: input.picture ?? undefined,
				scorer,
				threshold: known.threshold!,
				mapMedian: calibration.mapMedian,
				encodeJpeg,
				now: () => performance.now(),
			};
			const distrusted = new AbortController();
			onSelfCheck(() =>
				scorer.prove().then(
					() => parent.send({ kind: 'self-checked' }),
					(failure) => distrusted.abort(failure),
				),
			);
			await inspectionLoop({
				inspection,
				openCamera: () => openCamera(from, { ...camera, listImages }),
				begin: (part) => parent.send({ kind: 'part', origin, part }),
				emit: ({ verdict, pictures }) => parent.send({ kind: 'verdict', verdict, pictures }),
				keep: async (frame, verdict) => {
					const jpeg = keptPicture(frame, verdict, start.keep, inspection);
					if (jpeg) await parent.send({ kind: 'kept', jpeg });
				},
				report,
				onDropped,
				wallClock: () => Date.now(),
				pace: realPace,
				signal: AbortSignal.any([signal, distrusted.signal]),
			});
			distrusted.signal.throwIfAborted();
		} finally {
			await scorer.close();
		}
	} catch (thrown) {
		if (thrown instanceof Failure) report('error', thrown);
		throw thrown;
	}
}
