import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { LogLine, Trouble } from '../base/log.js';
import { masked, maskedThroughout } from '../base/secrets.js';
import { redacted } from '../config/redact.js';
import type { Config } from '../config/schema.js';
import { type ArchiveFile, archiveOf } from '../disk/archive.js';
import { writeRecent } from '../disk/recent.js';
import { instantOf } from '../protocol/fields.js';
import type { Result } from '../protocol/requests.js';
import type { Journal } from '../sqlite/journal.js';
import { searchBeside } from '../sqlite/search-beside.js';
import type { AlarmsService } from './alarms.js';
import type { BrokerService } from './broker.js';
import type { HealthService } from './health.js';
import type { LessonService } from './lesson.js';
import type { Recorder } from './record.js';
import type { StationService } from './station.js';

/** What is known of the box: functions, each of which looks at what runs at that moment. */
export type DiagnosticsWorld = {
	readonly box: string;
	/** Where the journal lies. */
	readonly folder: string;
	readonly version: string;
	readonly boot: string | null;
	readonly records: {
		readonly journal: Pick<Journal, 'condition' | 'series'>;
		readonly record: Pick<Recorder, 'states'>;
	};
	readonly broker: () => Pick<BrokerService, 'backlog' | 'connected' | 'connections' | 'dropped'> | undefined;
	readonly stations: () => readonly Pick<StationService, 'vitals'>[];
	readonly alarms: () => Pick<AlarmsService, 'told'> | undefined;
	readonly health: () => Pick<HealthService, 'latest'> | undefined;
	readonly lesson: () => Pick<LessonService, 'current'> | undefined;
	readonly troubles: () => readonly Trouble[];
	readonly logLines: () => readonly LogLine[];
	readonly config: () => Config | null;
	readonly secrets: readonly string[];
};

/** In the folder of the journal. */
const FOLDER = 'diagnostics';

const MOST_KEPT = 5;

/** The newest events that a bundle of logs holds. */
const MOST_EVENTS = 500;

/** How the box is now. */
export function diagnosticsOf(world: DiagnosticsWorld): Omit<Result<'diagnostics'>, 'logs'> {
	const { version, boot, records, broker, stations, troubles, secrets } = world;
	const { journal, record } = records;
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
			const model = record.states().find((told) => told.station === station)?.model;
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
}

/**
 * Writes what somebody elsewhere needs to understand the box to one file: the log, the configuration, how all is, the last events;
 * nothing that is secret. The newest few are kept. @throws Failure file-unwritable
 */
export async function writeLogs(
	world: DiagnosticsWorld,
	wallMs: number,
	signal: AbortSignal,
): Promise<NonNullable<Result<'diagnostics'>['logs']>> {
	const { box, folder, records, alarms, health, lesson, logLines, config, secrets } = world;
	const { journal, record } = records;
	const openly = <T>(value: T): T => maskedThroughout(value, secrets);
	const json = (name: string, value: unknown): ArchiveFile => ({
		name: `${name}.json`,
		content: `${JSON.stringify(openly(value), null, '\t')}\n`,
	});
	const log = await inTurns(logLines(), ({ atMs, level, about, message }) =>
		openly(`${instantOf(atMs)} ${level} ${about}: ${message.replaceAll('\n', ' ')}`),
	);
	const found: readonly object[] = await searchBeside(
		folder,
		{ kind: 'events', query: { limit: MOST_EVENTS } },
		signal,
	).catch((thrown) => {
		signal.throwIfAborted();
		return [{ unread: reasonOf(thrown) }];
	});
	const events = await inTurns(found, (event) => JSON.stringify(openly(event)));
	const files = [
		{ name: 'log.txt', content: lines(log) },
		{ name: 'events.jsonl', content: lines(events) },
		json('configuration', redacted(config())),
		json('diagnostics', diagnosticsOf(world)),
		json('health', health()?.latest ?? null),
		json('states', {
			stations: record.states(),
			alarms: alarms()?.told() ?? [],
			lesson: lesson()?.current ?? null,
		}),
		json('journal', journal.condition),
	];
	const bytes = await archiveOf(files, wallMs);
	const name = `${instantOf(wallMs).replaceAll(/[-:]/g, '')}-${box}.tar.gz`;
	const file = await writeRecent(join(folder, FOLDER), name, bytes, MOST_KEPT);
	return { file, bytes: bytes.length, sha256: sha256Of(bytes) };
}

function lines(all: readonly string[]): string {
	return all.map((line) => `${line}\n`).join('');
}

/** Deadlines are kept by the same thread: it gets its turn between one and the next. */
async function inTurns<T>(values: readonly T[], map: (value: T) => string): Promise<string[]> {
	const mapped: string[] = [];
	for (const value of values) {
		mapped.push(map(value));
		await breathe();
	}
	return mapped;
}
