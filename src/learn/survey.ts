import { createHash } from 'node:crypto';
import type { GoodImages } from './teach.js';

/** Brightness between the darkest and the brightest value of a picture that shows something. */
const LEAST_CONTRAST = 16;

/** How many names a warning lists. */
const NAMED = 3;

/**
 * Looks at every picture before minutes are spent on them: one that cannot be read ends teaching now, and what makes a
 * lesson worse comes back as warnings.
 * @throws Failure image-unreadable
 */
export async function survey(images: GoodImages, signal: AbortSignal): Promise<string[]> {
	const first = new Map<string, string>();
	const twins: string[] = [];
	const flat: string[] = [];
	for (let i = 0; i < images.count; i += 1) {
		signal.throwIfAborted();
		const picture = await images.image(i);
		const name = images.name(i);
		const digest = createHash('sha1').update(picture).digest('hex');
		const twin = first.get(digest);
		if (twin === undefined) first.set(digest, name);
		else twins.push(`"${name}" is "${twin}" again`);
		if (contrast(picture) < LEAST_CONTRAST) flat.push(`"${name}"`);
	}
	return [
		...(twins.length > 0
			? [
					`${count(twins, 'picture')} twice: ${some(twins)}; they teach nothing new and make the threshold too low`,
				]
			: []),
		...(flat.length > 0
			? [`${count(flat, 'picture')} nearly without contrast: ${some(flat)}; is the lamp on and the cap off?`]
			: []),
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

function count(items: readonly string[], noun: string): string {
	return `${items.length} ${noun}${items.length === 1 ? ' is' : 's are'}`;
}

function some(items: readonly string[]): string {
	return items.slice(0, NAMED).join(', ') + (items.length > NAMED ? ` and ${items.length - NAMED} more` : '');
}
