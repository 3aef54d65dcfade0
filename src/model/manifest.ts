import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { MEASURES } from './precision.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');
const finite = z.number();
const pixels = z.number().int().min(32);
const count = z.number().int().nonnegative();

const size = z.strictObject({ width: count, height: count });

/** How a part is learnt and maps become scores: as published, or dwelling on what is hard, and by departures from what good parts show at each place. */
export const PRESETS = ['standard', 'paper'] as const;
export type Preset = (typeof PRESETS)[number];

/** Bundles of version 1 had no tiles, those of version 2 saw pictures shrunk by area, those of 3 less sharp ones. */
export const FORMAT_VERSION = 4;

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
		tiling: z.strictObject({
			side: pixels,
			rows: z.number().int().min(1),
			columns: z.number().int().min(1),
			width: pixels,
			height: pixels,
		}),
		colour: z.literal('RGB'),
		layout: z.literal('NHWC'),
		dtype: z.literal('uint8'),
		resize: z.literal('antialiased bilinear'),
		/** The part of the picture that was taught, null for all of it. */
		region: z.strictObject({ x: count, y: count, width: count, height: count }).nullable(),
		/** The good pictures as they came, before region and resize; null where that was not kept. */
		picture: z.strictObject({ smallest: size, largest: size, grey: z.boolean() }).nullable().default(null),
	}),
	/** Scores of good images that were not trained on (nor asked what is usual); the threshold is their maximum, or a quantile. */
	calibration: z.strictObject({
		preset: z.enum(PRESETS),
		threshold: finite,
		rule: z.enum(['max', 'quantile']),
		/** A good part is rejected with at most this probability, as far as the held-out ones stand for it. */
		falseRejectBound: finite,
		scores: z.array(finite).min(1),
		mapMedian: finite,
	}),
	training: z.strictObject({
		images: count,
		heldOut: count,
		iterations: count,
		batch: count,
		learningRate: finite,
		seed: count,
		hardness: finite,
		cooling: finite,
		wobble: z.strictObject({ degrees: finite, shift: finite }).nullable(),
		seconds: finite,
		losses: z.array(finite),
	}),
	/** What gives the verdicts, and how each lower precision did against float32 before it was let through or refused. */
	precision: z.strictObject({
		runs: z.enum(PRECISIONS),
		gates: z.partialRecord(
			z.enum(PRECISIONS),
			z.array(
				z.strictObject({
					measure: z.enum(MEASURES),
					value: finite.nullable(),
					limit: finite,
					ok: z.boolean(),
				}),
			),
		),
	}),
	files: z.strictObject({ models: z.partialRecord(z.enum(PRECISIONS), sha256), golden: sha256 }),
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
