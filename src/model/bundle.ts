import { Failure } from '../base/failure.js';
import type { Precision } from '../base/precision.js';
import type { Size } from '../vision/image.js';
import type { Manifest } from './manifest.js';

/** A score, and some values of the map by their index in it. */
export type Expected = { readonly score: number; readonly map: Readonly<Record<string, number>> };

/** A picture and what each precision scored for it where it was taught: proof that an engine computes the same. */
export type GoldenVector = {
	/** Interleaved RGB `[height, width, 3]`, as the model takes it. */
	readonly image: Uint8Array;
	readonly expected: Readonly<Partial<Record<Precision, Expected>>>;
};

/** Everything that teaching a part leaves behind, before it is written. */
export type BundleContents = {
	readonly manifest: Omit<Manifest, 'files'>;
	readonly models: Readonly<Partial<Record<Precision, Uint8Array>>>;
	readonly golden: readonly GoldenVector[];
	/** Some of the good pictures that set the threshold, as the model takes them, RGB `[height, width, 3]`: by these engines are compared. */
	readonly heldOut?: readonly Uint8Array[];
	/** The good pictures that score the highest with their maps, as PNG, for people. */
	readonly sheet?: Uint8Array;
	/** What all good pictures are known again by (vision/likeness). */
	readonly likenesses?: readonly Int8Array[];
};

/** A bundle on disk, read and whole. */
export type Bundle = {
	/** As it was asked for. */
	readonly dir: string;
	/** Its name and what it holds, `lid@1c947c1d`, also when it was read by its plain name. */
	readonly id: string;
	readonly manifest: Manifest;
	/** Paths of the model's files. */
	readonly models: Readonly<Partial<Record<Precision, string>>>;
	readonly golden: readonly GoldenVector[];
	/**
	 * Reads good pictures that were not trained on, RGB `[height, width, 3]`: none where the bundle is older, or its file was taken away.
	 * @throws Failure bundle-invalid when they are damaged
	 */
	heldOut(): Promise<readonly Uint8Array[]>;
	/** Undefined where it has none, or its owner took it away. @throws Failure bundle-invalid */
	sheet(): Promise<Uint8Array | undefined>;
	/**
	 * Reads what the pictures that were taught are known again by: none where the bundle is older, or its file was taken away.
	 * @throws Failure bundle-invalid when it is damaged
	 */
	likenesses(): Promise<readonly Int8Array[]>;
};

/** Of the good pictures that set the threshold a bundle keeps this many at most, and so many bytes of them, but a few in any case. */
export const MOST_HELD_OUT = 32;
const MOST_HELD_OUT_BYTES = 16e6;
const FEWEST_HELD_OUT = 3;

/** Which of `count` held-out pictures stay in a bundle, evenly over all of them. */
export function keptOf(count: number, { width, height }: Size): number[] {
	const fit = Math.floor(MOST_HELD_OUT_BYTES / (width * height * 3));
	const kept = Math.min(count, MOST_HELD_OUT, Math.max(fit, FEWEST_HELD_OUT));
	return Array.from({ length: kept }, (_, i) => Math.floor((i * count) / kept));
}

/** Digits of a hash that tell a bundle from all others of its name. */
const ID_DIGITS = 8;

/** A bundle's name and what it holds; `sha256` is of its manifest, which holds the hashes of all else. */
export function bundleId(name: string, sha256: string): string {
	return `${name}@${sha256.slice(0, ID_DIGITS)}`;
}

/** The two halves of a name like `lid@1c947c1d`, undefined for one that pins nothing. */
export function pinOf(name: string): { readonly name: string; readonly hash: string } | undefined {
	const [, plain, hash] = /^(.+)@([0-9a-f]{8,64})$/i.exec(name) ?? [];
	return plain === undefined || hash === undefined ? undefined : { name: plain, hash: hash.toLowerCase() };
}

export type ChosenModel = { readonly precision: Precision; readonly path: string; readonly sha256: string };

/**
 * The model that runs: the one teaching chose, or another precision of the bundle.
 * @throws Failure precision-refused when the bundle lacks it, or the gate did not let it through
 */
export function chosenModel(
	{ dir, manifest, models }: Bundle,
	wanted: Precision | 'bundle' = 'bundle',
): ChosenModel {
	const precision = wanted === 'bundle' ? manifest.precision.runs : wanted;
	const refuse = (state: string) =>
		new Failure(
			'precision-refused',
			`Cannot run bundle "${dir}" in ${precision}: ${state}`,
			`Choose a precision that passed, or teach with --precision ${precision}.`,
		);
	const [path, sha256] = [models[precision], manifest.files.models[precision]];
	if (path === undefined || sha256 === undefined) throw refuse('it holds no such model');
	const findings = manifest.precision.gates[precision];
	if (precision !== 'fp32' && !findings?.length) throw refuse('it was never compared with fp32');
	const failed = findings?.find(({ ok }) => !ok);
	const of = failed?.unit === undefined ? '' : ` of "${failed.unit}"`;
	if (failed) throw refuse(`its ${failed.measure}${of} is ${failed.value}, the limit is ${failed.limit}`);
	return { precision, path, sha256 };
}
