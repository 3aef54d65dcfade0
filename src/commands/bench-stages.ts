import { join } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { aborted, pause, timeLimit } from '../base/retry.js';
import type { Config } from '../config/schema.js';
import { openBroker } from '../daemon/broker.js';
import type { Recorder } from '../daemon/record.js';
import { openRecords } from '../daemon/records.js';
import { listImages } from '../disk/dataset.js';
import { type Passage, passThroughStages, type StagesPlan } from '../evaluate/stages.js';
import { type Inspected, inspectFrame } from '../inspect/frame.js';
import { type Equipment, inspectionOf } from '../inspect/inspection.js';
import { openCamera } from '../opencv/camera.js';
import { parseSource } from '../vision/source.js';

/** The broker gets so long to let us in, and to acknowledge a verdict. */
const REACH_MS = 30_000;
const ACKNOWLEDGE_MS = 30_000;
const LOOK_MS = 20;

/**
 * Passes parts one after the other through camera, model, journal and broker, all in this process: what each stage takes when nothing
 * else is going on. The first station and its recipe are taken; `threshold` in its place.
 * @throws Failure of any stage
 */
export async function passParts(
	config: Config,
	equipment: Omit<Equipment, 'run'>,
	threshold: number,
	plan: StagesPlan,
	context: Pick<Context, 'env' | 'version' | 'signal' | 'conceal'>,
	log: Log,
	onPassed: (share: number) => void,
): Promise<Passage[]> {
	const { box, mqtt, journal } = config;
	const [[station, { camera: settings, recipe: recipeName }] = missing()] = Object.entries(config.stations);
	const recipe = { ...config.recipes[recipeName]!, threshold };
	const run = { box, station, boot: null, run: 'bench', isSimulated: false };
	const inspection = inspectionOf({ ...equipment, run }, { recipeName, recipe, revision: null });
	const folder = join(journal.folder!, 'alone');
	await using records = await openRecords({ folder, box }, { secrets: [], log });
	const acknowledgements = acknowledging(records.record);
	await using broker = await openBroker(
		{ box, mqtt, stations: [station] },
		{ ...context, log, folder, journal: records.journal, record: acknowledgements.record },
	);
	await reach(broker, mqtt.url, context.signal);
	const { source, ...options } = settings;
	const camera = await openCamera(parseSource(source), { ...options, listImages });
	let runSequence = 0;
	try {
		return await passThroughStages<Inspected>(
			{
				grab: () => camera.read({ after: Number.NEGATIVE_INFINITY, signal: context.signal }),
				inspect: (frame) => {
					runSequence += 1;
					const { taken, name = null } = frame;
					const part = { runSequence, part: null, trigger: null, taken, frame: name };
					void records.record.part(inspection.origin, part);
					return inspectFrame(frame, part, inspection);
				},
				record: async ({ verdict, pictures }) => {
					const event = await records.record.verdict(verdict, pictures);
					if (event) return event.id;
					throw new Failure(
						'file-unwritable',
						`Cannot record verdicts in "${folder}": the disk takes nothing`,
					);
				},
				published: (event) => acknowledgements.of(event, context.signal),
				now: () => performance.now(),
				signal: context.signal,
			},
			plan,
			onPassed,
		);
	} finally {
		await camera.close();
	}
}

/** A recorder that also tells when the broker has an event. */
function acknowledging(record: Recorder) {
	const waiting = new Map<number, () => void>();
	return {
		record: {
			...record,
			delivered: (event: number) => {
				record.delivered(event);
				waiting.get(event)?.();
			},
		},
		/** @throws Failure broker-refused */
		of: async (event: number, signal: AbortSignal): Promise<void> => {
			if (record.momentsOf(event)?.deliveredMs !== undefined) return;
			const acknowledged = new Promise<true>((resolve) => waiting.set(event, () => resolve(true)));
			using limit = timeLimit(ACKNOWLEDGE_MS, signal);
			const isThere = await Promise.race([acknowledged, aborted(limit.signal).then(() => false)]);
			waiting.delete(event);
			signal.throwIfAborted();
			if (isThere) return;
			throw new Failure(
				'broker-refused',
				`Cannot measure with this broker: it has not acknowledged a verdict within ${ACKNOWLEDGE_MS / 1000} s`,
				'It may refuse the topics below "inspectord-bench".',
			);
		},
	};
}

async function reach(
	broker: { readonly connected: boolean },
	url: Config['mqtt']['url'],
	signal: AbortSignal,
): Promise<void> {
	for (const untilMs = performance.now() + REACH_MS; !broker.connected; await pause(LOOK_MS, signal)) {
		signal.throwIfAborted();
		if (performance.now() < untilMs) continue;
		const address = [url].flat().join(' or ');
		throw new Failure('broker-refused', `Cannot reach broker "${address}" within ${REACH_MS / 1000} s`);
	}
}

function missing(): never {
	throw new Error('a configuration without a station');
}
