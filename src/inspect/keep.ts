import type { Config } from '../config/schema.js';
import type { StationVerdict } from '../protocol/verdict.js';
import type { Frame } from '../vision/frame.js';
import type { Rect } from '../vision/image.js';
import type { Inspection } from './frame.js';

/** Of which parts pictures are kept, and whether whole frames. */
export type Keep = Pick<Config['journal'], 'pictures' | 'frames'>;

/** Of whole frames: another bundle is to score them almost as it would have scored the frame itself. */
const FRAME_QUALITY = 95;

/** The JPEG that is kept of a part besides its heatmaps: the whole frame, or a small view of an accepted one; undefined: none. */
export function keptPicture(
	frame: Frame,
	verdict: Pick<StationVerdict, 'verdict' | 'runSequence'>,
	{ pictures, frames }: Keep,
	{ recipe, region, encodeJpeg }: Pick<Inspection, 'recipe' | 'region' | 'encodeJpeg'>,
): Uint8Array | undefined {
	const isAccepted = verdict.verdict === 'accept';
	if (isAccepted && !isChosen(pictures, verdict.runSequence)) return undefined;
	const { width, height } = frame;
	const whole: Rect = { x: 0, y: 0, width, height };
	if (frames) return encodeJpeg(frame.crop(whole, Math.max(width, height)), FRAME_QUALITY);
	const { longestSide, quality } = recipe.heatmap;
	return isAccepted ? encodeJpeg(frame.crop(region ?? whole, longestSide), quality) : undefined;
}

function isChosen(pictures: Keep['pictures'], runSequence: number): boolean {
	if (pictures === 'rejects') return false;
	return pictures === 'all' || runSequence % Number(pictures.slice('every:'.length)) === 0;
}
