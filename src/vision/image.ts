/** Pixels: interleaved RGB (or grey), 8 bit, row-major; `data.length = width * height * channels`. */
export type Image = {
	readonly width: number;
	readonly height: number;
	readonly channels: 1 | 3;
	readonly data: Uint8Array;
};

/** In pixels. */
export type Size = { readonly width: number; readonly height: number };

/** In pixels. */
export type Point = { readonly x: number; readonly y: number };

/** A rectangle in pixels; `x`, `y` is the top left corner. */
export type Rect = {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
};

/** Whether the three values of each pixel of an interleaved RGB picture are the same. */
export function isGrey(picture: Uint8Array): boolean {
	for (let i = 0; i < picture.length; i += 3) {
		if (picture[i] !== picture[i + 1] || picture[i] !== picture[i + 2]) return false;
	}
	return true;
}
