import { configSchema } from '../../src/config/schema.js';
import type { Inspection } from '../../src/inspect/frame.js';
import { watchBy } from '../../src/inspect/watch.js';
import type { Frame } from '../../src/vision/frame.js';
import { origin } from '../origin.js';

/** The recipe `r` as the configuration gives it, with `more` settings. */
export function recipeWith(more: Readonly<Record<string, unknown>> = {}): Inspection['recipe'] {
	const stations = { s: { camera: { source: '0' }, recipe: 'r' } };
	return configSchema.parse({ box: 't', stations, recipes: { r: { model: 'm', ...more } } }).recipes.r!;
}

/** A clock that only waiting moves. */
export function clock(): { now: () => number; wait: (ms: number) => void } {
	let nowMs = 1000;
	return {
		now: () => nowMs,
		wait: (ms) => {
			nowMs += ms;
		},
	};
}

/** An inspection whose model gives `scores` one by one: a number, or what it throws. Its map is 8 × 8, all of the score. */
export function inspectionWith(
	scores: readonly (number | Error)[],
	{ now, more = {} }: { readonly now: () => number; readonly more?: Partial<Inspection> },
): Inspection {
	const size = { width: 8, height: 8 };
	const left = [...scores];
	return {
		origin: {
			...origin,
			model: {
				name: 'm',
				bundle: 'm@0',
				sha256: 'hash',
				provider: 'cpu',
				precision: 'fp32',
				fingerprint: null,
				engine: null,
			},
		},
		recipe: recipeWith(),
		recipeModel: 'hash',
		allowedProvider: 'cpu',
		region: undefined,
		taught: undefined,
		watch: watchBy(null, size),
		scorer: {
			size,
			provider: 'cpu',
			precision: 'fp32',
			model: 'hash',
			engine: null,
			score: async () => {
				const score = left.shift() ?? 0.1;
				if (typeof score !== 'number') throw score;
				return { map: new Float32Array(64).fill(score), score };
			},
			prove: async () => {},
			close: async () => {},
		},
		threshold: 0.5,
		mapMedian: 0.1,
		encodeJpeg: () => new Uint8Array([0xff, 0xd8]),
		now,
		...more,
	};
}

/** A frame of 64 × 64 that is grey; `released` counts. */
export function greyFrame(name: string | undefined, monotonicMs: number, onRelease = () => {}): Frame {
	return {
		width: 64,
		height: 64,
		taken: { wallMs: 1_700_000_000_000, monotonicMs },
		name,
		modelInput: (_, { width, height }) => new Uint8Array(width * height * 3).fill(128),
		crop: ({ width, height }) => ({ width, height, channels: 3, data: new Uint8Array(width * height * 3) }),
		release: onRelease,
	};
}
