import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { PROVIDERS } from '../base/provider.js';
import { MEASURES as QUALITY_MEASURES } from '../vision/quality.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');
const finite = z.number();
const pixels = z.number().int().min(32);
const count = z.number().int().nonnegative();

const size = z.strictObject({ width: count, height: count });

const tiling = z.strictObject({
	side: pixels,
	rows: z.number().int().min(1),
	columns: z.number().int().min(1),
	width: pixels,
	height: pixels,
});

/** How a part is learnt: as published, with the published sum for a score; or dwelling on what is hard, with the scoring that suits the part. */
export const PRESETS = ['standard', 'paper'] as const;
export type Preset = (typeof PRESETS)[number];

/**
 * How maps become one: the published sum of the scales; weighed by how much a scale varies on good parts; by how much it varies at each place; and
 * these with, or by, the map of features.
 */
export const SCORINGS = [
	'sum',
	'scales',
	'places',
	'scales+features',
	'places+features',
	'features',
] as const;
export type Scoring = (typeof SCORINGS)[number];

/** What the gate looks at: scores, and for float16 how near its places come to its end, and what they lose at its other end. */
const MEASURES = [
	'score difference',
	'rank correlation',
	'verdict flips',
	'auroc drop',
	'float16 range',
	'float16 loss',
] as const;
export type Measure = (typeof MEASURES)[number];

/** Bundles of version 1 had no tiles, those of version 2 saw pictures shrunk by area, those of 3 less sharp ones. */
export const FORMAT_VERSION = 4;

export const gateFindingSchema = z.strictObject({
	measure: z.enum(MEASURES),
	value: finite.nullable(),
	limit: finite,
	ok: z.boolean(),
	/** The place in the network that the number is of, where it is of one. */
	unit: z.string().optional(),
});

/** One of the highest scores of good pictures that set the threshold, and what the threshold would be without it and all above it. */
const curvePointSchema = z.strictObject({
	picture: z.string(),
	score: finite,
	threshold: finite,
	falseRejectBound: finite,
	falseRejectBound95: finite,
	/** Share of spoiled copies of good pictures that would pass; null where none were made. */
	spoiledPass: finite.nullable(),
});
export type CurvePoint = z.infer<typeof curvePointSchema>;

