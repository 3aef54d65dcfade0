import { createStationTally } from '../../src/daemon/tally.js';
import { createBuckets } from '../../src/measure/buckets.js';
import { examples } from '../../src/protocol/examples.js';
import type { Health } from '../../src/protocol/health.js';
import { LATENCY_BOUNDS_S, type Snapshot } from '../../src/protocol/metrics.js';
import { noCounts, stationState } from '../../src/protocol/states.js';

/** A box with stations `lid` and `cap`, which has an error. */
export function snapshotWith(more: Partial<Snapshot> = {}): Snapshot {
	const health = examples.health as Health;
	const [pattern] = health.stations;
	const model = createBuckets(LATENCY_BOUNDS_S);
	for (const seconds of [0.001, 0.03, 0.04, 100]) model.add(seconds);
	const counts = { ...noCounts, parts: 7, accepted: 4, rejected: 1, errors: 2, droppedFrames: 3 };
	const said = { model: null, threshold: null, error: null, degraded: null, drift: [] };
	const of = (station: string) => ({ box: 't', station, recipe: 'r' });
	const error = { code: 'camera-silent', message: 'gone' };
	return {
		health: { ...health, stations: ['lid', 'cap'].map((station) => ({ ...pattern!, station })) },
		states: [
			stationState({ ...said, state: 'running' }, of('lid'), counts, 0),
			stationState({ ...said, state: 'error', error }, of('cap'), noCounts, 0),
		],
		tallies: [
			{
				station: 'lid',
				...createStationTally(),
				counts,
				errors: new Map([['too-late', 2]]),
				latency: new Map([['model', model]]),
			},
			{ station: 'cap', ...createStationTally() },
		],
		isConnected: true,
		journal: { waiting: 0, isFailing: false },
		alarms: [],
		silent: [],
		...more,
	};
}
