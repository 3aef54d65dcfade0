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
import type { LiveSettings, StationDown, StationUp } from '../protocol/station-messages.js';
import type { Origin } from '../protocol/verdict.js';
import { parseSource } from '../vision/source.js';

type Start = Extract<StationDown, { kind: 'start' }>;

const BEAT_MS = 2000;

/** The process of one station. Its parent tells it what to inspect, and hears states, verdicts and beats. @throws Failure usage without a parent */
export async function station(context: Context): Promise<void> {
	const parent = parentChannel<StationDown, StationUp>();
	if (!parent) throw new Failure('usage', 'station is a child process of inspectord', 'Use inspectord run.');
	let check = async () => {};
	let settings: LiveSettings | undefined;
	let onSettings = () => {};
	const start = await new Promise<Start>((resolve) => {
		parent.onMessage((message) => {
			if (message.kind === 'self-check') return void check();
			settings = message;
			if (message.kind === 'start') resolve(message);
			else onSettings();
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
			settings: () => settings ?? start,
			onSettings: (changed) => {
				onSettings = changed;
			},
		});
		await parent.send({ kind: 'beat', droppedFrames });
	} finally {
		clearInterval(beat);
		parent.leave();
	}
}

type StationHooks = {
	onSelfCheck(check: () => Promise<void>): void;
	onDropped(frames: number): void;
	/** As they were told last. */
	settings(): LiveSettings;
	onSettings(changed: () => void): void;
};

async function runStation(
	start: Start,
	parent: Parent<StationDown, StationUp>,
	signal: AbortSignal,
	{ onSelfCheck, onDropped, settings, onSettings }: StationHooks,
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
			const model = {
				name: bundle.manifest.name,
				bundle: bundle.id,
				sha256: scorer.model,
				provider: scorer.provider,
				precision: scorer.precision,
			};
			const { source, ...camera } = start.camera;
			const from = parseSource(source);
			const run: Omit<Origin, 'threshold' | 'revision'> = {
				box: start.box,
				station: start.station,
				recipe: start.recipeName,
				boot: start.boot,
				run: randomBytes(4).toString('hex'),
				isSimulated: from.kind === 'sim',
				model,
			};
			const inspectionBy = ({ recipe: by, revision }: LiveSettings): Inspection => {
				const threshold = by.threshold === 'bundle' ? calibration.threshold : by.threshold;
				return {
					origin: { ...run, threshold, revision },
					recipe: by,
					recipeModel: chosenModel(bundle, scorer.precision).sha256,
					region: recipe.region ?? input.region ?? undefined,
					taught: input.picture ?? undefined,
					scorer,
					threshold,
					mapMedian: calibration.mapMedian,
					encodeJpeg,
					now: () => performance.now(),
				};
			};
			let inspection = inspectionBy(settings());
			known = { model, threshold: inspection.threshold };
			let reported: Parameters<typeof report> = ['starting'];
			const tell = (...told: Parameters<typeof report>) => {
				reported = told;
				report(...told);
			};
			onSettings(() => {
				inspection = inspectionBy(settings());
				known = { model, threshold: inspection.threshold };
				report(...reported);
			});
			const distrusted = new AbortController();
			onSelfCheck(() =>
				scorer.prove().then(
					() => parent.send({ kind: 'self-checked' }),
					(failure) => distrusted.abort(failure),
				),
			);
			await inspectionLoop({
				inspection: () => inspection,
				openCamera: () => openCamera(from, { ...camera, listImages }),
				begin: (part, origin) => parent.send({ kind: 'part', origin, part }),
				emit: ({ verdict, pictures }) => parent.send({ kind: 'verdict', verdict, pictures }),
				keep: async (frame, verdict) => {
					const jpeg = keptPicture(frame, verdict, settings().keep, inspection);
					if (jpeg) await parent.send({ kind: 'kept', jpeg });
				},
				report: tell,
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
