import type { Pace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { Condition } from '../machine/condition.js';
import type { Gap } from '../protocol/gap.js';
import {
	type Health,
	healthMessage,
	type MachineHealth,
	type StationHealth,
	type Vitals,
} from '../protocol/health.js';
import type { Snapshot } from '../protocol/metrics.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { Journal } from '../sqlite/journal.js';
import type { AlarmsService } from './alarms.js';
import type { BrokerService } from './broker.js';
import { createLatencies } from './latency.js';
import type { Machine } from './machine.js';
import type { Recorder } from './record.js';
import type { Records } from './records.js';
import type { StationService } from './station.js';
import type { Tallies } from './tally.js';

/** `folder`: where the journal lies. */
export type HealthSettings = {
	readonly box: string;
	readonly root: string;
	readonly everyMs: number;
	readonly folder: string;
};

export type HealthWorld = {
	readonly version: string;
	readonly boot: string | null;
	readonly records: Pick<Records, 'clock'> & {
		readonly journal: Pick<Journal, 'condition' | 'events' | 'onEvents'>;
		readonly record: Pick<Recorder, 'momentsOf' | 'states'>;
	};
	readonly tallies: Tallies;
	/** Parts of the daemon that give no sign of life. */
	readonly silent: () => readonly string[];
	/** Those that run now. */
	readonly broker: () =>
		| Pick<BrokerService, 'backlog' | 'connected' | 'connections' | 'dropped' | 'retain'>
		| undefined;
	readonly stations: () => readonly Pick<StationService, 'vitals'>[];
	readonly alarms: () => Pick<AlarmsService, 'told'> | undefined;
	readonly machine: Machine;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	readonly wallClock: () => number;
};

/** After the start, when everything has begun. */
const FIRST_MS = 2000;

/** `latest`: as it was told last; `look`: as it would be told now, with what else can be said of the box. */
export type HealthService = Service & {
	readonly latest: Health | undefined;
	look(): Promise<Snapshot>;
};

/** Tells regularly how the box is, until it is disposed. */
export function startHealth(settings: HealthSettings, world: HealthWorld): HealthService {
	const { box, root, everyMs } = settings;
	const { records, broker, alarms, tallies, machine, pace, wallClock } = world;
	const ending = new AbortController();
	const { signal } = ending;
	const latencies = createLatencies(records.record.momentsOf, (station) => tallies.station(station).latency);
	const [toldOf, lookedAt] = [machine.watchCondition(), machine.watchCondition()];
	let latest: Health | undefined;
	const deaf = records.journal.onEvents((events) => {
		for (const event of events) {
			latencies.recorded(event);
			if (event.kind === 'gap') tallies.verdictsLost += lostIn(event.body as Gap);
		}
	});
	const healthNow = async (isTold: boolean): Promise<Health> => {
		const condition = await (isTold ? toldOf : lookedAt)();
		const vitals = await vitalsOf(settings, world, condition, (station) => latencies.of(station, isTold));
		return healthMessage(vitals, wallClock());
	};
	const tell = async (): Promise<void> => {
		const now = await healthNow(true);
		if (signal.aborted) return;
		latest = now;
		broker()?.retain(topicOf('health', { root, box }), encodePayload('health', latest));
	};
	const telling = async (): Promise<void> => {
		await pace.pause(Math.min(everyMs, FIRST_MS), signal);
		while (!signal.aborted) {
			await tell();
			await pace.pause(everyMs, signal);
		}
	};
	const told = telling();
	return {
		name: 'health',
		get latest() {
			return latest;
		},
		look: async () => {
			const health = await healthNow(false);
			const { waiting, failure } = records.journal.condition;
			const names = health.stations.map(({ station }) => station);
			return {
				health,
				states: records.record.states().filter(({ station }) => names.includes(station)),
				tallies: names.map((station) => ({ station, ...tallies.station(station) })),
				isConnected: broker()?.connected ?? false,
				journal: { waiting, isFailing: failure !== null },
				silent: world.silent(),
				alarms: (alarms()?.told() ?? []).filter(({ station }) => names.includes(station)),
			};
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			deaf();
			await told;
		},
	};
}

/** What the broker refused is kept, and counted by it. */
function lostIn({ from, to, reason }: Gap): number {
	return reason === 'refused' ? 0 : to - from + 1;
}

async function vitalsOf(
	{ box, folder }: HealthSettings,
	{ version, boot, records, broker, stations, machine, tallies, pace }: HealthWorld,
	condition: Condition,
	latencyOf: (station: string) => StationHealth['latency'],
): Promise<Vitals> {
	const { journal, clock } = records;
	const { databaseBytes, pictureBytes } = journal.condition;
	const lines = stations().map(({ vitals }) => vitals);
	const engines = lines.find((line) => line.engines)?.engines;
	const { backlog, connections = 0, dropped } = broker() ?? {};
	const oldest = backlog?.oldest;
	const [first] = oldest === undefined ? [] : await journal.events({ from: oldest, to: oldest }, 1);
	return {
		box,
		boot,
		uptimeS: Math.round(pace.now() - tallies.startedMs) / 1000,
		versions: {
			inspectord: version,
			node: process.versions.node,
			onnxruntime: engines?.onnxruntime ?? null,
			opencv: engines?.opencv ?? null,
			os: await machine.systemName(),
		},
		clock: clock(),
		memoryBytes: await machine.memoryOf(process.pid),
		machine: machineHealth(condition),
		disk: { ...(await machine.spaceAt(folder)), journalBytes: databaseBytes + pictureBytes },
		outbox: {
			verdicts: backlog?.verdicts ?? 0,
			pictures: backlog?.pictures ?? 0,
			oldestMs: first?.recordedMs ?? null,
		},
		reconnects: Math.max(0, connections - 1),
		drops: {
			framesOvertaken: lines.reduce((sum, { counts }) => sum + counts.droppedFrames, 0),
			triggersDropped: lines.reduce((sum, { counts }) => sum + counts.droppedTriggers, 0),
			verdictsRefused: dropped?.verdicts ?? 0,
			verdictsLost: tallies.verdictsLost,
			picturesRefused: dropped?.heatmaps ?? 0,
		},
		stations: await Promise.all(
			lines.map(async ({ station, state, pid, restarts, counts }) => ({
				station,
				state,
				pid,
				memoryBytes: pid === null ? null : await machine.memoryOf(pid),
				restarts,
				parts: counts.parts,
				frames: counts.parts + counts.droppedFrames,
				latency: latencyOf(station),
			})),
		),
	};
}

function machineHealth({ thermal, throttled, power, clocks, memory }: Condition): MachineHealth {
	const fastest = (of: Condition['clocks']['cpu']) =>
		of.length === 0 ? null : Math.round(Math.max(...of.map(({ hertz }) => hertz)) / 1e6);
	return {
		hottest: thermal.hottest,
		throttled,
		throttledBy: [...(thermal.slowed ?? [])],
		throttlings: thermal.events,
		powerMode: power.mode?.name ?? null,
		watts: power.watts,
		rails: [...power.rails],
		clocks: { locked: clocks.locked, cpuMHz: fastest(clocks.cpu), gpuMHz: fastest(clocks.gpu) },
		memory: { totalBytes: memory.totalBytes, availableBytes: memory.availableBytes },
	};
}
