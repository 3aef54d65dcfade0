import type { AlarmMessage } from './alarm.js';
import type { Health } from './health.js';
import { type StationState, stationStateSchema } from './states.js';
import { REASONS, type Reason, type Stage } from './verdict.js';

/** A box at one moment: health and states as they are told, and what is counted of the stations that run. */
export type Snapshot = {
	readonly health: Health;
	readonly states: readonly StationState[];
	readonly tallies: readonly {
		readonly station: string;
		readonly counts: StationState['counts'];
		/** Of its error verdicts: how many by each reason. */
		readonly errors: ReadonlyMap<Reason, number>;
		/** By `LATENCY_BOUNDS_S`. */
		readonly latency: ReadonlyMap<Stage, Counted>;
	}[];
	readonly isConnected: boolean;
	/** `waiting`: what is in memory alone. */
	readonly journal: { readonly waiting: number; readonly isFailing: boolean };
	readonly alarms: readonly AlarmMessage[];
	/** Parts of the daemon that give no sign of life, as the box's state tells them. */
	readonly silent: readonly string[];
};

/** A histogram: how many values are not above each of its bounds. */
type Counted = { readonly upTo: readonly number[]; readonly sum: number; readonly count: number };

/** What stands at the end of a series: null is not said. Labels in the order of the row. */
type Series<V> = readonly [value: V, ...labels: string[]];

type Row<T extends string, V> = {
	readonly type: T;
	readonly help: string;
	readonly labels: readonly string[];
	readonly read: (snapshot: Snapshot) => readonly Series<V>[];
};

export type Metric =
	| Row<'counter' | 'gauge', number | null>
	| (Row<'histogram', Counted> & { readonly bounds: readonly number[] });

/** Of the histograms of durations, in seconds: from a frame of a fast line to a broker that is away. */
export const LATENCY_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Told from the start: of a series that comes with its first error, Prometheus would not see that it grew. */
const ERROR_REASONS = (Object.keys(REASONS) as Reason[]).filter((reason) => reason !== 'above-threshold');

type Read<V> = Row<string, V>['read'];
type Plain = Extract<Metric, { type: 'counter' | 'gauge' }>;

const counter = (help: string, labels: readonly string[], read: Read<number | null>): Plain => ({
	type: 'counter',
	help,
	labels,
	read,
});

const gauge = (help: string, labels: readonly string[], read: Read<number | null>): Plain => ({
	...counter(help, labels, read),
	type: 'gauge',
});

type Drifts = StationState['drift'];

/** Up and down may both be seen: a series is said once. */
const farthest = (drift: Drifts): Drifts =>
	drift.filter((one) => {
		const same = drift.filter(({ measure, window }) => measure === one.measure && window === one.window);
		return one === same.sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations))[0];
	});

const flag = (is: boolean | null): number | null => (is === null ? null : Number(is));

const secondsOf = (instant: string | null): number | null =>
	instant === null ? null : Date.parse(instant) / 1000;

/**
 * Everything that is said to Prometheus, named by its conventions: base units, `_total` for what only grows. No label holds what grows
 * with the parts.
 */
