import { sha256Of } from '../base/hash.js';
import type { Manifest } from '../model/manifest.js';
import { isGrey, type Size } from '../vision/image.js';
import { likenessOf, siblingGroups } from '../vision/likeness.js';
import { type Look, learnQuality, lookAt, type Quality } from '../vision/quality.js';
import type { GoodImages } from './lesson.js';

/** Brightness between the darkest and the brightest value of a picture that shows something. */
const LEAST_CONTRAST = 16;

/** How many names a warning lists. */
const NAMED = 3;

/** Every picture is compared with every other: with more of them that takes minutes, and is left out. */
const MOST_COMPARED = 3000;

/** What all good pictures are like. */
export type Survey = {
	readonly warnings: readonly string[];
	/** Their own sizes, before region and resize. */
	readonly picture: NonNullable<Manifest['input']['picture']>;
	/** SHA-256 of their names and of what is learnt from them, in their order. */
	readonly sha256: string;
	/** What each is known again by, in their order. */
	readonly likenesses: readonly Int8Array[];
	/** Those that are of one part, by their index; null where they were too many to compare. */
	readonly groups: readonly (readonly number[])[] | null;
	/** By which a picture is looked at before it is scored. */
	readonly quality: Quality | null;
};

/**
 * Looks at every picture before minutes are spent on them: one that cannot be read ends teaching now, and what makes a
 * lesson worse is warned of.
 * @throws Failure image-unreadable
 */
export async function survey(images: GoodImages, tiling: Size, signal: AbortSignal): Promise<Survey> {
	const likenesses: Int8Array[] = [];
	const looks: Look[] = [];
	const digests: string[] = [];
	const first = new Map<string, string>();
	const found: Record<'twins' | 'flat' | 'odd' | 'grey' | 'coloured', string[]> = {
		twins: [],
		flat: [],
		odd: [],
		grey: [],
		coloured: [],
	};
	const sizes: Size[] = [];
	for (let i = 0; i < images.count; i += 1) {
		signal.throwIfAborted();
		const { input, size } = await images.image(i);
		const name = `"${images.name(i)}"`;
		const digest = sha256Of(input);
		const twin = first.get(digest);
		if (twin === undefined) first.set(digest, name);
		else found.twins.push(`${name} is ${twin} again`);
		digests.push(digest);
		likenesses.push(likenessOf(input, tiling));
		looks.push(lookAt(input, tiling));
		sizes.push({ width: size.width, height: size.height });
		if (size.width !== sizes[0]!.width || size.height !== sizes[0]!.height)
			found.odd.push(`${name} of ${size.width}x${size.height}`);
		if (contrast(input) < LEAST_CONTRAST) found.flat.push(name);
		found[isGrey(input) ? 'grey' : 'coloured'].push(name);
	}
	const groups = images.count > MOST_COMPARED ? null : siblingGroups(likenesses);
	const { twins, flat, odd, grey, coloured } = found;
	const few = grey.length < coloured.length ? grey : coloured;
	const warnings = [
		warning(twins, 'twice', 'they teach nothing new and make the threshold too low'),
		warning(flat, 'nearly without contrast', 'is the lamp on and the cap off?'),
		warning(
			odd,
			`not ${sizes[0]?.width}x${sizes[0]?.height} like the first`,
			'all are stretched to one shape',
		),
		...(groups ? [siblingWarning(groups, digests, images)] : []),
		warning(few, few === grey ? 'grey among coloured ones' : 'coloured among grey ones', 'is it one camera?'),
	].flat();
	const extreme = (pick: (a: number, b: number) => number): Size => ({
		width: sizes.map(({ width }) => width).reduce((a, b) => pick(a, b)),
		height: sizes.map(({ height }) => height).reduce((a, b) => pick(a, b)),
	});
	return {
		warnings,
		picture: { smallest: extreme(Math.min), largest: extreme(Math.max), grey: coloured.length === 0 },
		sha256: sha256Of(digests.map((digest, i) => `${digest} ${images.name(i)}`).join('\n')),
		likenesses,
		groups,
		quality: learnQuality(looks),
	};
}

/** No sentence when nothing was found. */
function warning(found: readonly string[], what: string, consequence: string): string[] {
	if (found.length === 0) return [];
	const named =
		found.slice(0, NAMED).join(', ') + (found.length > NAMED ? ` and ${found.length - NAMED} more` : '');
	return [`${found.length} picture${found.length === 1 ? ' is' : 's are'} ${what}: ${named}; ${consequence}`];
}

/** Copies of one file are told of elsewhere. */
function siblingWarning(
	groups: readonly (readonly number[])[],
	digests: readonly string[],
	images: GoodImages,
): string[] {
	const found = groups.filter((group) => new Set(group.map((i) => digests[i])).size > 1);
	if (found.length === 0) return [];
	const parts = found.length === 1 ? 'one part that was' : `${found.length} parts that were each`;
	const named = found
		.slice(0, NAMED)
		.map(([a, b]) => `"${images.name(a!)}" and "${images.name(b!)}"`)
		.join(', ');
	return [
		`${found.flat().length} pictures are of ${parts} photographed more than once, like ${named}; those of a part are trained on ` +
			'or held out together, and they say less than as many parts would',
	];
}

function contrast(picture: Uint8Array): number {
	let [lowest, highest] = [255, 0];
	for (const value of picture) {
		if (value < lowest) lowest = value;
		if (value > highest) highest = value;
	}
	return highest - lowest;
}
