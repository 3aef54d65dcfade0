import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import { aborted, eitherOf } from '../base/retry.js';
import { driftBy } from '../inspect/drift.js';
import { type Equipment, inspectionOf } from '../inspect/inspection.js';
import { keptPicture } from '../inspect/keep.js';
import { inspectionLoop } from '../inspect/loop.js';
import { createRest, type Rest } from '../inspect/rest.js';
import { createDueQueue, type DueQueue } from '../inspect/trigger.js';
import { watchBy } from '../inspect/watch.js';
import type { Parent } from '../process/parent.js';
import type { StationReport } from '../protocol/states.js';
import type { DuePart, LiveSettings, StationDown, StationUp } from '../protocol/station-messages.js';
import { parseSource } from '../vision/source.js';
import type { Start, StationEdges } from './edges.js';
import { createPictures, type Pictures } from './pictures.js';
import { provenWords } from './proven.js';

const BEAT_MS = 2000;

/** One station, from what its parent tells it to its end: the parent hears states, verdicts and beats. @throws Failure */
export async function runStation(
	parent: Pick<Parent<StationDown, StationUp>, 'send' | 'onMessage'>,
	signal: AbortSignal,
	edges: StationEdges,
): Promise<void> {
	const { pace, timers, machineMs, encodeJpeg, encodePng } = edges;
	let check = async () => {};
	let settings: LiveSettings | undefined;
	let onSettings = () => {};
	const pictures = createPictures({
		send: parent.send,
		encodeJpeg,
		encodePng,
		now: pace.now,
	});
	/** One mapping for the whole run: the two clocks are one, from different origins. */
	const aheadMs = machineMs() - pace.now();
	const due = createDueQueue();
	const rest = createRest();
	let onStart: (start: Start) => void = () => {};
	const toldToStart = () =>
		new Promise<Start>((resolve) => {
			onStart = resolve;
		});
	parent.onMessage((message) => {
		if (message.kind === 'self-check') return void check();
		if (message.kind === 'picture') return pictures.ask(message);
		if (message.kind === 'rest') return rest.turn(message.rests);
		if (message.kind === 'due') return due.add(dueAt(message.due, -aheadMs));
		settings = message;
		if (message.kind === 'start') return onStart(message);
		onSettings();
		void parent.send({ kind: 'told', revision: message.revision });
	});
	// It may have begun before its turn, and the daemon may end before that comes.
	const start = await Promise.race([toldToStart(), aborted(signal)]);
	if (!start) return;
	let droppedFrames = 0;
	const stopBeating = timers.every(BEAT_MS, () => void parent.send({ kind: 'beat', droppedFrames }));
	try {
		await inspect(start, parent, signal, {
			edges,
			pictures,
			toldToStart: () => Promise.race([toldToStart(), aborted(signal)]),
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
			due,
			rest,
			aheadMs,
		});
		await parent.send({ kind: 'beat', droppedFrames });
	} finally {
		stopBeating();
	}
}

type StationHooks = {
	readonly edges: StationEdges;
	readonly pictures: Pictures;
	/** Also resolves when it is not to go on at all. */
	toldToStart(): Promise<unknown>;
	onSelfCheck(check: () => Promise<void>): void;
	onDropped(frames: number): void;
	/** As they were told last. */
	settings(): LiveSettings;
	onSettings(changed: () => void): void;
	/** On our clock. */
	readonly due: DueQueue;
	readonly rest: Rest;
	/** The machine's clock is ahead of ours. */
	readonly aheadMs: number;
};

