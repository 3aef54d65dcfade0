import { Failure } from '../base/failure.js';
import type { OpenSession } from '../graph/session.js';
import type { Backbone } from '../model/architecture.js';
import type { Processor } from '../model/threads.js';
import type { Tiling } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import type { Compared, Progress, TeachRequest } from '../protocol/teach-messages.js';
import type { Size } from '../vision/image.js';
import type { Sheet } from '../vision/sheet.js';

/** Fewer good pictures than this say too little about what good is. */
export const FEWEST_IMAGES = 8;

/** `input` is interleaved RGB `[height, width, 3]` of the tiling, prepared as when running; `size` is the picture's own. */
export type GoodImage = { readonly input: Uint8Array; readonly size: Size };

/** The good pictures. */
export type GoodImages = {
	readonly count: number;
	/** @throws Failure image-unreadable */
	image(index: number): Promise<GoodImage>;
	name(index: number): string;
};

/** Prepared pictures, read one by one. */
export type Pictures = { readonly count: number; input(index: number): Promise<Uint8Array> };

export type Teacher = {
	readonly weights: Weights;
	readonly sha256: string;
	readonly origin: string;
	readonly seeded: boolean;
};

export type TeachSettings = Omit<
	TeachRequest,
	'images' | 'teacher' | 'out' | 'backbone' | 'size' | 'tiles' | 'msPerPart'
> & {
	readonly backbone: Backbone;
	readonly tiling: Tiling;
	/** Other ways to see the pictures, and it, where it was chosen. */
	readonly compared?: readonly Compared[];
};

/** What teaching needs of the world. */
export type TeachWorld = {
	readonly openSession: OpenSession;
	readonly report: (progress: Progress) => void;
	readonly signal: AbortSignal;
	/** Milliseconds that only go forward. */
	readonly now: () => number;
	readonly wallClock: () => Date;
	readonly memoryMb: () => number;
	readonly processor: () => Promise<Processor>;
	/** Begins to watch. @returns what others have worked since, as a share of the whole processor; null where nobody tells */
	readonly watchOthers: () => Promise<() => Promise<number | null>>;
	/** As PNG; without it nobody can draw, and bundles have no sheet. */
	readonly encodeSheet?: (sheet: Sheet) => Uint8Array;
	readonly versions: { readonly inspectord: string; readonly onnxruntime: string; readonly opencv: string };
};

/** @throws Failure images-missing */
export function assertEnough({ count }: GoodImages): void {
	if (count >= FEWEST_IMAGES) return;
	throw new Failure(
		'images-missing',
		`Cannot teach from ${count} good image(s): at least ${FEWEST_IMAGES} are needed`,
		'Take more pictures of good parts; 50 to 200 are usual.',
	);
}
