import { z } from 'zod';
import { WINDOWS, type Window } from '../measure/drift.js';
import { MEASURES } from '../vision/quality.js';
import {
	boxField,
	errorField,
	instant,
	instantOf,
	SCHEMA,
	schemaField,
	stationField,
	type Told,
} from './fields.js';
import { modelField, type Verdict } from './verdict.js';

/** Of the state machine of OPC 40100-1. */
export const VISION_STATES = [
	'Preoperational',
	'Halted',
	'Error',
	'Initialized',
	'Ready',
	'SingleExecution',
	'ContinuousExecution',
] as const;

export type VisionState = (typeof VISION_STATES)[number];

const visionState = z.enum(VISION_STATES).describe('The same in words of OPC 40100-1.');

const BOX_STATES = {
	online: 'Ready',
	degraded: 'Ready',
	offline: 'Halted',
} as const satisfies Readonly<Record<string, VisionState>>;

const STATION_STATES = {
	starting: 'Preoperational',
	running: 'ContinuousExecution',
	resting: 'Ready',
	error: 'Error',
	finished: 'Initialized',
	stopped: 'Halted',
} as const satisfies Readonly<Record<string, VisionState>>;

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as K[];

const count = z.int().min(0);

export const boxStateSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		state: z
			.enum(keysOf(BOX_STATES))
			.describe(
				'`degraded`: it inspects, but the broker keeps something from reaching anybody, the disk takes nothing, or a part of the daemon is silent.',
			),
		visionState,
		version: z.string(),
		stations: z.array(z.string()),
		dropped: z
			.strictObject({ verdicts: count, heatmaps: count })
			.describe('Messages that did not fit while the broker was away, or that it refused.'),
		refused: z
			.array(z.strictObject({ topic: z.string(), reason: z.string(), messages: count }))
			.describe('Kinds of topic of which the broker refused messages, the last reason, and how many.'),
		broker: z.string().describe('Address of the broker that it speaks with, without user and password.'),
		lacks: z
			.array(z.enum(['retain', 'qos1', 'will', 'refusals', 'verification']))
			.describe(
				'What the broker does not offer: retained messages, QoS 1, a last will, refusals aloud (3.1.1), a certificate that is verified.',
			),
		silent: z
			.array(z.string())
			.describe(
				'Parts of the daemon that give no sign of life; under systemd it is killed for them, and starts anew.',
			),
		journal: z
			.string()
			.nullable()
			.describe(
				'Why nothing can be written down now; null where it can. Nothing is published before it stands on the disk.',
			),
		at: instant,
	})
	.describe('Whether the box is there.');

/** Retained: whether the box is there. */
export type BoxState = Told<typeof boxStateSchema>;

const counts = z
	.strictObject({
		parts: count,
		accepted: count,
		rejected: count,
		errors: count,
		droppedFrames: count.describe('Of a live camera, that nobody inspected because newer ones came.'),
		droppedTriggers: count.describe(
			'Signals that made no part: they bounced, came too soon, or more waited than may.',
		),
	})
	.describe('Since the daemon started; told at least every 10 s while they change.');

/** Why a station computes elsewhere than its recipe prefers. */
export const DEGRADATIONS = {
	'provider-unavailable': 'A library or device that the provider needs is not there.',
	'engine-missing': 'There is no engine of this model for this machine yet: it can be built.',
	'engine-failed': 'The engine could not be built, or does not score like float32.',
	'engine-invalid': 'The engine that lies there is damaged, or of another machine.',
	'provider-mistaken': 'A part of the model ran elsewhere.',
	'provider-slow': 'A picture takes longer there than the deadline allows.',
	'bundle-golden': 'It does not score the golden vectors as it should.',
	'model-failed': 'The model cannot be opened or run there.',
} as const;

export type DegradationCode = keyof typeof DEGRADATIONS;

const degraded = z
	.strictObject({
		code: z.enum(keysOf(DEGRADATIONS)),
		message: z.string().describe('For people.'),
	})
	.nullable();

