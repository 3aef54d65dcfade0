import { between, bilinear } from './bilinear.js';
import { colourAt, overlay, type Scale } from './heatmap.js';
import type { Image, Size } from './image.js';

/** A picture as a model takes it, with its map: both `[height, width]` of `size`, the picture RGB. */
export type SheetPicture = {
	readonly picture: Uint8Array;
	readonly map: Float32Array;
	readonly size: Size;
	/** Width over height as it was taken. */
	readonly aspect: number;
	/** Below it: the first is larger. */
	readonly lines: readonly string[];
};

/** Words on a sheet: `x`, `y` is where their baseline begins; `height` of capitals in pixels. */
export type Lettering = {
	readonly text: string;
	readonly x: number;
	readonly y: number;
	readonly height: number;
};

export type Sheet = { readonly image: Image; readonly letterings: readonly Lettering[] };

const MARGIN = 24;
const GAP = 4;
const COLUMNS = 2;
const WIDTH = 300;
const [TALLEST, FLATTEST] = [450, 120];
const LARGE = 14;
const SMALL = 11;
const LINE = 22;
const LEGEND = { width: 300, height: 12, most: 2.5 };

/**
 * A contact sheet, two pictures a row, each beside itself under its heatmap, with words for whoever draws letters. `head`: lines above all;
 * `ends`: what the colours at `scale.low` and `scale.threshold` mean.
 */
export function sheetOf(
	pictures: readonly SheetPicture[],
	{
		head,
		ends,
	}: { readonly head: readonly string[]; readonly ends: readonly [low: string, threshold: string] },
	scale: Scale,
): Sheet {
	const heights = pictures.map(({ aspect }) =>
		Math.round(Math.min(Math.max(WIDTH / aspect, FLATTEST), TALLEST)),
	);
	const tall = Math.max(...heights);
	const words = Math.max(...pictures.map(({ lines }) => lines.length)) * LINE + 14;
	const top = MARGIN + head.length * LINE + LINE + 26;
	const across = 2 * WIDTH + GAP;
	const width = MARGIN + COLUMNS * (across + MARGIN);
	const rows = Math.ceil(pictures.length / COLUMNS);
	const height = top + rows * (tall + words) + MARGIN / 2;
	const data = new Uint8Array(width * height * 3).fill(255);
	const letterings: Lettering[] = head.map((text, i) => ({
		text,
		x: MARGIN,
		y: MARGIN + LARGE + i * LINE,
		height: i === 0 ? LARGE : SMALL,
	}));
	const sheet = { width, height, channels: 3, data } as const;
	const legendTop = MARGIN + head.length * LINE + 4;
	paste(sheet, legendOf(), MARGIN, legendTop);
	const wordsBelow = legendTop + LEGEND.height + SMALL + 8;
	letterings.push(
		{ text: ends[0], x: MARGIN, y: wordsBelow, height: SMALL },
		{ text: ends[1], x: MARGIN + LEGEND.width / LEGEND.most, y: wordsBelow, height: SMALL },
	);
	for (const [i, one] of pictures.entries()) {
		const x = MARGIN + (i % COLUMNS) * (across + MARGIN);
		const y = top + Math.floor(i / COLUMNS) * (tall + words);
		const plain = resized(one.picture, one.size, { width: WIDTH, height: heights[i]! });
		paste(sheet, plain, x, y);
		const whole = { x: 0, y: 0, ...one.size };
		paste(sheet, overlay(plain, one.map, one.size, whole, scale), x + WIDTH + GAP, y);
		for (const [k, text] of one.lines.entries()) {
			const [height, down] = k === 0 ? [LARGE, LARGE + 8] : [SMALL, LARGE + 8 + k * LINE];
			letterings.push({ text, x, y: y + heights[i]! + down, height });
		}
	}
	return { image: sheet, letterings };
}

function resized(picture: Uint8Array, from: Size, { width, height }: Size): Image {
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y += 1) {
		const v = ((y + 0.5) / height) * from.height - 0.5;
		for (let x = 0; x < width; x += 1) {
			const place = between(from, 3, ((x + 0.5) / width) * from.width - 0.5, v);
			for (let c = 0; c < 3; c += 1) data[(y * width + x) * 3 + c] = Math.round(bilinear(picture, place, c));
		}
	}
	return { width, height, channels: 3, data };
}

/** The colours of heatmaps over grey, with a mark at the threshold. */
function legendOf(): Image {
	const { width, height, most } = LEGEND;
	const data = new Uint8Array(width * height * 3);
	const mark = Math.round(width / most);
	for (let x = 0; x < width; x += 1) {
		const { rgb, opacity } = colourAt(((x + 0.5) / width) * most);
		const colour = x === mark ? [0, 0, 0] : rgb.map((v) => Math.round(128 * (1 - opacity) + v * opacity));
		for (let y = 0; y < height; y += 1) data.set(colour, (y * width + x) * 3);
	}
	return { width, height, channels: 3, data };
}

function paste(sheet: Image, { width, height, data }: Image, x: number, y: number): void {
	for (let row = 0; row < height; row += 1)
		sheet.data.set(data.subarray(row * width * 3, (row + 1) * width * 3), ((y + row) * sheet.width + x) * 3);
}
