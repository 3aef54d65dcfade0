import type { FailureCode } from '../base/failure.js';

/** Which picture a station's process is asked for: what its camera shows now, or the whole frame of the next part that is judged. */
export type PictureWanted =
	| { readonly of: 'now'; readonly longestSide: number; readonly quality: number }
	| { readonly of: 'part' };

/** A picture that a station's process made: a JPEG of what was to be seen, a PNG of a part's frame. */
export type StationPicture = {
	readonly bytes: Uint8Array;
	readonly width: number;
	readonly height: number;
	/** When the frame was taken: wall clock, in milliseconds. */
	readonly takenMs: number;
	/** Of a part that was judged. */
	readonly score: number | null;
};

/** Asks for one. Of now the newest ask counts, of parts each. */
export type PictureDown = { readonly kind: 'picture'; readonly id: number; readonly wanted: PictureWanted };

export type PictureUp =
	| { readonly kind: 'picture'; readonly id: number; readonly picture: StationPicture }
	| {
			readonly kind: 'no-picture';
			readonly id: number;
			readonly code: FailureCode;
			readonly message: string;
	  };
