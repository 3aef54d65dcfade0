import { type Buckets, createBuckets } from '../measure/buckets.js';
import { createHistogram, type Histogram } from '../measure/histogram.js';
import type { Event } from '../protocol/events.js';
import type { Quantiles, StationHealth } from '../protocol/health.js';
import { LATENCY_BOUNDS_S } from '../protocol/metrics.js';
import { type Body, STAGES, type Stage } from '../protocol/verdict.js';
import type { Moments } from './record.js';

/** How long parts take at each stage. */
export type Latencies = {
	/** A verdict stands in the journal. */
	recorded(event: Event): void;
	/** Of a station's parts since they were taken last; `isTaken`: from now on those that follow are told. */
	of(station: string, isTaken: boolean): StationHealth['latency'];
};

/** Verdicts that are not delivered yet, of all stations: of more it is not known how long they take. */
const MOST_WAITING = 1024;

/** `momentsOf` knows of an event for a while; `totalsOf`: where every part of a station is counted that there ever was. */
export function createLatencies(
	momentsOf: (event: number) => Moments | undefined,
	totalsOf: (station: string) => Map<Stage, Buckets>,
): Latencies {
	const stations = new Map<string, Map<Stage, Histogram>>();
	let waiting: { readonly id: number; readonly station: string; recorded: boolean }[] = [];

	const add = (station: string, stage: Stage, ms: number): void => {
		const stages = stations.get(station) ?? new Map<Stage, Histogram>();
		stations.set(station, stages);
		const histogram = stages.get(stage) ?? createHistogram();
		stages.set(stage, histogram);
		histogram.add(ms);
		const totals = totalsOf(station);
		const total = totals.get(stage) ?? createBuckets(LATENCY_BOUNDS_S);
		totals.set(stage, total);
		total.add(ms / 1000);
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
		of: (station, isTaken) => {
			settle();
			const stages = stations.get(station);
			if (isTaken) stations.delete(station);
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
