import { masked } from '../base/secrets.js';
import { type Handlers, Refusal } from '../control/answer.js';
import { diagnosticsRequest } from '../control/requests/diagnostics.js';
import { eventsRequest } from '../control/requests/events.js';
import { healthRequest } from '../control/requests/health.js';
import { lettersRequest } from '../control/requests/letters.js';
import { redeliverRequest } from '../control/requests/redeliver.js';
import { selfcheckRequest } from '../control/requests/selfcheck.js';
import { stateRequest } from '../control/requests/state.js';
import { instantOf } from '../protocol/fields.js';
import type { Result } from '../protocol/requests.js';
import { searchBeside } from '../sqlite/search-beside.js';
import type { BrokerService } from './broker.js';
import type { HealthService } from './health.js';
import type { Records } from './records.js';
import type { StationService } from './station.js';

/** A line of the log that somebody should read. */
export type Trouble = {
	readonly atMs: number;
	readonly level: 'error' | 'warning';
	readonly about: string;
	readonly message: string;
};

/** What requests may see and do: functions, each of which looks at what runs at that moment. */
export type ControlWorld = {
	readonly box: string;
	readonly folder: string;
	readonly version: string;
	readonly boot: string | null;
	readonly records: Pick<Records, 'journal' | 'record'>;
	readonly broker: () =>
		| Pick<BrokerService, 'backlog' | 'connected' | 'connections' | 'dropped' | 'sendAgain'>
		| undefined;
	readonly stations: () => readonly Pick<StationService, 'vitals' | 'selfCheck' | 'name'>[];
	readonly health: () => Pick<HealthService, 'latest'> | undefined;
	readonly troubles: () => readonly Trouble[];
	readonly secrets: readonly string[];
};

/** What each request does here. */
export function handlersOf(world: ControlWorld): Handlers {
	const { box, folder, version, boot, records, broker, stations, health, troubles, secrets } = world;
	const { journal, record } = records;
	const names = () => stations().map(({ vitals }) => vitals.station);
	const states = () => record.states().filter(({ station }) => names().includes(station));
	const diagnostics = (): Result<'diagnostics'> => {
		const lines = stations().map(({ vitals }) => vitals);
		const engines = lines.find((line) => line.engines)?.engines;
		const { backlog, connected = false, connections = 0, dropped } = broker() ?? {};
		const { events, databaseBytes, pictureBytes, freeBytes, waiting, failure } = journal.condition;
		return {
			versions: {
				inspectord: version,
				node: process.versions.node,
				onnxruntime: engines?.onnxruntime ?? null,
				opencv: engines?.opencv ?? null,
			},
			boot,
			series: journal.series,
			stations: lines.map(({ station, state, pid, restarts }) => {
				const model = states().find((told) => told.station === station)?.model;
				const { provider = null, precision = null, bundle = null } = model ?? {};
				return { station, state, provider, precision, bundle, pid, restarts };
			}),
			broker: {
				connected,
				connections,
				waiting: { verdicts: backlog?.verdicts ?? 0, pictures: backlog?.pictures ?? 0 },
				refused: { verdicts: dropped?.verdicts ?? 0, heatmaps: dropped?.heatmaps ?? 0 },
			},
			journal: { events, bytes: databaseBytes + pictureBytes, freeBytes, waiting, failure },
			troubles: troubles().map(({ atMs, message, ...rest }) => ({
				at: instantOf(atMs),
				...rest,
				message: masked(message, secrets),
			})),
		};
	};
	return {
		state: stateRequest({
			state: () => ({ box, version, connected: broker()?.connected ?? false, stations: states() }),
		}),
		health: healthRequest({ health: () => health()?.latest }),
		events: eventsRequest({
			series: () => journal.series,
			find: (query, signal) => searchBeside({ folder, query }, signal),
		}),
		selfcheck: selfcheckRequest({
			stations: names,
			check: (station, signal) =>
				stations()
					.find(({ vitals }) => vitals.station === station)!
					.selfCheck(signal),
		}),
		diagnostics: diagnosticsRequest({ diagnostics }),
		letters: lettersRequest({
			letters: () => journal.deadLetters(),
			event: async (id) => (await journal.events({ from: id, to: id }, 1))[0],
		}),
		redeliver: redeliverRequest({
			letters: () => journal.deadLetters(),
			sendAgain: async (events) => {
				const speaking = broker();
				if (!speaking)
					throw new Refusal('busy', 'The connection to the broker is being changed: ask again later');
				await speaking.sendAgain(events);
			},
		}),
	};
}
