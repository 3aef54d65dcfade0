/** Pixels: interleaved RGB (or grey), 8 bit, row-major; `data.length = width * height * channels`. */
export type Image = {
	readonly width: number;
	readonly height: number;
	readonly channels: 1 | 3;
	readonly data: Uint8Array;
};

/** In pixels. */
export type Size = { readonly width: number; readonly height: number };

/** A rectangle in pixels; `x`, `y` is the top left corner. */
export type Rect = {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
};
