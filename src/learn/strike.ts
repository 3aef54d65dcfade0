import { Failure, reasonOf } from '../base/failure.js';
import { noneSuch } from '../base/words.js';
import { isBackbone } from '../model/architecture.js';
import type { BundleContents } from '../model/bundle.js';
import type { Manifest } from '../model/manifest.js';
import { FEWEST_FOR_NORMALITY } from '../model/normality.js';
import { taughtIn } from '../model/taught.js';
import { finish } from './finish.js';
import type { GoodImages, TeachWorld } from './lesson.js';
import type { Probes } from './precisions.js';
import { survey } from './survey.js';
import { assertSupported, type Wanted } from './threshold.js';

/** A bundle whose threshold is taught anew; `place`: what failures call it. */
export type Struck = {
	readonly place: string;
	readonly manifest: Manifest;
	/** In float32, as ONNX. */
	readonly model: Uint8Array;
};

export type StrikeSettings = Wanted & {
	readonly name: string;
	readonly threads: number;
	/** Names of all pictures that are to set nothing; undefined: those that were struck before. */
	readonly struck?: readonly string[] | undefined;
	readonly labelled?: Probes['labelled'];
};

/** A threshold is not set by fewer, even where all scores are sums. */
const FEWEST_LEFT = 2;

/**
 * The threshold of a bundle taught anew from the pictures of its lesson, without those that somebody struck, and a new bundle with it: nothing
 * is learnt, all else goes the way of a lesson.
 * @throws Failure bundle-invalid for a bundle that cannot be, images-missing for other pictures, or too few, usage for a name that no picture has
 */
export async function strike(
	images: GoodImages,
	bundle: Struck,
	{ struck: given, labelled, ...settings }: StrikeSettings,
	world: TeachWorld,
): Promise<BundleContents> {
	const { calibration, training, input, precision, architecture, threads } = bundle.manifest;
	const { tiling, region } = input;
	if (training.folds > 0)
		throw new Failure(
			'bundle-invalid',
			`${cannot(bundle)}: its pictures were few, and set it by students that it does not hold`,
			'Take the picture out of the folder and teach anew.',
		);
	const { pair, gaussians, scoring } = taughtOf(bundle);
	const { sha256, picture, likenesses, quality } = await survey(images, tiling, world.signal);
	if (sha256 !== training.pictures)
		throw new Failure(
			'images-missing',
			`${cannot(bundle)}: the pictures are not those that it was taught from (others, other names, or another OpenCV reads them otherwise)`,
			'Give the same folder with all that lay in it then: what is to be left out is struck by name.',
		);
	const all = [...calibration.pictures, ...calibration.struck];
	const indices = Array.from({ length: images.count }, (_, i) => i);
	const learnt = indices.map(images.name).filter((name) => !all.includes(name));
	const struck = new Set((given ?? calibration.struck).map((name) => meant(name, { all, learnt }, bundle)));
	const of = (names: ReadonlySet<string>) => indices.filter((i) => names.has(images.name(i)));
	const train = of(new Set(learnt));
	const heldOut = of(new Set(all.filter((name) => !struck.has(name))));
	if (heldOut.length < (scoring.chosen === 'sum' ? FEWEST_LEFT : FEWEST_FOR_NORMALITY))
		throw new Failure(
			'images-missing',
			`${cannot(bundle)}: ${heldOut.length} of ${all.length} pictures would be left to set it`,
			'Strike fewer, or teach anew from better pictures.',
		);
	assertSupported(heldOut.length, settings, all.length / images.count);
	const tried = (['int8', 'fp16'] as const).find((one) => precision.gates[one] !== undefined);
	const contents = await finish(
		{
			pair,
			gaussians,
			teacher: architecture.teacher,
			images,
			train,
			heldOut,
			folds: [],
			struck: of(struck),
			picture,
			likenesses,
			quality,
			...(labelled && { labelled }),
			fastest: threads,
			training: () => ({ ...training, heldOut: heldOut.length }),
		},
		{
			...settings,
			...(region && { region }),
			backbone: pair.backbone,
			tiling,
			...(input.compared && { compared: input.compared }),
			scoring: scoring.chosen,
			preset: training.hardness > 0 ? 'standard' : calibration.preset,
			precision: tried ?? 'fp32',
			seed: training.seed,
		},
		world,
	);
	// How it was chosen stays worth knowing.
	const { manifest } = contents;
	return { ...contents, manifest: { ...manifest, calibration: { ...manifest.calibration, scoring } } };
}

function cannot({ place }: Struck): string {
	return `Cannot teach the threshold of bundle "${place}" anew`;
}

/** @throws Failure bundle-invalid */
function taughtOf(
	bundle: Struck,
): ReturnType<typeof taughtIn> & { readonly scoring: NonNullable<Manifest['calibration']['scoring']> } {
	const { architecture, training, calibration, input } = bundle.manifest;
	const { backbone } = architecture;
	if (!isBackbone(backbone))
		throw new Failure(
			'bundle-invalid',
			`${cannot(bundle)}: its model was taught elsewhere`,
			'Import the model again, from pictures of good parts only.',
		);
	if (training.pictures === null || calibration.pictures.length === 0 || calibration.scoring === null)
		throw new Failure(
			'bundle-invalid',
			`${cannot(bundle)}: it was taught by an older program, which did not note the pictures`,
			'Teach it anew.',
		);
	try {
		return { ...taughtIn(bundle.model, backbone, input.tiling), scoring: calibration.scoring };
	} catch (thrown) {
		throw new Failure('bundle-invalid', `${cannot(bundle)}: ${reasonOf(thrown)}`, 'Teach it anew.');
	}
}

/** A picture by its name, or by that without the extension. @throws Failure usage */
function meant(
	given: string,
	{ all, learnt }: { readonly all: readonly string[]; readonly learnt: readonly string[] },
	bundle: Struck,
): string {
	const stem = (name: string) => name.replace(/\.\w+$/, '');
	const among = (names: readonly string[]) =>
		names.find((name) => name === given) ?? names.find((name) => stem(name) === given);
	const found = among(all);
	if (found !== undefined) return found;
	const other = among(learnt);
	const state =
		other === undefined ? noneSuch('picture', given, all) : `"${other}" does not set it, it was learnt from`;
	throw new Failure(
		'usage',
		`${cannot(bundle)}: ${state}`,
		other === undefined
			? 'The table after a lesson names the highest, and manifest.json all.'
			: 'Teach anew, from a folder without it.',
	);
}