async function inspect(
	start: Start,
	parent: Pick<Parent<StationDown, StationUp>, 'send'>,
	signal: AbortSignal,
	{
		edges,
		toldToStart,
		pictures,
		onSelfCheck,
		onDropped,
		settings,
		onSettings,
		due,
		rest,
		aheadMs,
	}: StationHooks,
): Promise<void> {
	const { recipe } = start;
	let known: Omit<StationReport, 'state' | 'error'> = {
		model: null,
		threshold: null,
		degraded: null,
		drift: [],
	};
	const report = (state: StationReport['state'], failure?: Failure) => {
		const error = failure ? { code: failure.code, message: failure.message } : null;
		void parent.send({ kind: 'state', report: { state, ...known, error } });
	};
	report('starting');
	try {
		const { bundle, choice, threads } = await edges.equip(start, {
			engines: (engines) => void parent.send({ kind: 'engines', engines }),
			trying: (provider) => parent.send({ kind: 'trying', provider }),
		});
		const { scorer, degraded } = choice;
		known = { ...known, degraded };
		try {
			const equipment: Equipment = {
				bundle,
				watch: watchBy(bundle.manifest.quality, bundle.manifest.input.tiling),
				choice,
				run: {
					box: start.box,
					station: start.station,
					boot: start.boot,
					run: randomBytes(4).toString('hex'),
					isSimulated: parseSource(start.camera.source).kind === 'sim',
				},
				encodeJpeg: edges.encodeJpeg,
				now: edges.pace.now,
			};
			if (start.hold) {
				const told = toldToStart();
				const message = provenWords(recipe.model, bundle, choice, threads);
				const { model } = inspectionOf(equipment, settings()).origin;
				await parent.send({ kind: 'ready', message, model, degraded });
				await told;
				if (signal.aborted) return;
			}
			void parent.send({ kind: 'equipped' });
			let inspection = inspectionOf(equipment, settings());
			const knownNow = () => ({
				model: inspection.origin.model,
				threshold: inspection.threshold,
				degraded,
				drift: known.drift,
			});
			known = knownNow();
			let reported: Parameters<typeof report> = ['starting'];
			const tell = (...told: Parameters<typeof report>) => {
				reported = told;
				report(...told);
			};
			onSettings(() => {
				inspection = inspectionOf(equipment, settings());
				known = knownNow();
				report(...reported);
			});
			const drift = driftBy(bundle.manifest);
			const distrusted = new AbortController();
			using ending = eitherOf(signal, distrusted.signal);
			onSelfCheck(() =>
				scorer.prove().then(
					() => parent.send({ kind: 'self-checked' }),
					(failure) => distrusted.abort(failure),
				),
			);
			await inspectionLoop({
				inspection: () => inspection,
				openCamera: () => pictures.opened(() => edges.openCamera(start.camera)),
				begin: (part, origin) => parent.send({ kind: 'part', origin, part }),
				emit: ({ verdict, pictures }, exposed) =>
					parent.send({
						kind: 'verdict',
						verdict: verdict.trigger ? { ...verdict, monotonicMs: verdict.monotonicMs + aheadMs } : verdict,
						pictures,
						exposed: exposed && { sinceMs: exposed.sinceMs + aheadMs, byMs: exposed.byMs + aheadMs },
					}),
				due,
				rest,
				silentMs: start.camera.silentMs,
				keep: async (frame, verdict) => {
					pictures.judged(frame, verdict);
					const jpeg = keptPicture(frame, verdict, settings().keep, inspection);
					if (jpeg) await parent.send({ kind: 'kept', jpeg });
				},
				accepted: (score, measures) => {
					const drifted = drift.add(score, measures, edges.wallClock());
					if (!drifted) return;
					known = { ...known, drift: drifted };
					report(...reported);
				},
				report: tell,
				onDropped,
				wallClock: edges.wallClock,
				pace: edges.pace,
				signal: ending.signal,
			});
			await parent.send({ kind: 'released' });
			distrusted.signal.throwIfAborted();
		} finally {
			await scorer.close();
		}
	} catch (thrown) {
		if (thrown instanceof Failure) report('error', thrown);
		throw thrown;
	}
}

function dueAt(due: DuePart, byMs: number): DuePart {
	return {
		...due,
		atMs: due.atMs + byMs,
		fromMs: due.fromMs + byMs,
		untilMs: due.untilMs + byMs,
	};
}
