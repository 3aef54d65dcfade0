import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { PROVIDERS } from '../base/provider.js';
import { countOf } from '../base/words.js';
import type { Backbone } from '../model/architecture.js';
import type { Preset, Scoring } from '../model/manifest.js';
import type { Entry } from './events.js';
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
import { TEACHING_PROVIDERS } from './teach-messages.js';

/** How far a lesson is. */
export const LESSON_STATES = {
	collecting: 'Frames of the next parts are kept; the station goes on judging.',
	collected:
		'They are kept, and wait to be looked at: `strike` takes some away, `resume` teaches from the others.',
	teaching: 'A process of low priority learns from them.',
	done: 'The bundle is written. Nothing inspects with it before an edit says so.',
	failed: '`error` says why. `resume` goes on from where it was.',
	cancelled: 'Somebody did not want it any more.',
	interrupted: 'The box went down. `resume` goes on from where it was.',
} as const;

export type LessonState = keyof typeof LESSON_STATES;

const names = Object.keys(LESSON_STATES) as LessonState[];

/** Whether it is at work, or waits for somebody: no other one begins meanwhile. */
export function isOpen(state: LessonState): boolean {
	return state === 'teaching' || state === 'collecting' || state === 'collected';
}

/** Of `model`, which the daemon must not load. */
const BACKBONES = [
	'pocket',
	'resnet18',
	'resnet34',
	'resnet50',
	'wide_resnet50_2',
] as const satisfies readonly Backbone[];
const PRESETS = ['standard', 'paper'] as const satisfies readonly Preset[];
const SCORINGS = [
	'auto',
	'sum',
	'scales',
	'places',
	'scales+features',
	'places+features',
	'features',
] as const satisfies readonly (Scoring | 'auto')[];

const count = z.int().min(0);

/** Parts that are kept for a lesson: fewer say too little about what good is. */
export const FEWEST_PARTS = 8;
const MOST_PARTS = 1000;

/** Each is a run of the network. */
const MOST_TILES = 36;

/** What a lesson may be asked to be like. */
export const lessonOptions = {
	backbone: z
		.enum(BACKBONES)
		.describe(
			'Network of the teacher, by default `pocket`; its weights are those that `inspectord teacher add` brought to the box.',
		),
	size: z
		.union([z.literal('auto'), z.int().min(64).max(1024).multipleOf(32)])
		.describe(
			'Side of the square that the network sees, by default 256; `auto`: the one that finds the most of defects that are made into the pictures.',
		),
	tiles: z
		.string()
		.regex(/^(auto|[1-9]\d?x[1-9]\d?)$/, 'must be like 2x2 (rows, then columns), or auto')
		.refine((text) => {
			const { rows, columns } = gridOf(text);
			return rows * columns <= MOST_TILES;
		}, `must be ${MOST_TILES} squares at most`)
		.describe(
			'Pictures are cut into so many overlapping squares: rows, then columns; by default `1x1`. `auto`: they are cut where more of the defects that are made into them are found so.',
		),
	msPerPart: z
		.number()
		.min(1)
		.max(60_000)
		.describe(
			'`auto`, of size or tiles, takes nothing that costs more milliseconds a part on the processor of the box.',
		),
	region: z
		.strictObject({
			x: z.int().min(0).max(100_000),
			y: z.int().min(0).max(100_000),
			width: z.int().min(8).max(100_000),
			height: z.int().min(8).max(100_000),
		})
		.describe(
			'The part of the pictures to learn, in pixels; of a station by default what its recipe inspects.',
		),
	rotate: z
		.number()
		.min(0)
		.max(180)
		.describe('Pictures are turned by chance up to so many degrees, by default 0.'),
	shift: z.number().min(0).max(0.5).describe('And moved up to this share of their sides, by default 0.'),
	preset: z.enum(PRESETS).describe('By default `standard`.'),
	scoring: z
		.enum(SCORINGS)
		.describe(
			'How maps become one; by default `auto`: what lets the fewest spoiled copies of good pictures pass, and the published sum with the preset `paper`.',
		),
	precision: z
		.enum(PRECISIONS)
		.describe('What the model shall compute in, if that scores like fp32; by default `fp32`.'),
	iterations: z
		.union([z.literal('auto'), z.int().min(1).max(100_000)])
		.describe('Training steps; by default `auto`: until the loss has settled.'),
	batch: z.int().min(2).max(256).describe('Pictures a step, by default 16.'),
	seed: z
		.int()
		.min(0)
		.max(2 ** 32 - 1)
		.describe('The same seed, the same bundle; by default 1.'),
	holdout: z
		.number()
		.min(0.01)
		.max(0.9)
		.describe('Share of the pictures that sets the threshold, by default 0.2.'),
	folds: z
		.union([z.literal('auto'), z.int().min(0).max(20)])
		.describe(
			'Hold no picture out: so many students, each taught all but its part of the pictures, judge that part. By default `auto`: 4 where pictures are fewer than 38, otherwise 0.',
		),
	falseRejects: z
		.number()
		.min(0.0001)
		.max(0.5)
		.describe(
			'Share of good parts that may be rejected; by default the threshold is the highest held-out score, or one a few ranks lower where that lets far fewer spoiled copies pass.',
		),
	thresholdRank: z
		.int()
		.min(1)
		.max(1000)
		.describe('Or the rank of the held-out score that is the threshold: 1 for the highest.'),
	threads: z
		.int()
		.min(0)
		.max(256)
		.describe('Processor threads, by default one a core: those of stations go first.'),
	provider: z
		.enum(TEACHING_PROVIDERS)
		.describe(
			'Where to learn, by default `cpu`: a graphics processor knows no priority, stations that use it wait for a lesson. `auto`: CUDA where it is there, computes what the processor does and is faster.',
		),
} as const;

