import { startChild } from '../process/child.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { startAhead } from './ahead.js';
import { openConfigFile } from './config-file.js';
import type { DaemonWorld } from './daemon.js';

/**
 * Runs what a configuration file says until the signal is aborted. Stations begin as soon as it is known how many there are: they load their libraries
 * while the daemon loads all else, half of what it does until the first verdict. `isAttended`: somebody reads what is wrong with the file.
 * @throws Failure; what kept a service from starting or ending
 */
export async function startDaemon(
	path: string,
	isAttended: boolean,
	world: Omit<DaemonWorld, 'edges'>,
): Promise<void> {
	const { env } = world;
	const file = await openConfigFile(path, env, isAttended);
	const stations = Object.keys(file.config.stations).length;
	await using ahead = startAhead(stations, () => startChild<StationDown, StationUp>('station', { env }));
	const { runDaemon } = await import('./daemon.js');
	const { realEdges } = await import('./edges.js');
	await runDaemon(file, { ...world, edges: { ...realEdges, startStation: ahead.take } });
}
