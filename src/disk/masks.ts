import { stemOf } from './picture-folder.js';

/** What people put behind (or before) the name of a picture to name its mask. */
const WORDS = 'masks?|gt|labels?|ground[ _.-]?truth|seg(?:mentation)?s?|annotations?';
const BEHIND = new RegExp(`^(.+?)[ _.-]*(?:${WORDS})$`, 'i');
const BEFORE = new RegExp(`^((?:.*/)?)(?:${WORDS})[ _.-]+([^/]+)$`, 'i');

/** In words, for who wonders why none was found. */
export const MASK_NAMES =
	'<name>_mask, <name>_label, <name>_gt, <name>_ground_truth, <name>_seg, mask_<name> or <name> itself, in any case, as png, bmp, tif or another format';

/** The mask of each picture that has one, and the masks that belong to none. Both are paths below the folders of one kind. */
export function pairMasks(
	pictures: readonly string[],
	masks: readonly string[],
): { readonly of: ReadonlyMap<string, readonly string[]>; readonly strays: readonly string[] } {
	const known = new Map<string, string[]>();
	for (const picture of pictures) {
		for (const key of new Set([keyOf(picture), keyOf(stemOf(picture))])) {
			known.set(key, [...(known.get(key) ?? []), picture]);
		}
	}
	const of = new Map<string, string[]>();
	const strays: string[] = [];
	for (const mask of masks) {
		const name = [stemOf(mask), ...marked(stemOf(mask))].map(keyOf).find((key) => known.has(key));
		if (name === undefined) strays.push(mask);
		else for (const picture of known.get(name)!) of.set(picture, [...(of.get(picture) ?? []), mask]);
	}
	return { of, strays };
}

/** The pictures among others in a folder that are masks of those, by their names. */
export function masksAmong(names: readonly string[]): string[] {
	const stems = new Set(names.map((name) => keyOf(stemOf(name))));
	return names.filter((name) => marked(stemOf(name)).some((stem) => stems.has(keyOf(stem))));
}

/** What remains of a stem without what says that it is a mask. */
function marked(stem: string): string[] {
	const behind = BEHIND.exec(stem)?.[1];
	const before = BEFORE.exec(stem);
	return [behind, before ? `${before[1]}${before[2]}` : undefined].filter((name) => name !== undefined);
}

/** Names that differ in case, or in how their letters are composed, mean the same file to people. */
export function keyOf(path: string): string {
	return path.normalize('NFC').toLowerCase();
}
