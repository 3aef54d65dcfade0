/** One scored picture: `map` is `[size, size]` row-major, `score` its maximum (paper S_AD). */
export type Scored = { readonly map: Float32Array; readonly score: number };

/** The model of a bundle, opened and proven against its golden vectors. */
export type Scorer = {
	/** Side of the square input and of the map, in pixels. */
	readonly size: number;
	readonly provider: string;
	/** `input` is interleaved RGB `[size, size, 3]`. Blocks the thread. @throws Failure model-failed */
	score(input: Uint8Array): Promise<Scored>;
	close(): Promise<void>;
};
