import type { Precision } from '../base/precision.js';
import type { OpenSession } from '../graph/session.js';
import { median } from '../measure/statistics.js';
import { type BundleContents, type Expected, type GoldenVector, keptOf } from '../model/bundle.js';
import { FORMAT_VERSION, type Manifest } from '../model/manifest.js';
import { type Scored, scoreWith } from '../model/scored.js';
import type { Tiling } from '../model/tiling.js';
import type { Rect, Size } from '../vision/image.js';
import { curveOf, shareThatPasses } from './curve.js';
import type { Pictures, TeachSettings, TeachWorld } from './lesson.js';
import type { Models } from './precisions.js';
import type { Threshold } from './threshold.js';

/** Pictures that become golden vectors, and map values kept of each. */
export const GOLDEN_IMAGES = 3;
const GOLDEN_VALUES = 16;

/** What is known when a part is learnt, or a model adopted. */
export type Lesson = Pick<Manifest, 'name' | 'architecture' | 'training'> & {
	readonly models: Models;
	/** Good pictures that were not trained on, in the order of `calibrated`. */
	readonly heldOut: Pictures;
	readonly calibrated: readonly {
		readonly name: string;
		readonly score: number;
		readonly middle: number;
	}[];
	/** Copies of them with a defect. */
	readonly spoiled: readonly { readonly score: number }[];
	/** Names of pictures that would be among them, had nobody struck them. */
	readonly struck: readonly string[];
	/** The pictures that score the highest, as PNG. */
	readonly sheet?: Uint8Array | undefined;
	readonly preset: Manifest['calibration']['preset'];
	/** Null where maps come from elsewhere. */
	readonly scoring: Manifest['calibration']['scoring'];
	readonly threshold: Threshold;
	readonly tiling: Tiling;
	/** What it was chosen from; nothing where it was asked for. */
	readonly compared?: TeachSettings['compared'] | undefined;
	readonly region: Rect | undefined;
	/** As the survey found the good pictures. */
	readonly picture: Manifest['input']['picture'];
	/** What all good pictures are known again by. */
	readonly likenesses?: readonly Int8Array[];
	readonly quality: Manifest['quality'];
	readonly threads: number;
	/** Threads that were the fastest here, for the manifest. */
	readonly fastest: Manifest['threads'];
};

/** The bundle of a lesson: its models, their golden vectors, and the manifest that describes them. */
export async function contentsOf(lesson: Lesson, world: TeachWorld): Promise<BundleContents> {
	const { models, ...precision } = lesson.models;
	const { name, architecture, training, tiling, region, preset, scoring, threshold, calibrated, spoiled } =
		lesson;
	return {
		models,
		golden: await goldenVectors(models, lesson.heldOut, tiling, lesson.threads, world.openSession),
		heldOut: await inputsOf(lesson.heldOut, tiling),
		...(lesson.sheet && { sheet: lesson.sheet }),
		...(lesson.likenesses && { likenesses: lesson.likenesses }),
		manifest: {
			formatVersion: FORMAT_VERSION,
			name,
			createdAt: world.wallClock().toISOString(),
			architecture,
			input: {
				tiling,
				compared: lesson.compared ? [...lesson.compared] : null,
				colour: 'RGB',
				layout: 'NHWC',
				dtype: 'uint8',
				resize: 'antialiased bilinear',
				region: region ?? null,
				picture: lesson.picture,
			},
			calibration: {
				preset,
				scoring,
				...threshold,
				scores: calibrated.map(({ score }) => score),
				pictures: calibrated.map((picture) => picture.name),
				spoiledPass: shareThatPasses(spoiled, threshold.threshold),
				curve: curveOf(calibrated, spoiled),
				struck: [...lesson.struck],
				mapMedian: median(calibrated.map(({ middle }) => middle)),
			},
			training,
			precision,
			quality: lesson.quality,
			threads: lesson.fastest,
			versions: world.versions,
		},
	};
}

async function inputsOf({ count, input }: Pictures, size: Size): Promise<Uint8Array[]> {
	const inputs: Uint8Array[] = [];
	for (const index of keptOf(count, size)) inputs.push(await input(index));
	return inputs;
}

/** Good pictures that were not trained on, the first as its negative so that a high score is proven too. */
async function goldenVectors(
	models: Models['models'],
	heldOut: Pictures,
	size: Size,
	threads: number,
	openSession: OpenSession,
): Promise<GoldenVector[]> {
	const count = Math.min(GOLDEN_IMAGES, heldOut.count);
	const vectors: { readonly image: Uint8Array; readonly expected: Partial<Record<Precision, Expected>> }[] =
		[];
	for (let i = 0; i < count; i += 1) {
		const input = await heldOut.input(i);
		vectors.push({ image: i === 0 ? input.map((v) => 255 - v) : input, expected: {} });
	}
	for (const [precision, model] of Object.entries(models) as [Precision, Uint8Array][]) {
		const session = await openSession(model, { threads });
		try {
			for (const { image, expected } of vectors)
				expected[precision] = sampleOf(await scoreWith(session, image, size));
		} finally {
			await session.close();
		}
	}
	return vectors;
}

function sampleOf({ map, score }: Scored): Expected {
	const places = Array.from({ length: GOLDEN_VALUES }, (_, k) =>
		Math.floor((map.length * (k + 0.5)) / GOLDEN_VALUES),
	);
	return { score, map: Object.fromEntries(places.map((place) => [place, map[place]!])) };
}
