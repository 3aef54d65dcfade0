import type { LogLine, Trouble } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { type Handlers, Refusal } from '../control/answer.js';
import { acknowledgeRequest } from '../control/requests/acknowledge.js';
import { bundlesRequest } from '../control/requests/bundles.js';
import { configRequest } from '../control/requests/config.js';
import { diagnosticsRequest } from '../control/requests/diagnostics.js';
import { enginesRequest } from '../control/requests/engines.js';
import { eventsRequest } from '../control/requests/events.js';
import { healthRequest } from '../control/requests/health.js';
import { lettersRequest } from '../control/requests/letters.js';
import { recipeRequest } from '../control/requests/recipe.js';
import { redeliverRequest } from '../control/requests/redeliver.js';
import { selfcheckRequest } from '../control/requests/selfcheck.js';
import { snapshotRequest } from '../control/requests/snapshot.js';
import { stateRequest } from '../control/requests/state.js';
import { teachRequest } from '../control/requests/teach.js';
import { thresholdRequest } from '../control/requests/threshold.js';
import { triggerRequest } from '../control/requests/trigger.js';
import { bundleNamed } from '../control/shelf.js';
import { messageId } from '../protocol/fields.js';
import { reasonFor } from '../protocol/verdict.js';
import type { AlarmsService } from './alarms.js';
import type { BrokerService } from './broker.js';
import { diagnosticsOf, writeLogs } from './diagnostics.js';
import type { Edges } from './edges.js';
import type { Edits } from './edits.js';
import type { EnginesService } from './engines.js';
import type { HealthService } from './health.js';
import type { LessonService } from './lesson.js';
import type { Records } from './records.js';
import { shelfOf } from './shelf.js';
import { bringer, LOCAL } from './snapshots.js';
import type { StationService } from './station.js';
import type { Signalled } from './trigger.js';

/** What requests may see and do: functions, each of which looks at what runs at that moment. */
export type ControlWorld = {
	readonly edges: Pick<Edges, 'pace' | 'wallClock' | 'search'>;
	readonly box: string;
	readonly folder: string;
	readonly version: string;
	readonly boot: string | null;
	readonly records: Pick<Records, 'journal' | 'record' | 'clock'>;
	readonly broker: () =>
		| Pick<BrokerService, 'backlog' | 'connected' | 'connections' | 'dropped' | 'sendAgain' | 'show'>
		| undefined;
	readonly stations: () => readonly Pick<
		StationService,
		'vitals' | 'selfCheck' | 'picture' | 'name' | 'mode' | 'signal'
	>[];
	readonly alarms: () => Pick<AlarmsService, 'told' | 'alarmsOf' | 'acknowledge'> | undefined;
	readonly lesson: () => LessonService | undefined;
	readonly engines: () => EnginesService | undefined;
	readonly health: () => Pick<HealthService, 'latest'> | undefined;
	readonly troubles: () => readonly Trouble[];
	readonly secrets: readonly string[];
	readonly logLines: () => readonly LogLine[];
	readonly config: () => Config | null;
	readonly edits: () => Edits | undefined;
};

/** What each request does here. */
export function handlersOf(world: ControlWorld): Handlers {
	const { box, folder, version, records, broker, stations, alarms, health } = world;
	const { journal, record } = records;
	const { pace, wallClock, search } = world.edges;
	const stationOf = (name: string) => stations().find(({ vitals }) => vitals.station === name)!;
	const names = () => stations().map(({ vitals }) => vitals.station);
	const states = () => record.states().filter(({ station }) => names().includes(station));
	const edits = (): Edits => {
		const known = world.edits();
		if (known) return known;
		throw new Refusal('conflict', 'This daemon runs without a configuration file: there is nothing to edit');
	};
	const editor = () => edits().editor;
	const shelf = shelfOf(editor);
	return {
		config: configRequest({ editor, shown: () => edits().shown() }),
		state: stateRequest({
			state: () => ({
				box,
				version,
				connected: broker()?.connected ?? false,
				stations: states(),
				alarms: alarms()?.told() ?? [],
			}),
		}),
		health: healthRequest({ health: () => health()?.latest }),
		events: eventsRequest({
			series: () => journal.series,
			find: (query, signal) => search(folder, { kind: 'events', query }, signal),
		}),
		bundles: bundlesRequest({ editor, ...shelf }),
		engines: enginesRequest({
			editor,
			bundleNamed: (name) => bundleNamed(name, shelf),
			engines: world.engines,
			kept: async () => (await world.engines()?.kept()) ?? [],
		}),
		recipe: recipeRequest({
			editor,
			hearVerdicts: record.hearVerdicts,
			states,
			series: () => journal.series,
			pace,
		}),
		threshold: thresholdRequest({
			editor,
			states,
			look: shelf.look,
			scores: (query, thresholds, signal) => search(folder, { kind: 'scores', query, thresholds }, signal),
		}),
		selfcheck: selfcheckRequest({
			stations: names,
			check: (station, signal) => stationOf(station).selfCheck(signal),
		}),
		snapshot: snapshotRequest({
			stations: names,
			picture: (station, wanted, signal) => stationOf(station).picture(wanted, signal),
			bring: bringer({ folder, broker }),
		}),
		teach: teachRequest({
			stations: names,
			lesson: world.lesson,
			picturesFor: (place) => (place === LOCAL ? (world.lesson()?.pictures ?? null) : null),
		}),
		diagnostics: diagnosticsRequest({
			diagnostics: () => diagnosticsOf(world),
			writeLogs: (signal) => writeLogs(world, wallClock(), signal),
		}),
		letters: lettersRequest({
			letters: () => journal.deadLetters(),
			event: async (id) => (await journal.events({ from: id, to: id }, 1))[0],
		}),
		acknowledge: acknowledgeRequest({
			stations: names,
			alarmsOf: async (station) => (await alarms()?.alarmsOf(station)) ?? [],
			acknowledge: async (...which) => (await alarms()?.acknowledge(...which)) ?? [],
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
		trigger: triggerRequest({
			stations: names,
			modeOf: (name) => stationOf(name).mode,
			signal: (name, signal) => signalled(stationOf(name).signal(signal), journal.series),
		}),
	};
}

/** Its verdict as it is answered, with the number that the journal gave it. */
function signalled(found: Signalled, series: string) {
	if ('dropped' in found) return found;
	const verdict = found.verdict.then(({ verdict: { origin, score, ...body }, event }) => {
		if (!event) return undefined;
		const { id, sequence } = event;
		const told = { verdict: body.verdict, reason: reasonFor(body), score, threshold: origin.threshold };
		return { id: messageId(series, id), sequence, ...told };
	});
	return { ...found, verdict };
}
