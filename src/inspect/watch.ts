import { Failure } from '../base/failure.js';
import type { RecipeConfig } from '../config/schema.js';
import type { Frame } from '../vision/frame.js';
import type { Size } from '../vision/image.js';
import { comparisonWith, FAULTS, faultIn, lookAt, type Measures, type Quality } from '../vision/quality.js';

/** What a picture is like, as far as the bundle knows what good ones are like. */
export type Seen = { readonly measures: Measures | null; readonly failure: Failure | undefined };

/** Looks at what a model is to see, before it does. */
export type Watch = {
	/** `input`: interleaved RGB `[height, width, 3]`, kept until the next one. */
	look(
		input: Uint8Array,
		frame: Pick<Frame, 'live' | 'taken' | 'name'>,
		wanted: RecipeConfig['quality'],
	): Seen;
};

/** By what the bundle has learnt of good pictures; one that has not knows frozen ones alone. */
export function watchBy(quality: Quality | null, size: Size): Watch {
	const compare = quality && comparisonWith(quality.common);
	/** The picture before, and when the first of those was taken that were the same. */
	let last: { readonly input: Uint8Array; readonly sinceMs: number } | undefined;

	const frozenMs = (input: Uint8Array, { live, taken }: Pick<Frame, 'live' | 'taken'>): number => {
		const isSame = live && last && Buffer.compare(input, last.input) === 0;
		last = { input, sinceMs: isSame ? last!.sinceMs : taken.monotonicMs };
		return isSame ? taken.monotonicMs - last.sinceMs : 0;
	};
	return {
		look: (input, frame, wanted) => {
			const sameMs = frozenMs(input, frame);
			const shown = frame.name === undefined ? 'a frame' : `"${frame.name}"`;
			const measures = quality && compare ? measured(lookAt(input, size), compare) : null;
			if (wanted.frozenMs > 0 && sameMs >= wanted.frozenMs) {
				const failure = new Failure(
					'frame-frozen',
					`Cannot inspect ${shown}: the camera has given the very same picture for ${Math.round(sameMs)} ms`,
					'Start the camera anew. One that sends a still scene without any noise needs a larger `quality.frozenMs`.',
				);
				return { measures, failure };
			}
			const found = quality && measures && faultIn(measures, quality, (fault) => wanted[fault]);
			if (!found) return { measures, failure: undefined };
			const { code, advice } = FAULTS[found.fault];
			const failure = new Failure(
				code,
				`Cannot inspect ${shown}: ${found.words}`,
				`${advice} If it is to be like that, teach anew with such pictures, or set \`quality.${found.fault}: false\`.`,
			);
			return { measures, failure };
		},
	};
}

function measured(
	{ own, cells }: ReturnType<typeof lookAt>,
	compare: ReturnType<typeof comparisonWith>,
): Measures {
	return { ...own, ...compare(cells) };
}