export const METRICS = {
	inspectord_build_info: gauge(
		'Which program runs: always 1.',
		['box', 'version', 'node', 'onnxruntime', 'opencv', 'os'],
		({ health: { box, versions } }) => {
			const { inspectord, node, onnxruntime, opencv, os } = versions;
			return [[1, box, inspectord, node, onnxruntime ?? '', opencv ?? '', os]];
		},
	),
	inspectord_uptime_seconds: gauge('Since the daemon started.', [], ({ health }) => [[health.uptimeS]]),
	inspectord_silent: gauge(
		"How many parts of the daemon give no sign of life; the box's state names them.",
		[],
		({ silent }) => [[silent.length]],
	),
	inspectord_station_state: gauge(
		'Of the states that a station may be in, 1 at the one that it is in.',
		['station', 'state'],
		({ states }) =>
			states.flatMap(({ station, state }) =>
				stationStateSchema.shape.state.options.map((one): Series<number> => [+(one === state), station, one]),
			),
	),
	inspectord_station_error: gauge(
		'1 while a station does not inspect, by the code of why.',
		['station', 'code'],
		({ states }) => states.flatMap(({ station, error }) => (error ? [[1, station, error.code]] : [])),
	),
	inspectord_station_degraded: gauge(
		'1 while a station computes elsewhere than its recipe prefers.',
		['station'],
		({ states }) => states.map(({ station, degraded }) => [+(degraded !== null), station]),
	),
	inspectord_drift_deviations: gauge(
		"How far from usual what accepted parts are like has drifted, in deviations of the lesson's good parts: only of what has drifted.",
		['station', 'measure', 'window'],
		({ states }) =>
			states.flatMap(({ station, drift }) =>
				farthest(drift).map(
					({ deviations, measure, window }): Series<number> => [deviations, station, measure, window],
				),
			),
	),
	inspectord_camera_failing: gauge(
		"1 while it is the camera that keeps a station from inspecting, as far as its error's code tells.",
		['station'],
		({ states }) =>
			states.map(({ station, error }) => [+(error?.code.startsWith('camera-') ?? false), station]),
	),
	inspectord_station_restarts_total: counter(
		'New processes of a station after one that died or hung.',
		['station'],
		({ health }) => health.stations.map(({ station, restarts }) => [restarts, station]),
	),
	inspectord_verdicts_total: counter(
		'Parts that were judged. The reason of `accept` is empty.',
		['station', 'verdict', 'reason'],
		({ tallies }) =>
			tallies.flatMap(({ station, counts, errors }): Series<number>[] => [
				[counts.accepted, station, 'accept', ''],
				[counts.rejected, station, 'reject', 'above-threshold'],
				...ERROR_REASONS.map((reason): Series<number> => [errors.get(reason) ?? 0, station, 'error', reason]),
			]),
	),
	inspectord_frames_overtaken_total: counter(
		'Frames of a live camera that nobody inspected, because newer ones came.',
		['station'],
		({ tallies }) => tallies.map(({ station, counts }) => [counts.droppedFrames, station]),
	),
	inspectord_triggers_dropped_total: counter(
		'Signals that made no part: they bounced, came too soon, or more waited than may.',
		['station'],
		({ tallies }) => tallies.map(({ station, counts }) => [counts.droppedTriggers, station]),
	),
	inspectord_stage_duration_seconds: {
		type: 'histogram',
		help: "How long parts take at each stage, in the order of a verdict's `latency`.",
		labels: ['station', 'stage'],
		bounds: LATENCY_BOUNDS_S,
		read: ({ tallies }) =>
			tallies.flatMap(({ station, latency }) =>
				[...latency].map(([stage, counted]): Series<Counted> => [counted, station, stage]),
			),
	},
	inspectord_alarms_active: gauge(
		"Conditions of a station's alarms that stand, acknowledged or not.",
		['station'],
		({ alarms }) => alarms.map(({ station, active }) => [active, station]),
	),
	inspectord_alarms_unacknowledged: gauge(
		"A station's alarms that wait for somebody.",
		['station'],
		({ alarms }) => alarms.map(({ station, unacknowledged }) => [unacknowledged, station]),
	),
	inspectord_broker_connected: gauge('Whether the broker is reached.', [], ({ isConnected }) => [
		[+isConnected],
	]),
	inspectord_broker_reconnects_total: counter(
		'Connections to the broker after the first one.',
		[],
		({ health }) => [[health.reconnects]],
	),
	inspectord_outbox_verdicts: gauge('Verdicts that wait for the broker.', [], ({ health }) => [
		[health.outbox.verdicts],
	]),
	inspectord_outbox_pictures: gauge('Pictures that wait for the broker.', [], ({ health }) => [
		[health.outbox.pictures],
	]),
	inspectord_outbox_oldest_age_seconds: gauge(
		'How long the oldest verdict waits for the broker; 0 where none does.',
		[],
		({ health }) => [[health.outbox.oldestAgeS ?? 0]],
	),
	inspectord_verdicts_refused_total: counter('Verdicts that the broker refused.', [], ({ health }) => [
		[health.drops.verdictsRefused],
	]),
	inspectord_verdicts_lost_total: counter(
		'Verdicts that had to go before the broker had them.',
		[],
		({ health }) => [[health.drops.verdictsLost]],
	),
	inspectord_pictures_refused_total: counter('Pictures that the broker refused.', [], ({ health }) => [
		[health.drops.picturesRefused],
	]),
	inspectord_journal_bytes: gauge('What the journal holds, pictures among it.', [], ({ health }) => [
		[health.disk.journalBytes],
	]),
	inspectord_journal_waiting: gauge(
		'What is in memory alone, because the disk has not taken it yet.',
		[],
		({ journal }) => [[journal.waiting]],
	),
	inspectord_journal_failing: gauge('1 while the journal cannot be written to.', [], ({ journal }) => [
		[+journal.isFailing],
	]),
	inspectord_disk_size_bytes: gauge('Of the disk where the journal lies.', [], ({ health }) => [
		[health.disk.totalBytes],
	]),
	inspectord_disk_free_bytes: gauge('Of the disk where the journal lies.', [], ({ health }) => [
		[health.disk.freeBytes],
	]),
	inspectord_resident_memory_bytes: gauge("Of the daemon's own process.", [], ({ health }) => [
		[health.memoryBytes],
	]),
	inspectord_station_resident_memory_bytes: gauge("Of a station's process.", ['station'], ({ health }) =>
		health.stations.map(({ station, memoryBytes }) => [memoryBytes, station]),
	),
	inspectord_machine_memory_size_bytes: gauge('Of the machine.', [], ({ health }) => [
		[health.machine.memory.totalBytes],
	]),
	inspectord_machine_memory_available_bytes: gauge(
		'What programs may still take without swapping.',
		[],
		({ health }) => [[health.machine.memory.availableBytes]],
	),
	inspectord_temperature_celsius: gauge(
		'Of the hottest thermometer of the kernel.',
		['zone'],
		({ health: { machine } }) => (machine.hottest ? [[machine.hottest.celsius, machine.hottest.zone]] : []),
	),
	inspectord_temperature_limit_celsius: gauge(
		'Where the kernel begins to slow the machine down for the hottest thermometer.',
		['zone'],
		({ health: { machine } }) =>
			machine.hottest ? [[machine.hottest.limitCelsius, machine.hottest.zone]] : [],
	),
	inspectord_throttled: gauge(
		'Whether the machine is slowed down for heat or current: now, or since this was read before.',
		[],
		({ health }) => [[flag(health.machine.throttled)]],
	),
	inspectord_throttlings_total: counter(
		'Over-currents, under-voltages and the like since the system started.',
		[],
		({ health }) => [[health.machine.throttlings]],
	),
	inspectord_power_watts: gauge('Of the whole module or board.', [], ({ health }) => [
		[health.machine.watts],
	]),
	inspectord_clock_synchronised: gauge(
		'Whether the operating system says that its clock is synchronised.',
		[],
		({ health }) => [[flag(health.clock.synchronised)]],
	),
	inspectord_clock_synchronised_since_seconds: gauge(
		'Unix time since which that stands as it does, as far as it was seen.',
		[],
		({ health }) => [[secondsOf(health.clock.since)]],
	),
} as const satisfies Readonly<Record<string, Metric>>;