/** What can drift: scores, and what pictures are like. */
export const DRIFTING = ['score', ...MEASURES] as const;

const drift = z
	.strictObject({
		measure: z
			.enum(DRIFTING)
			.describe(
				'The score, or what the picture is like; `light`, `brightest`, `red`, `blue`, `contrast` and `sharpness` in powers of 2, `right`, `down` and `turn` in 32nds of the picture.',
			),
		window: z
			.enum(Object.keys(WINDOWS) as Window[])
			.describe(
				'`fast`: by more than a deviation, seen within tens of parts; `slow`: by less, within hundreds.',
			),
		usual: z.number().describe('Mean of the good parts of the lesson.'),
		mean: z.number().describe('Of the accepted parts until this was seen.'),
		deviations: z.number().describe('From usual to the mean, in deviations of the good parts of the lesson.'),
		parts: count.describe('So many accepted parts until this was seen.'),
		since: instant.describe('When it was seen.'),
	})
	.describe("What accepted parts are like has drifted from the lesson's good ones (Page-Hinkley).");

export const stationStateSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		station: stationField,
		state: z
			.enum(keysOf(STATION_STATES))
			.describe('`resting`: it would inspect, and does not in these hours (`schedule.quiet`).'),
		visionState,
		recipe: z.string(),
		model: modelField.nullable(),
		threshold: z.number().nullable(),
		counts,
		error: errorField.describe('Of state `error`: why.'),
		degraded: degraded.describe('It inspects, but computes elsewhere than its recipe prefers, and why.'),
		drift: z
			.array(drift)
			.describe('Advice: what has drifted since the lesson. Begins anew with each process of the station.'),
		at: instant,
	})
	.describe('Whether a station inspects.');

/** Retained: whether a station inspects. */
export type StationState = Told<typeof stationStateSchema>;

/** What a station that serves falls short of. */
export type Degraded = NonNullable<StationState['degraded']>;

/** What a station counts since the daemon started. */
export type Counts = StationState['counts'];

export const noCounts: Counts = {
	parts: 0,
	accepted: 0,
	rejected: 0,
	errors: 0,
	droppedFrames: 0,
	droppedTriggers: 0,
};

const column = { accept: 'accepted', reject: 'rejected', error: 'errors' } as const;

/** The counts after one more part. */
export function counted(told: Counts, verdict: Verdict): Counts {
	const kind = column[verdict];
	return { ...told, parts: told.parts + 1, [kind]: told[kind] + 1 };
}

/** What a station's process says of itself: the daemon adds what it counts and when. */
export type StationReport = {
	readonly state: Exclude<StationState['state'], 'stopped'>;
	/** Null before the model is open. */
	readonly model: StationState['model'];
	readonly threshold: number | null;
	readonly error: StationState['error'];
	readonly degraded: Degraded | null;
	/** What has drifted since the lesson. */
	readonly drift: StationState['drift'];
};

/** `atMs` is wall clock time. */
export function stationState(
	said: Omit<StationReport, 'state'> & Pick<StationState, 'state'>,
	of: Pick<StationState, 'box' | 'station' | 'recipe'>,
	told: Counts,
	atMs: number,
): StationState {
	const { state, model, threshold, error, degraded, drift } = said;
	const { box, station, recipe } = of;
	return {
		schema: SCHEMA,
		box,
		station,
		state,
		visionState: STATION_STATES[state],
		recipe,
		model,
		threshold,
		counts: told,
		error,
		degraded,
		drift,
		at: instantOf(atMs),
	};
}

/** `atMs` is wall clock time. */
export function boxState(said: Omit<BoxState, 'schema' | 'visionState' | 'at'>, atMs: number): BoxState {
	const { box, state, ...rest } = said;
	return { schema: SCHEMA, box, state, visionState: BOX_STATES[state], ...rest, at: instantOf(atMs) };
}