/** As `inspectord teach` does it. */
export const lessonDefaults = {
	backbone: 'pocket',
	size: 256,
	tiles: '1x1',
	rotate: 0,
	shift: 0,
	preset: 'standard',
	scoring: 'auto',
	precision: 'fp32',
	iterations: 'auto',
	batch: 16,
	seed: 1,
	holdout: 0.2,
	folds: 'auto',
	threads: 0,
	provider: 'cpu',
} as const;

/** "2x3": rows, then columns; `auto` counts as one. */
export function gridOf(text: string): { readonly rows: number; readonly columns: number } {
	const [rows = 1, columns = 1] = text === 'auto' ? [] : text.split('x').map(Number);
	return { rows, columns };
}

/** Where the pictures come from: a folder, or the next parts of a station. */
export const lessonSource = {
	folder: z
		.string()
		.min(1)
		.max(1024)
		.describe('A folder of good pictures, relative to `control.allow.pictures` of the box.'),
	station: z
		.string()
		.min(1)
		.max(64)
		.describe('Or a station, whose next parts are kept: who asks declares them good.'),
	parts: z
		.int()
		.min(FEWEST_PARTS)
		.max(MOST_PARTS)
		.describe('So many of them. A part with the verdict `error` does not count.'),
	hold: z
		.boolean()
		.describe('Wait when they are kept, so that somebody looks at them: `strike`, then `resume`.'),
} as const;

/** The plain name of a bundle that is to be. */
export const bundleName = z
	.string()
	.regex(
		/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
		'must be letters, digits, "-" or "_", at most 64, and start with a letter or digit',
	)
	.describe('Plain name of the bundle: what it holds adds the hash.');

/** What a lesson is to be. */
export const planSchema = z.strictObject({
	name: bundleName,
	...z.strictObject({ ...lessonSource, ...lessonOptions }).partial().shape,
});

export type Plan = Told<typeof planSchema>;

type Optional = 'region' | 'msPerPart' | 'falseRejects' | 'thresholdRank';
type Options = {
	readonly [K in Exclude<keyof typeof lessonOptions, Optional>]: z.infer<(typeof lessonOptions)[K]>;
} & {
	readonly [K in Optional]?: z.infer<(typeof lessonOptions)[K]>;
};

/** What a lesson is to be like, also where its plan says nothing. */
export function optionsOf({ name: _, folder: _f, station: _s, parts: _p, hold: _h, ...said }: Plan): Options {
	const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
	return { ...lessonDefaults, ...given };
}

