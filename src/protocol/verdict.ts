import { z } from 'zod';
import type { Failure, FailureCode } from '../base/failure.js';
import { PRECISIONS } from '../base/precision.js';
import type { Stamp } from '../vision/frame.js';
import {
	boxField,
	errorField,
	idField,
	instant,
	schemaField,
	sha256,
	stationField,
	type Told,
} from './fields.js';

export const VERDICTS = ['accept', 'reject', 'error'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Of OPC 40001-101. */
export const EVALUATIONS = {
	accept: 'OK',
	reject: 'NotOK',
	error: 'NotDecidable',
} as const satisfies Readonly<Record<Verdict, string>>;

/** Why a part was not accepted. */
export const REASONS = {
	'above-threshold': 'The score lies above the threshold.',
	'image-unreadable': 'The picture is damaged.',
	'frame-mismatch': 'The frame has another size or shape than those that were taught.',
	'frame-changed': 'The pictures of a live camera have another size or pixel format than they had at first.',
	'picture-dark': 'The picture is black, or darker than those that were taught.',
	'picture-overexposed': 'More of the picture is burnt out, or it is brighter, than those that were taught.',
	'picture-colour': 'The picture has other colours than those that were taught.',
	'picture-blurred': 'The picture is less sharp than those that were taught.',
	'picture-moved':
		'What the taught pictures have in common lies elsewhere: the camera, or what holds the part, was moved.',
	'part-absent': 'The picture is unlike those that were taught: no part is in view, or another one.',
	'frame-frozen': 'A live camera gave the very same picture again.',
	'model-failed': 'The model could not be run.',
	'score-invalid': 'The score or the threshold is no number.',
	'too-late': 'The score came later than the deadline allows.',
	'model-mistaken': 'Another model scored than the recipe names.',
	'provider-mistaken': 'The model ran elsewhere than the recipe allows.',
	'bundle-invalid': 'The bundle is damaged.',
	'bundle-golden': 'The model does not score its golden vectors any more.',
	'camera-silent': 'The camera gave no frame.',
	'station-silent': "The station's process hung.",
	'child-died': "The station's process died.",
	deadline: 'The deadline passed before the station had a verdict.',
	'part-missed': 'No frame was exposed while the part was there: before the next one was due, and in time.',
	'station-stopped': 'The station was stopped, or started anew, while the part waited.',
	interrupted: 'The box went down while the part was in work.',
} as const satisfies Readonly<Partial<Record<FailureCode | Doubt | 'above-threshold', string>>>;

/** What a verdict that could not be proven lacks. */
export type Doubt = 'score-invalid' | 'too-late' | 'model-mistaken' | 'provider-mistaken';

export type Reason = keyof typeof REASONS;

const rect = z
	.strictObject({ x: z.int().min(0), y: z.int().min(0), width: z.int().min(0), height: z.int().min(0) })
	.describe('In pixels of the frame.');

const peak = z.number().describe('Highest value of the map in it.');

const region = z.strictObject({
	box: rect,
	peak,
	area: z.number().min(0).describe('What lies above the threshold, in pixels of the frame.'),
});

const picture = z.strictObject({
	box: rect.describe('What it shows, in pixels of the frame.'),
	peak,
	bytes: z.int().min(0),
	sha256,
});

export const modelField = z.strictObject({
	name: z.string(),
	bundle: z.string().describe('The bundle, by the name that stays its own.'),
	sha256: sha256.describe('SHA-256 of the very bytes that the engine was given.'),
	provider: z.string().describe('Where its nodes ran.'),
	precision: z.enum(PRECISIONS),
	fingerprint: z
		.string()
		.nullable()
		.describe('Of what computes, as far as it has one: TensorRT, SM, driver, L4T; null on a processor.'),
	engine: sha256
		.nullable()
		.describe('The TensorRT engine that was made of the model; null where the model itself runs.'),
});

export const clockField = z.strictObject({
	synchronised: z.boolean().nullable().describe('By the operating system; null where that cannot be known.'),
	since: instant.nullable().describe('Since when, as far as it was seen.'),
});

/** Of what a signal says beside the part, as JSON. */
const MOST_METADATA_BYTES = 1024;

export const metadataField = z
	.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
	.refine(
		(told) => new TextEncoder().encode(JSON.stringify(told)).length <= MOST_METADATA_BYTES,
		`must be ${MOST_METADATA_BYTES} bytes of JSON at most`,
	);

/** Which part: any text. */
export const partField = z.string().min(1).max(256);

const trigger = z.strictObject({
	at: instant.describe('When the signal came.'),
	deadlineMs: z.number().min(0).describe('From then on.'),
	metadata: metadataField.describe('As the signal said it.'),
});

const duration = z.number().nullable();

/** What a part passes, in this order. */
export const STAGES = ['wait', 'prepare', 'model', 'decide', 'draw', 'record', 'publish'] as const;
export type Stage = (typeof STAGES)[number];

/** What a subscriber gets for one part. */
export const verdictSchema = z
	.strictObject({
		schema: schemaField,
		id: idField,
		box: boxField,
		station: stationField,
		recipe: z.string(),
		sequence: z.int().min(1).describe("Counts the station's verdicts without a hole, over all restarts."),
		part: z.string().nullable().describe('Which part, as the trigger named it.'),
		trigger: trigger.nullable().describe('What asked for the verdict.'),
		verdict: z.enum(VERDICTS).describe('`error`: nobody looked at the part.'),
		resultEvaluation: z.enum(EVALUATIONS).describe('The same in words of OPC 40001-101.'),
		reason: z
			.enum(Object.keys(REASONS) as Reason[])
			.nullable()
			.describe('Why not accepted.'),
		error: errorField.describe('Of verdict `error`: the failure.'),
		score: z.number().nullable().describe('As measured, never clamped; null where nothing was measured.'),
		threshold: z.number().nullable().describe('Scores above it are rejected.'),
		margin: z.number().nullable().describe('score − threshold.'),
		regions: z.array(region).describe('Of a reject, above the threshold: the highest first.'),
		heatmaps: z
			.array(picture.extend({ topic: z.string().describe('Where its JPEG goes.') }))
			.describe('The pictures of a reject; one may show several regions.'),
		frame: z.string().nullable().describe('Name of its file, where it has one.'),
		isSimulated: z.boolean().describe('The camera is a simulated one.'),
		late: z.boolean().describe('It was not published when it came about, but later.'),
		times: z.strictObject({
			captured: instant,
			scored: instant.nullable(),
			recorded: instant,
			published: instant,
		}),
		latency: z
			.strictObject({
				waitMs: duration.describe('From capture until it is inspected.'),
				prepareMs: duration,
				modelMs: duration,
				decideMs: duration,
				drawMs: duration.describe('The pictures of a reject.'),
				recordMs: duration.describe('Until it is safe on disk.'),
				publishMs: duration.describe('From there until it is given to the broker.'),
			})
			.describe('Durations, each of one clock that does not jump; null where not measured.'),
		monotonicMs: z.number().describe('Of the capture, on a clock of the run that does not jump.'),
		clock: clockField.describe('Whether the wall clock could be trusted.'),
		model: modelField.nullable(),
		revision: z
			.string()
			.nullable()
			.describe('Of what the configuration said of this station: another one with each of its settings.'),
		boot: z.string().nullable().describe('Of the machine: changes with each start of the operating system.'),
		run: z
			.string()
			.describe(
				"Of the station's process, or of the daemon's part of it where signals make parts due: changes with each start.",
			),
		runSequence: z.int().min(1).describe('Counts the parts of the run.'),
	})
	.describe('What was decided on a part.');

export type VerdictMessage = Told<typeof verdictSchema>;

/** One connected region of the map above the threshold, in frame pixels. */
export type Region = Told<typeof region>;

export type Drawn = Told<typeof picture>;

/** The signal that made a part due. */
export type Trigger = Told<typeof trigger>;

/** What scored. */
export type ModelTold = Told<typeof modelField>;

/** Whether the wall clock is synchronised, and since when. */
export type Clock = Told<typeof clockField>;

export const unknownClock: Clock = { synchronised: null, since: null };

/** Who inspects by what: the same for every part of a station process's run. */
export type Origin = Pick<
	VerdictMessage,
	'box' | 'station' | 'recipe' | 'boot' | 'run' | 'model' | 'threshold' | 'revision' | 'isSimulated'
>;

/** A part that is due: its number in the run, when its frame was taken, and the frame's name where it has one. */
export type Part = Pick<VerdictMessage, 'runSequence' | 'frame' | 'part' | 'trigger'> & {
	readonly taken: Stamp;
};

/** A verdict's own: everything but what it has in common with the others of its run. */
export type Body = Omit<Part, 'taken'> & {
	/** When the frame was taken. */
	readonly takenMs: number;
	readonly monotonicMs: number;
	readonly verdict: Verdict;
	/** `doubt`: where the code alone does not tell the reason. */
	readonly error: { readonly code: string; readonly message: string; readonly doubt?: Doubt } | null;
	/** Null where nothing was measured. */
	readonly score: number | null;
	readonly regions: readonly Region[];
	/** Of the pictures that come with it, in their order. */
	readonly heatmaps: readonly Drawn[];
	/** What its station measured. */
	readonly latency: Readonly<
		Record<'waitMs' | 'prepareMs' | 'modelMs' | 'decideMs' | 'drawMs', number>
	> | null;
};

/** A verdict as a station gives it; the daemon numbers it and says where its pictures go. */
export type StationVerdict = Body & { readonly origin: Origin };

/** The verdict for a part that could not be inspected. */
export function errorVerdict(
	origin: Origin,
	part: Part,
	{ code, message }: Pick<Failure, 'code' | 'message'>,
): StationVerdict {
	return { ...unjudged(origin, part), verdict: 'error', error: { code, message } };
}

/** What every verdict on a part says, whatever comes of it. */
export function unjudged(origin: Origin, { taken, ...part }: Part): Omit<StationVerdict, 'verdict'> {
	return {
		...part,
		origin,
		takenMs: taken.wallMs,
		monotonicMs: Math.round(taken.monotonicMs * 100) / 100,
		error: null,
		score: null,
		regions: [],
		heatmaps: [],
		latency: null,
	};
}

/** Why a verdict is not `accept`; a failure without a reason of its own is one of the station's process. */
export function reasonFor({ verdict, error }: Pick<Body, 'verdict' | 'error'>): Reason | null {
	if (verdict === 'accept') return null;
	if (verdict === 'reject') return 'above-threshold';
	const code = error?.doubt ?? error?.code ?? '';
	return Object.hasOwn(REASONS, code) ? (code as Reason) : 'child-died';
}
