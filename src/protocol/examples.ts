import { alarmEntry, alarmMessage } from './alarm.js';
import { answerMessage, type Progress } from './answer.js';
import { configurationMessage } from './configuration.js';
import { enginesMessage } from './engines.js';
import { instantOf, SCHEMA } from './fields.js';
import { gapEntry, gapMessage } from './gap.js';
import { healthMessage, type Quantiles, type StationHealth } from './health.js';
import { lessonMessage } from './lesson.js';
import type { Receipt } from './receipt.js';
import { reportMessage } from './report.js';
import { boxState, stationState } from './states.js';
import type { Payloads } from './topics.js';
import { type ModelTold, type StationVerdict, unjudged } from './verdict.js';
import { verdictEntry, verdictMessage } from './verdict-message.js';

const takenMs = Date.UTC(2026, 10, 23, 21, 30, 35, 943);

const box = 'cell-4';

const model: ModelTold = {
	name: 'lid',
	bundle: 'lid@5e81c08b',
	sha256: '1c947c1d6a0b4f6f0b6a7de6c2fd0a0f7b8e63a3a2d54b8b0c2f1b2f6d7a9e10',
	provider: 'cpu',
	precision: 'int8',
	fingerprint: null,
	engine: null,
};

const judged: StationVerdict = {
	...unjudged(
		{
			box,
			station: 'lid',
			recipe: 'lid',
			boot: '3b0f9f0e-6a55-4b7e-9f5c-0d5f6c0f8a11',
			run: 'f3e910fc',
			model,
			threshold: 1.0297,
			revision: '4be1f0c2a97d',
			isSimulated: false,
		},
		{
			runSequence: 1,
			frame: 'broken_large/000.jpg',
			part: null,
			trigger: null,
			taken: { wallMs: takenMs, monotonicMs: 1232.58 },
		},
	),
	verdict: 'reject',
	score: 1.3738,
	regions: [{ box: { x: 182, y: 150, width: 264, height: 306 }, peak: 1.3738, area: 41_220 }],
	heatmaps: [
		{
			box: { x: 170, y: 138, width: 288, height: 330 },
			peak: 1.3738,
			bytes: 10_822,
			sha256: '77ab901f4e0f6c1a6c0a1f3d5f7e2b9c8d4a6e0b1c3f5a7d9e2b4c6f8a0d1e3f',
		},
	],
	latency: { waitMs: 0.1, prepareMs: 0.54, modelMs: 44.37, decideMs: 0.02, drawMs: 6.46 },
};

const clock = { synchronised: true, since: '2026-11-23T06:00:12.031Z' } as const;

const event = { id: 20_817, sequence: 20_790, recordedMs: takenMs + 57 };

const lasted = (p50Ms: number, p95Ms: number, p99Ms: number): Quantiles => ({ p50Ms, p95Ms, p99Ms });

const latency: StationHealth['latency'] = {
	wait: lasted(0.1, 0.4, 1.1),
	prepare: lasted(0.52, 0.61, 0.9),
	model: lasted(44.1, 46.2, 51.9),
	decide: lasted(0.02, 0.03, 0.05),
	draw: lasted(0, 6.4, 7.2),
	record: lasted(4.2, 7.9, 12.4),
	publish: lasted(0.6, 1.4, 3.3),
};