export const lessonSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		lesson: z.string().describe('Its own name, never given twice.'),
		state: z.enum(names),
		name: z.string().describe('Plain name of the bundle.'),
		folder: z.string().nullable().describe('Where its pictures lie, below the folder for pictures.'),
		station: stationField.nullable().describe('Whose parts it learns from.'),
		collected: z
			.strictObject({
				done: count,
				of: count,
				skipped: count.describe('Parts with the verdict `error` meanwhile.'),
			})
			.nullable()
			.describe('Of lessons from a station.'),
		progress: z
			.strictObject({
				phase: z.enum(['trying', 'features', 'training', 'calibrating', 'choosing', 'comparing']),
				done: count,
				of: count,
				loss: z.number().nullable(),
				secondsLeft: z.number().nullable(),
			})
			.nullable()
			.describe('Of state `teaching`.'),
		forecast: z
			.strictObject({
				seconds: z.number().describe('Of the whole lesson, by its first steps on this box.'),
				mostSeconds: z.number().describe('If its loss settles as late as it may.'),
				steps: count,
				mostSteps: count,
				stepSeconds: z.number(),
				backbone: z.enum(BACKBONES),
				provider: z.enum(PROVIDERS),
				pocket: z
					.strictObject({ seconds: z.number(), mostSeconds: z.number() })
					.nullable()
					.describe('What it would take with `backbone: pocket`, where that is much less.'),
			})
			.nullable()
			.describe('Once it has begun to learn.'),
		warning: z.string().nullable().describe('The last one.'),
		taught: z
			.strictObject({
				bundle: z.string().describe('By the name that stays its own: for a recipe.'),
				images: count,
				heldOut: count,
				folds: count.describe(
					'Students that judged what they were not taught; 0 where pictures were held out.',
				),
				iterations: count,
				seconds: z.number(),
				threshold: z.number(),
				falseRejectBound: z
					.number()
					.describe('Of good parts like the held-out ones at most this share is rejected.'),
				falseRejectBound95: z
					.number()
					.describe('With 95 % confidence no larger share of them is rejected in the long run.'),
				spoiledPass: z
					.number()
					.nullable()
					.describe('Of copies of the held-out pictures, each with a defect, this share passes.'),
				curve: z
					.array(
						z.strictObject({
							picture: z.string(),
							score: z.number(),
							threshold: z.number().describe('Without this picture and all above it: `thresholdRank`.'),
							falseRejectBound: z.number(),
							falseRejectBound95: z.number(),
							spoiledPass: z.number().nullable(),
						}),
					)
					.describe('The held-out pictures that score the highest, the highest first.'),
				struck: z.array(z.string()).describe('Held-out pictures that somebody struck.'),
				precision: z.enum(PRECISIONS),
				seededTeacher: z
					.boolean()
					.describe('True: its teacher had random weights, good for a demonstration only.'),
			})
			.nullable()
			.describe('Of state `done`.'),
		error: errorField.describe('Of state `failed`: why.'),
		at: instant,
	})
	.describe('The lesson that was asked for last.');

/** Retained: how far the lesson is that was asked for last. */
export type Lesson = Told<typeof lessonSchema>;

/** `atMs` is wall clock time. */
export function lessonMessage(said: Omit<Lesson, 'schema' | 'at'>, atMs: number): Lesson {
	return { schema: SCHEMA, ...said, at: instantOf(atMs) };
}

/** What a lesson does from now on. */
export function lessonEntry(lesson: Lesson): Entry {
	return {
		kind: 'lesson',
		station: lesson.station,
		atMs: Date.parse(lesson.at),
		verdict: null,
		score: null,
		part: null,
		origin: {},
		body: lesson,
	};
}

/** How far it is, for people. */
export function lessonLine({ state, name, collected, progress, taught, error }: Lesson): string {
	if (state === 'collecting' && collected) {
		const errors = collected.skipped > 0 ? `, ${countOf(collected.skipped, 'error')} passed over` : '';
		return `${name}: ${collected.done} of ${collected.of} parts kept${errors}`;
	}
	if (state === 'collected' && collected) return `${name}: ${countOf(collected.done, 'part')} kept, waiting`;
	if (state === 'teaching' && progress) {
		const { phase, done, of, loss, secondsLeft } = progress;
		const more = [
			...(loss === null ? [] : [`loss ${loss.toFixed(4)}`]),
			...(secondsLeft === null ? [] : [`${Math.round(secondsLeft)} s left`]),
		];
		return [`${name}: ${phase} ${done}/${of}`, ...more].join(', ');
	}
	if (state === 'done' && taught)
		return `${name}: bundle ${taught.bundle}, threshold ${taught.threshold.toFixed(4)}`;
	return `${name}: ${state}${error ? `: ${error.message}` : ''}`;
}
