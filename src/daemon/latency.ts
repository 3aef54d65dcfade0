import { createHistogram, type Histogram } from '../measure/histogram.js';
import type { Event } from '../protocol/events.js';
import type { Quantiles, StationHealth } from '../protocol/health.js';
import { type Body, STAGES, type Stage } from '../protocol/verdict.js';
import type { Moments } from './record.js';

/** How long parts take at each stage. */
export type Latencies = {
	/** A verdict stands in the journal. */
	recorded(event: Event): void;
	/** Of a station's parts since it was asked before. */
	take(station: string): StationHealth['latency'];
};

/** Verdicts that are not delivered yet, of all stations: of more it is not known how long they take. */
const MOST_WAITING = 1024;

/** `momentsOf` knows of an event for a while. */
export function createLatencies(momentsOf: (event: number) => Moments | undefined): Latencies {
	const stations = new Map<string, Map<Stage, Histogram>>();
	let waiting: { readonly id: number; readonly station: string; recorded: boolean }[] = [];

	const add = (station: string, stage: Stage, ms: number): void => {
		const stages = stations.get(station) ?? new Map<Stage, Histogram>();
		stations.set(station, stages);
		const histogram = stages.get(stage) ?? createHistogram();
		stages.set(stage, histogram);
		histogram.add(ms);
	};
	const settle = (): void => {
		waiting = waiting.filter((event) => {
			const moments = momentsOf(event.id);
			if (!moments) return false;
			const { heardMs, recordedMs, deliveredMs } = moments;
			if (!event.recorded) add(event.station, 'record', recordedMs - heardMs);
			event.recorded = true;
			if (deliveredMs === undefined) return true;
			add(event.station, 'publish', deliveredMs - recordedMs);
			return false;
		});
	};
	return {
		recorded: ({ id, kind, station, body }) => {
			if (kind !== 'verdict' || station === null) return;
			const { latency } = body as Body;
			if (latency) {
				add(station, 'wait', latency.waitMs);
				add(station, 'prepare', latency.prepareMs);
				add(station, 'model', latency.modelMs);
				add(station, 'decide', latency.decideMs);
				add(station, 'draw', latency.drawMs);
			}
			waiting.push({ id, station, recorded: false });
			if (waiting.length > MOST_WAITING) waiting.shift();
		},
		take: (station) => {
			settle();
			const stages = stations.get(station);
			stations.delete(station);
			const quantiles = (stage: Stage): Quantiles => {
				const histogram = stages?.get(stage);
				if (!histogram) return null;
				const at = (share: number) => histogram.quantile(share)!;
				return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
			};
			return Object.fromEntries(STAGES.map((stage) => [stage, quantiles(stage)])) as StationHealth['latency'];
		},
	};
}
