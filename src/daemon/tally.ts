import type { Buckets } from '../measure/buckets.js';
import { type Counts, noCounts } from '../protocol/states.js';
import type { Reason, Stage } from '../protocol/verdict.js';

/** What is counted of a station: whoever takes its service's place goes on with it. */
export type StationTally = {
	counts: Counts;
	/** Of its error verdicts: how many by each reason. */
	readonly errors: Map<Reason, number>;
	/** New processes after one that died or hung. */
	restarts: number;
	/** How long its parts took at each stage, in seconds. */
	readonly latency: Map<Stage, Buckets>;
};

/** Of what is said to the broker. */
export type BrokerTally = {
	/** Opened by the services before the one that speaks now. */
	connections: number;
	/** What it refused. */
	readonly dropped: { verdicts: number; heatmaps: number };
};

/** What is counted since the daemon started, whichever services come and go: no number of it ever sinks. */
export type Tallies = {
	/** On the clock of `Pace`. */
	readonly startedMs: number;
	readonly broker: BrokerTally;
	verdictsLost: number;
	station(name: string): StationTally;
};

export function createTallies(startedMs: number): Tallies {
	const stations = new Map<string, StationTally>();
	return {
		startedMs,
		broker: { connections: 0, dropped: { verdicts: 0, heatmaps: 0 } },
		verdictsLost: 0,
		station: (name) => {
			const known = stations.get(name) ?? createStationTally();
			stations.set(name, known);
			return known;
		},
	};
}

export function createStationTally(): StationTally {
	return { counts: noCounts, errors: new Map(), restarts: 0, latency: new Map() };
}