/** A message on each topic that carries JSON, made as the box makes it. */
export const examples: {
	readonly [N in keyof Payloads as Payloads[N] extends object
		? Payloads[N] extends Uint8Array
			? never
			: N
		: never]: Payloads[N];
} = {
	boxState: boxState(
		{
			box,
			state: 'degraded',
			version: '0.1.0',
			stations: ['lid'],
			dropped: { verdicts: 0, heatmaps: 12 },
			refused: [
				{ topic: 'inspectord/cell-4/lid/heatmap/+/+', reason: 'not authorised (0x87)', messages: 12 },
			],
			broker: 'mqtts://broker.plant.example:8883',
			lacks: [],
			journal: null,
			silent: [],
		},
		takenMs,
	),
	stationState: stationState(
		{
			state: 'running',
			model,
			threshold: 1.0297,
			error: null,
			degraded: null,
			drift: [
				{
					measure: 'light',
					window: 'slow',
					usual: 7.1012,
					mean: 6.9418,
					deviations: -2,
					parts: 34,
					since: instantOf(takenMs - 3_600_000),
				},
			],
		},
		{ box, station: 'lid', recipe: 'lid' },
		{ parts: 20_790, accepted: 20_611, rejected: 178, errors: 1, droppedFrames: 3, droppedTriggers: 0 },
		takenMs,
	),
	verdict: verdictMessage(
		{ ...verdictEntry(judged, clock), ...event },
		{
			series: '9c1f04d2',
			root: 'inspectord',
			publishedMs: takenMs + 58,
			late: false,
			recordMs: 4.21,
			publishMs: 0.63,
		},
	),
	gap: gapMessage(
		{
			...gapEntry(box, 'lid', { from: 101, to: 340, reason: 'retention' }, takenMs),
			...event,
			sequence: null,
		},
		{ series: '9c1f04d2', publishedMs: takenMs + 58 },
	),
	alarm: alarmMessage(
		{
			...alarmEntry(
				box,
				'lid',
				{
					changes: [{ alarm: 'stuck', change: 'raised' }],
					by: null,
					comment: null,
					alarms: [
						{
							alarm: 'stuck',
							rule: 'consecutive',
							state: 'active-unacknowledged',
							sinceMs: takenMs + 58,
							verdict: event.id,
							value: 5,
							setpoint: 5,
							times: 1,
						},
						{
							alarm: 'drift',
							rule: 'score',
							state: 'normal',
							sinceMs: null,
							verdict: null,
							value: null,
							setpoint: 0.9,
							times: 0,
						},
					],
					upTo: event.id,
					rules: '4be1f0c2a97d',
				},
				takenMs + 58,
			),
			...event,
			sequence: null,
		},
		'9c1f04d2',
	)!,
	health: healthMessage(
		{
			box,
			boot: '3b0f9f0e-6a55-4b7e-9f5c-0d5f6c0f8a11',
			uptimeS: 55_823.4,
			versions: {
				inspectord: '0.1.0',
				node: '22.11.0',
				onnxruntime: '1.30.0',
				opencv: '4.6.0',
				os: 'Debian GNU/Linux 12 (bookworm), Linux 6.1.0 arm64',
			},
			clock,
			memoryBytes: 81_264_640,
			machine: {
				hottest: { zone: 'tj-thermal', celsius: 61.3, limitCelsius: 99 },
				throttled: false,
				throttledBy: [],
				throttlings: 0,
				powerMode: 'MAXN_SUPER',
				watts: 12.4,
				rails: [
					{ rail: 'VDD_IN', watts: 12.4 },
					{ rail: 'VDD_CPU_GPU_CV', watts: 5.1 },
					{ rail: 'VDD_SOC', watts: 3.2 },
				],
				clocks: { locked: true, cpuMHz: 1728, gpuMHz: 1020 },
				memory: { totalBytes: 7_990_000_000, availableBytes: 4_310_000_000 },
			},
			disk: { freeBytes: 21_474_836_480, totalBytes: 31_138_512_896, journalBytes: 148_897_792 },
			outbox: { verdicts: 0, pictures: 1, oldestMs: null },
			reconnects: 2,
			drops: {
				framesOvertaken: 3,
				triggersDropped: 0,
				verdictsRefused: 0,
				verdictsLost: 0,
				picturesRefused: 12,
			},
			stations: [
				{
					station: 'lid',
					state: 'running',
					pid: 812,
					memoryBytes: 214_958_080,
					restarts: 0,
					parts: 20_790,
					frames: 20_793,
					latency,
				},
			],
		},
		takenMs,
	),
	configuration: configurationMessage(
		{
			box,
			rev: '12-1c947c1d',
			configuration: {
				box,
				mqtt: { url: 'mqtts://broker.plant.example:8883', root: 'inspectord', version: '5' },
				stations: { lid: { camera: { source: 'rtsp://10.0.0.7/stream', timeoutMs: 5000 }, recipe: 'lid' } },
				recipes: { lid: { model: '/var/lib/inspectord/bundles/lid@5e81c08b', threshold: 1.0297 } },
			},
		},
		null,
		takenMs,
	),
	report: reportMessage(
		{
			box,
			fromMs: takenMs - 86_400_000,
			stations: [{ station: 'lid', parts: 20_790, accepted: 20_611, rejected: 178, errors: 1 }],
		},
		takenMs,
	),
	lesson: lessonMessage(
		{
			box,
			lesson: 'c41d09aa',
			state: 'teaching',
			name: 'lid',
			folder: null,
			station: 'lid',
			collected: { done: 60, of: 60, skipped: 1 },
			progress: { phase: 'training', done: 42, of: 118, loss: 0.3127, secondsLeft: 96.4 },
			forecast: {
				seconds: 221.6,
				mostSeconds: 272.1,
				steps: 160,
				mostSteps: 200,
				stepSeconds: 1.26,
				backbone: 'pocket',
				provider: 'cpu',
				pocket: null,
			},
			warning: null,
			taught: null,
			error: null,
		},
		takenMs,
	),
	engines: enginesMessage(
		{
			box,
			builds: true,
			engines: [
				{
					id: '1c947c1d-fp16-0a1b2c3d4e5f',
					bundle: 'lid@5e81c08b',
					precision: 'fp16',
					state: 'building',
					since: '2026-11-23T21:21:04.310Z',
					engine: null,
					wantedBy: ['lid'],
					usedBy: [],
					refusedBy: [],
					waitsFor: null,
					progress: {
						phase: 'building',
						share: 0.42,
						line: 'Local timing cache in use. Profiling results in this builder pass will not be stored.',
						seconds: 571.6,
					},
					error: null,
				},
				{
					id: 'b2077e5d-int8-77ab901f4e0f',
					bundle: 'cap@b2077e5d',
					precision: 'int8',
					state: 'failed',
					since: '2026-11-22T06:12:40.007Z',
					engine: null,
					wantedBy: ['cap'],
					usedBy: [],
					refusedBy: [],
					waitsFor: null,
					progress: null,
					error: {
						code: 'engine-failed',
						message: 'Cannot build an engine of bundle "cap@b2077e5d" in int8: trtexec ran out of memory',
						tail: '[E] Error[1]: [defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of memory)',
						at: '2026-11-22T06:12:40.007Z',
						times: 2,
						againAt: '2026-11-22T06:21:02.412Z',
					},
				},
			],
		},
		takenMs,
	),
	answer: answerMessage(
		{
			id: 'desk-7-1',
			request: 'selfcheck',
			code: 'ok',
			text: '1 station passed',
			faults: [],
			result: { stations: [{ station: 'lid', passed: true, message: null }] },
		},
		takenMs,
	),
	progress: {
		schema: SCHEMA,
		id: 'desk-7-1',
		request: 'selfcheck',
		done: 1,
		of: 2,
		text: 'lid passed',
	} satisfies Progress,
	receipt: { station: 'lid', sequence: 20_790 } satisfies Receipt,
};
