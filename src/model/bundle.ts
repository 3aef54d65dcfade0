import type { Manifest } from './manifest.js';

/** A picture and what the reference scored for it: proof that an engine computes the same. */
export type GoldenVector = {
	/** Interleaved RGB `[height, width, 3]`, as the model takes it. */
	readonly image: Uint8Array;
	readonly score: number;
	/** Some values of the map, by their index in it. */
	readonly map: Readonly<Record<string, number>>;
};

/** Everything that teaching a part leaves behind, before it is written. */
export type BundleContents = {
	readonly manifest: Omit<Manifest, 'files'>;
	readonly model: Uint8Array;
	readonly golden: readonly GoldenVector[];
};

/** A bundle on disk, read and whole. */
export type Bundle = {
	readonly dir: string;
	readonly manifest: Manifest;
	readonly modelPath: string;
	readonly golden: readonly GoldenVector[];
};