/** The bundle's description of itself; `formatVersion` moves when a reader of before could misread it. */
export const manifestSchema = z.strictObject({
	formatVersion: z.literal(FORMAT_VERSION),
	name: z.string().min(1),
	createdAt: z.iso.datetime(),
	architecture: z.strictObject({
		backbone: z.string(),
		teacher: z.strictObject({ sha256, origin: z.string(), seeded: z.boolean() }),
	}),
	/** What the graph's `image` input must be fed with: uint8, [1, height, width, 3] of the tiling. */
	input: z.strictObject({
		tiling,
		/** What it was chosen from: milliseconds a part, and the share of spoiled copies that passed, null where that was not tried. */
		compared: z
			.array(z.strictObject({ tiling, ms: finite, pass: finite.nullable() }))
			.nullable()
			.default(null),
		colour: z.literal('RGB'),
		layout: z.literal('NHWC'),
		dtype: z.literal('uint8'),
		resize: z.literal('antialiased bilinear'),
		/** The part of the picture that was taught, null for all of it. */
		region: z.strictObject({ x: count, y: count, width: count, height: count }).nullable(),
		/** The good pictures as they came, before region and resize; null where that was not kept. */
		picture: z.strictObject({ smallest: size, largest: size, grey: z.boolean() }).nullable().default(null),
	}),
	/** Scores of good images that were not trained on (nor asked what is usual); the threshold is their maximum, a rank below it, or a quantile. */
	calibration: z.strictObject({
		preset: z.enum(PRESETS),
		/**
		 * How maps become one: what was chosen, or asked for, and for all that were tried the share of so many spoiled copies of good pictures that
		 * would pass. Null in older bundles, and for models from elsewhere.
		 */
		scoring: z
			.strictObject({
				chosen: z.enum(SCORINGS),
				passes: z.partialRecord(z.enum(SCORINGS), finite),
				spoiled: count,
				asked: z.boolean(),
			})
			.nullable()
			.default(null),
		threshold: finite,
		rule: z.enum(['max', 'rank', 'quantile']),
		/** A good part is rejected with at most this probability, as far as the held-out ones stand for it. */
		falseRejectBound: finite,
		/** With 95 % confidence no larger share of good parts is rejected; null in older bundles. */
		falseRejectBound95: finite.nullable().default(null),
		scores: z.array(finite).min(1),
		/** Names of the pictures that `scores` are of; none in older bundles. */
		pictures: z.array(z.string()).default([]),
		/** Share of spoiled copies of them that pass at the threshold; null where none were made. */
		spoiledPass: finite.nullable().default(null),
		/** The highest first. */
		curve: z.array(curvePointSchema).default([]),
		/** Pictures that were kept from training, too, and that somebody struck: they set nothing. */
		struck: z.array(z.string()).default([]),
		mapMedian: finite,
	}),
	training: z.strictObject({
		images: count,
		heldOut: count,
		/** Parts of the pictures, each held out from a student of its own, while all taught the one that judges; 0 where some were kept from it. */
		folds: count.default(0),
		iterations: count,
		batch: count,
		learningRate: finite,
		seed: count,
		hardness: finite,
		cooling: finite,
		wobble: z.strictObject({ degrees: finite, shift: finite }).nullable(),
		seconds: finite,
		losses: z.array(finite),
		/** Where its last step ran. */
		provider: z.enum(PROVIDERS).default('cpu'),
		/** SHA-256 of the names and contents of all its pictures, as the survey has it; null in older bundles. */
		pictures: sha256.nullable().default(null),
		/** Parts that were photographed more than once; null in older bundles, or where there were too many pictures to compare. */
		groups: count.nullable().default(null),
	}),
	/** What gives the verdicts, and how each lower precision did against float32 before it was let through or refused. */
	precision: z.strictObject({
		runs: z.enum(PRECISIONS),
		gates: z.partialRecord(z.enum(PRECISIONS), z.array(gateFindingSchema)),
	}),
	/** What good pictures are like, before any is scored: the limits of a picture that is judged. Null in older bundles: nothing is looked for. */
	quality: z
		.strictObject({
			limits: z.record(
				z.enum(QUALITY_MEASURES),
				z.strictObject({ low: finite.nullable(), high: finite.nullable() }),
			),
			usual: z.record(z.enum(QUALITY_MEASURES), z.strictObject({ mean: finite, deviation: finite })),
			common: z.strictObject({ mean: z.base64(), spread: z.base64() }),
		})
		.nullable()
		.default(null),
	/** Processor threads that were the fastest, as they were measured on processors (by their names). */
	threads: z
		.record(
			z.string(),
			z.strictObject({ cores: count, threads: count, medianMs: z.record(z.string(), finite) }),
		)
		.default({}),
	/**
	 * `heldOut`: some of the good pictures that set the threshold, by which engines are compared on the box; `likeness`: what all good
	 * pictures are known again by. Older bundles have none, and programs of before refuse a bundle that names them.
	 */
	files: z.strictObject({
		models: z.partialRecord(z.enum(PRECISIONS), sha256),
		golden: sha256,
		heldOut: sha256.optional(),
		sheet: sha256.optional(),
		likeness: sha256.optional(),
	}),
	versions: z.strictObject({ inspectord: z.string(), onnxruntime: z.string(), opencv: z.string() }),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Golden vectors as they stand in a bundle: `image` in base64. */
export const goldenSchema = z
	.array(
		z.strictObject({
			image: z.string(),
			expected: z.partialRecord(
				z.enum(PRECISIONS),
				z.strictObject({ score: finite, map: z.record(z.string(), finite) }),
			),
		}),
	)
	.min(1);
