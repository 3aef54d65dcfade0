import { isDefective } from '../measure/labelled.js';
import type { Frame } from '../vision/frame.js';
import { overlay, type Scale } from '../vision/heatmap.js';
import type { Image, Size } from '../vision/image.js';
import type { EvaluateWorld, ScoredImage } from './evaluation.js';

/** A test image to look at, in bytes of JPEG and PNG. */
export type Exhibit = ScoredImage & {
	/** Width over height. */
	readonly aspect: number;
	readonly picture: Uint8Array;
	/** The picture under its heatmap. */
	readonly heatmap: Uint8Array;
	/** The mask, null where there is none. */
	readonly truth: Uint8Array | null;
};

/** Exhibits under one heading. */
export type Gallery = {
	readonly title: string;
	readonly note: string;
	readonly exhibits: readonly Exhibit[];
};

export type ExhibitWorld = Omit<EvaluateWorld, 'now'> & {
	encodeJpeg(image: Image, quality: number): Uint8Array;
	encodePng(image: Image): Uint8Array;
};

const MOST_WRONG = 12;
const MOST_CLOSE = 4;
const LONGEST_SIDE = 480;
const JPEG_QUALITY = 85;

/**
 * The images worth a look: those that the threshold gets wrong, the worst first, then those nearest to being wrong.
 * Each is read and scored again, so that no map had to be kept.
 */
export async function galleries(
	scored: readonly ScoredImage[],
	world: ExhibitWorld,
	size: Size,
	scale: Scale,
): Promise<Gallery[]> {
	const found: Gallery[] = [];
	for (const { title, note, images } of worthALook(scored, scale.threshold)) {
		const exhibits: Exhibit[] = [];
		for (const image of images) exhibits.push(await exhibitOf(image, world, size, scale));
		found.push({ title, note, exhibits });
	}
	return found;
}

/** What `galleries` shows: headings without images say why there are none. */
export function worthALook(scored: readonly ScoredImage[], threshold: number) {
	const bad = scored.filter(isDefective).sort((a, b) => a.score - b.score);
	const good = scored.filter((image) => !isDefective(image)).sort((a, b) => b.score - a.score);
	const escapes = bad.filter(({ score }) => score <= threshold);
	const falseRejects = good.filter(({ score }) => score > threshold);
	const close = [
		...bad.filter(({ score }) => score > threshold).slice(0, MOST_CLOSE),
		...good.filter(({ score }) => score <= threshold).slice(0, MOST_CLOSE),
	];
	return [
		{
			title: 'Escapes',
			note: noteOf(escapes.length, 'Defective parts at or below the threshold, the lowest score first'),
			images: escapes.slice(0, MOST_WRONG),
		},
		{
			title: 'False rejects',
			note: noteOf(falseRejects.length, 'Good parts above the threshold, the highest score first'),
			images: falseRejects.slice(0, MOST_WRONG),
		},
		{
			title: 'Close calls',
			note: 'Parts judged rightly whose scores are nearest to the threshold: defective ones, then good ones.',
			images: close,
		},
	];
}

function noteOf(count: number, what: string): string {
	if (count === 0) return 'None.';
	return count > MOST_WRONG ? `${what}: ${MOST_WRONG} of ${count}.` : `${what}.`;
}

async function exhibitOf(
	image: ScoredImage,
	world: ExhibitWorld,
	size: Size,
	scale: Scale,
): Promise<Exhibit> {
	const { input, picture } = await read(image.path, world, size);
	const { map } = await world.score(input);
	const jpeg = world.encodeJpeg(picture, JPEG_QUALITY);
	const whole = { x: 0, y: 0, ...size };
	return {
		...image,
		aspect: picture.width / picture.height,
		picture: jpeg,
		heatmap: world.encodeJpeg(overlay(picture, map, size, whole, scale), JPEG_QUALITY),
		truth: image.mask === null ? null : world.encodePng(await world.readMask(image.mask, size, image.path)),
	};
}

async function read(path: string, world: ExhibitWorld, size: Size) {
	const frame: Frame = await world.readPicture(path);
	try {
		const whole = { x: 0, y: 0, width: frame.width, height: frame.height };
		return { input: frame.modelInput(undefined, size), picture: frame.crop(whole, LONGEST_SIDE) };
	} finally {
		frame.release();
	}
}
