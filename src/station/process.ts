import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { eitherOf } from '../base/retry.js';
import { parentChannel } from '../process/parent.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { realStationEdges } from './edges.js';
import { runStation } from './run.js';

/** The process of one station. Its parent tells it what to inspect, and hears states, verdicts and beats. @throws Failure usage without a parent */
export async function station(context: Context): Promise<void> {
	const parent = parentChannel<StationDown, StationUp>();
	if (!parent) throw new Failure('usage', 'station is a child process of inspectord', 'Use inspectord run.');
	using ending = eitherOf(context.signal, parent.gone);
	try {
		await runStation(parent, ending.signal, realStationEdges(context));
	} finally {
		parent.leave();
	}
}
