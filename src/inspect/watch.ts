import { Failure } from '../base/failure.js';
import type { RecipeConfig } from '../config/schema.js';
import type { Frame } from '../vision/frame.js';
import type { Size } from '../vision/image.js';
import { comparisonWith, FAULTS, faultIn, lookAt, type Measures, type Quality } from '../vision/quality.js';

/** What a picture is like, as far as the bundle knows what good ones are like, and why it is not to be scored. */
export type Seen = { readonly measures: Measures | null; readonly failure: Failure | undefined };

/** Looks at what a model is to see, before it does. `input`: interleaved RGB `[height, width, 3]`. */
export type Watch = {
	look(
		input: Uint8Array,
		frame: Pick<Frame, 'width' | 'height' | 'format' | 'unchangedSinceMs' | 'taken' | 'name'>,
		wanted: RecipeConfig['quality'],
	): Seen;
};

/** By what the bundle has learnt of good pictures; one that has not knows frozen ones alone. */
export function watchBy(quality: Quality | null, size: Size): Watch {
	const compare = quality && comparisonWith(quality.common);
	/** What its live camera gave at first, however often it was opened again. */
	let first: string | undefined;
	const changed = ({ width, height, format, name }: Parameters<Watch['look']>[1]): Failure | undefined => {
		if (format === undefined) return undefined;
		const given = `${width}x${height} (${format})`;
		first ??= given;
		if (given === first) return undefined;
		return new Failure(
			'frame-changed',
			`Cannot inspect ${shown(name)}: the camera gives ${given}, and gave ${first} when the station began`,
			'Set the camera to what it was. If it is to be so, start the station anew, or set `quality.changed: false`.',
		);
	};
	return {
		look: (input, frame, wanted) => {
			const differs = wanted.changed ? changed(frame) : undefined;
			if (differs) return { measures: null, failure: differs };
			const { own, cells } = compare ? lookAt(input, size) : { own: null, cells: null };
			const measures = compare && own ? { ...own, ...compare(cells) } : null;
			const found = quality && measures && faultIn(measures, quality, (fault) => wanted[fault]);
			return { measures, failure: frozen(frame, wanted) ?? (found ? faulty(frame, found) : undefined) };
		},
	};
}

/** Why a frame is not to be believed, where its camera has given the same picture for too long. */
export function frozen(
	{ unchangedSinceMs, taken, name }: Pick<Frame, 'unchangedSinceMs' | 'taken' | 'name'>,
	{ frozenMs }: Pick<RecipeConfig['quality'], 'frozenMs'>,
): Failure | undefined {
	const sameMs = taken.monotonicMs - (unchangedSinceMs ?? taken.monotonicMs);
	if (frozenMs === 0 || sameMs < frozenMs) return undefined;
	return new Failure(
		'frame-frozen',
		`Cannot inspect ${shown(name)}: the camera has given the very same picture for ${Math.round(sameMs)} ms`,
		'Start the camera anew. One that sends a still scene without any noise needs a larger `quality.frozenMs`.',
	);
}

function faulty(
	{ name }: Pick<Frame, 'name'>,
	{ fault, words }: NonNullable<ReturnType<typeof faultIn>>,
): Failure {
	const { code, advice } = FAULTS[fault];
	return new Failure(
		code,
		`Cannot inspect ${shown(name)}: ${words}`,
		`${advice} If it is to be like that, teach anew with such pictures, or set \`quality.${fault}: false\`.`,
	);
}

function shown(name: string | undefined): string {
	return name === undefined ? 'a frame' : `"${name}"`;
}
