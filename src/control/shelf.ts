import { basename, dirname, join } from 'node:path';
import type { Failure } from '../base/failure.js';
import { noneSuch } from '../base/words.js';
import { bundleId, pinOf } from '../model/bundle.js';
import type { Manifest } from '../model/manifest.js';
import { Refusal } from './answer.js';

/** What a bundle says of itself. */
export type BundleSeen = {
	readonly id: string;
	/** Of its manifest, which holds the hashes of all else. */
	readonly sha256: string;
	readonly manifest: Manifest;
	/** What of it is missing, as far as that can be seen at once. */
	readonly lacks: Failure | null;
};

/** The bundles that may be asked for. */
export type Shelf = {
	/** Folders of bundles that the box's owner allows. */
	readonly folders: () => readonly string[];
	/** The places of the bundles in a folder, the newest first. */
	readonly bundlesIn: (folder: string) => Promise<readonly string[]>;
	/** @throws Failure bundle-invalid */
	readonly look: (place: string) => Promise<BundleSeen>;
};

export async function placesIn(
	folders: readonly string[],
	{ bundlesIn }: Pick<Shelf, 'bundlesIn'>,
): Promise<string[]> {
	const found = await Promise.all(folders.map(bundlesIn));
	return [...new Set(found.flat())];
}

/** A bundle by its name and what it holds, in as many digits as are given. @returns the path that pins it @throws Refusal conflict */
export async function bundleNamed(given: string, shelf: Shelf): Promise<string> {
	const all = await placesIn(shelf.folders(), shelf);
	const pin = pinOf(given);
	for (const place of all) {
		const seen = await shelf.look(place).catch(() => undefined);
		const names = [nameIn(place), seen?.manifest.name];
		if (seen && pin && names.includes(pin.name) && seen.sha256.startsWith(pin.hash))
			return join(dirname(place), bundleId(nameIn(place), seen.sha256));
		// One that cannot be read is tried, and what is wrong with it told.
		if (!seen && basename(place) === given) return place;
	}
	const known = all.map((place) => basename(place));
	const same = known.filter((name) => plainName(name) === (pin?.name ?? given));
	const message = noneSuch('bundle', given, same.length > 0 ? same : known);
	throw new Refusal('conflict', `bundle: ${message}`, [{ path: 'bundle', message }]);
}

/** Without what it holds: `lid` of `lid@1c947c1d`. */
function plainName(name: string): string {
	return pinOf(name)?.name ?? name;
}

function nameIn(place: string): string {
	return plainName(basename(place));
}
