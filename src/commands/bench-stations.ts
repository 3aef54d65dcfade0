import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { pause } from '../base/retry.js';
import type { Config } from '../config/schema.js';
import { createDaemon } from '../daemon/daemon.js';
import type { StationsMeasured } from '../evaluate/bench-report.js';
import { memoryOf } from '../machine/memory.js';
import { childrenOf, watchWork } from '../machine/processor.js';
import { type Judged, throughputOf } from '../measure/throughput.js';

/** Before anything counts, each station judges so many parts; a model may take minutes to open. */
const WARM_PARTS = 5;
const OPENING_MS = 900_000;
const LOOK_MS = 50;

/**
 * Runs the stations of a configuration by the daemon itself, each in its own process, as fast as they can.
 * @throws Failure when a station does not inspect
 */
export async function runStations(
	config: Config,
	seconds: number,
	context: Pick<Context, 'env' | 'version' | 'signal' | 'conceal'>,
	log: Log,
	onPassed: (share: number) => void,
): Promise<Omit<StationsMeasured, 'boxBytes'>> {
	const { signal } = context;
	const stations = Object.keys(config.stations);
	const judged: Judged[] = [];
	let errors = 0;
	let trouble: string | undefined;
	const daemon = await createDaemon({
		...context,
		log: (level, about, message, event) => {
			if (level === 'error') trouble = message;
			log(level, about, message, event);
		},
		onVerdict: ({ station, verdict, times, error }) => {
			if (verdict === 'error') {
				errors += 1;
				trouble = error?.message;
				return;
			}
			const wholeMs = Date.now() - Date.parse(times.captured);
			judged.push({ station, atMs: performance.now(), wholeMs });
		},
	});
	const untilAll = async (least: number): Promise<void> => {
		const lacking = () =>
			stations.find((name) => judged.filter(({ station }) => station === name).length < least);
		for (
			const untilMs = performance.now() + OPENING_MS;
			lacking() !== undefined;
			await pause(LOOK_MS, signal)
		) {
			signal.throwIfAborted();
			if (performance.now() < untilMs && trouble === undefined) continue;
			throw new Failure(
				'station-silent',
				`Cannot measure station "${lacking()}": ${trouble ?? `it judged no ${least} parts within ${OPENING_MS / 1000} s`}`,
			);
		}
	};
	try {
		const { setbacks } = await daemon.moveTo(config);
		if (setbacks[0]) throw setbacks[0].reason;
		await untilAll(WARM_PARTS);
		const pids = await childrenOf(process.pid);
		const work = await watchWork([process.pid, ...pids]);
		errors = 0;
		const fromMs = performance.now();
		while (performance.now() < fromMs + seconds * 1000) {
			await pause(Math.min(500, seconds * 100), signal);
			signal.throwIfAborted();
			onPassed(Math.min(1, (performance.now() - fromMs) / (seconds * 1000)));
		}
		const toMs = performance.now();
		const memory = await Promise.all(pids.map(memoryOf));
		const known = memory.filter((bytes) => bytes !== null);
		return {
			...throughputOf(judged, stations, { fromMs, toMs }),
			stations: stations.length,
			stationBytes: known.length === pids.length && known.length > 0 ? Math.max(...known) : null,
			daemonBytes: await memoryOf(process.pid),
			work: await work(),
			errors,
		};
	} finally {
		await daemon.moveTo(null);
	}
}
