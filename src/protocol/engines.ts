import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import type { EngineProgress } from './engine-messages.js';
import type { Entry } from './events.js';
import {
	boxField,
	instant,
	instantOf,
	SCHEMA,
	schemaField,
	sha256,
	stationField,
	type Told,
} from './fields.js';

/** How far an engine is. */
export const ENGINE_STATES = {
	waiting: 'It is to be built, and `waitsFor` something: its turn, or the end of a lesson.',
	building: 'A job of low priority builds it, and compares it with float32; `progress` says how far that is.',
	moving:
		'It has passed, and a station is moved to it: its new process proves it beside the one that inspects.',
	ready: 'It lies there and has passed; `usedBy` compute with it.',
	failed:
		'`error` says why, and when it is tried again. What would fail again is not before the model, the precision, TensorRT, driver or GPU are others, or somebody asks.',
	off: 'Stations would compute with it, and nobody builds it: `engines.build` is off.',
} as const;

export type EngineState = keyof typeof ENGINE_STATES;

const states = Object.keys(ENGINE_STATES) as EngineState[];

const PHASES = ['exporting', 'building', 'comparing'] as const satisfies readonly EngineProgress['phase'][];

const times = z.int().min(1).describe('So often in a row.');

const failedField = z.strictObject({
	code: z.string().describe('A code that is never given another meaning.'),
	message: z.string().describe('For people.'),
	tail: z.string().describe('The last words of trtexec; empty where it said none.'),
	at: instant,
	times,
	againAt: instant
		.nullable()
		.describe(
			'When it is tried again by itself, each time after a longer while: what failed may have passed. Null: the same would fail again.',
		),
});

export const engineField = z.strictObject({
	id: z
		.string()
		.describe('Of the model, the precision and the machine: `inspectord engine list` names it so.'),
	bundle: z.string().describe('The bundle, by the name that stays its own.'),
	precision: z.enum(PRECISIONS),
	state: z.enum(states),
	since: instant.describe('Of this state.'),
	engine: sha256
		.nullable()
		.describe('SHA-256 of what lies there, as verdicts name it; null before it is built.'),
	wantedBy: z.array(stationField).describe('Stations that compute elsewhere, or not at all, for want of it.'),
	usedBy: z.array(stationField).describe('Stations that compute with it now.'),
	refusedBy: z
		.array(
			z.strictObject({
				station: stationField,
				code: z.string(),
				message: z.string(),
				at: instant,
				times,
				againAt: instant.describe('When it is moved to it again, each time after a longer while.'),
			}),
		)
		.describe(
			'Stations that were moved to it and went back, and why. They are moved again when another engine lies there, their recipe computes otherwise, somebody asks, or at `againAt`.',
		),
	waitsFor: z.string().nullable().describe('Of state `waiting`: for people.'),
	progress: z
		.strictObject({
			phase: z.enum(PHASES),
			share: z.number().min(0).max(1).nullable().describe('Of the phase; null where trtexec does not tell.'),
			line: z.string().nullable().describe('What trtexec said last.'),
			seconds: z.number().min(0).describe('Since the build began.'),
		})
		.nullable()
		.describe('Of state `building`.'),
	error: failedField.nullable().describe('Of state `failed`: why.'),
});

/** One engine, as it is told. */
export type EngineTold = Told<typeof engineField>;

export const enginesSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		builds: z.boolean().describe('Whether engines are built without being asked for: `engines.build`.'),
		engines: z.array(engineField).describe('That stations use or would use, or somebody asked for.'),
		at: instant,
	})
	.describe('The engines of TensorRT with which stations compute, or are to.');

/** Retained: how the engines of TensorRT are. */
export type Engines = Told<typeof enginesSchema>;

/** `atMs` is wall clock time. */
export function enginesMessage(said: Omit<Engines, 'schema' | 'at'>, atMs: number): Engines {
	return { schema: SCHEMA, ...said, at: instantOf(atMs) };
}

/** What becomes of an engine: into the journal. `station`: the one that it is about. */
export function engineEntry(engine: EngineTold, station: string | null, atMs: number): Entry {
	return {
		kind: 'engine',
		station,
		atMs,
		verdict: null,
		score: null,
		part: null,
		origin: {},
		body: engine,
	};
}

/** How an engine is, for people. */
export function engineLine({
	bundle,
	precision,
	state,
	progress,
	error,
	usedBy,
	waitsFor,
}: EngineTold): string {
	const name = `engine of ${bundle} in ${precision}`;
	if (state === 'building' && progress) {
		const { phase, share, seconds } = progress;
		const how = share === null ? '' : ` ${Math.round(share * 100)} %`;
		return `${name}: ${phase}${how}, ${Math.round(seconds)} s`;
	}
	if (state === 'ready') return `${name}: ready${usedBy.length > 0 ? `, used by ${usedBy.join(', ')}` : ''}`;
	return `${name}: ${state}${waitsFor === null ? '' : `, ${waitsFor}`}${error ? `: ${error.message}` : ''}`;
}

/** What is remembered from one daemon to the next, beside the journal. */
export const engineNotesSchema = z.strictObject({
	/** Builds whose process died or hung, by the names of their engines: nobody else has noted that. */
	failed: z.array(failedField.omit({ againAt: true }).extend({ id: z.string(), times: times.default(1) })),
	/** Engines that stations did not run with. */
	shuns: z.array(
		z.strictObject({
			station: z.string(),
			engine: sha256,
			/** What its recipe said of how it computes, as a hash. */
			recipe: z.string(),
			code: z.string(),
			message: z.string(),
			at: instant,
			times: times.default(1),
		}),
	),
});

export type EngineNotes = Told<typeof engineNotesSchema>;
