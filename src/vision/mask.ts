/** Interleaved pixels as a file holds them: grey, colours, or colours and alpha. */
export type Raster = {
	readonly channels: number;
	/** Of 8 or 16 bits; `width * height * channels` of them. */
	readonly data: Uint8Array | Uint16Array;
	readonly width: number;
	readonly height: number;
};

/** A drawing has fewer values than this; what has more is only taken for a mask when nearly all are black or white. */
const FEW_VALUES = 16;
/** Beyond this share of the values that are not dark must be bright, in a mask with soft edges. */
const LEAST_BRIGHT = 0.4;

/**
 * What a mask marks, 255 a pixel that is marked and 0 elsewhere: every value but black is a label, every colour too; where nothing but the
 * transparency varies, what is not transparent. In a mask with soft edges (JPEG, resized) what is brighter than half.
 * @returns what is wrong with it instead, when it marks nothing certain
 */
export function marksOf(raster: Raster, lossy: boolean): Uint8Array | string {
	const { channels, data, width, height } = raster;
	const values = new Uint16Array(width * height);
	const opaque = new Uint8Array(width * height).fill(1);
	const colours = Math.min(channels, 3);
	for (let i = 0; i < values.length; i += 1) {
		for (let c = 0; c < colours; c += 1) values[i] = Math.max(values[i]!, data[i * channels + c]!);
		if (channels > 3) opaque[i] = data[i * channels + 3]! > 0 ? 1 : 0;
	}
	const drawn =
		opaque.includes(0) && opaque.includes(1) ? drawnOn(values, opaque) : colouredIn(values, lossy);
	if (typeof drawn === 'string') return drawn;
	const marks = drawn.map((marked) => 255 * marked);
	return doubtOf(marks, width, height) ?? marks;
}

/** What is opaque, where that says all: the colours beneath are one. */
function drawnOn(values: Uint16Array, opaque: Uint8Array): Uint8Array | string {
	const coloured = values.map((value, i) => (opaque[i] === 1 && value > 0 ? 1 : 0));
	const black = values.some((value, i) => opaque[i] === 1 && value === 0);
	return black && coloured.includes(1) ? 'its colours and its transparency say different things' : opaque;
}

function colouredIn(values: Uint16Array, lossy: boolean): Uint8Array | string {
	const different = new Set(values).size;
	if (!lossy && different <= FEW_VALUES) return Uint8Array.from(values, (value) => (value > 0 ? 1 : 0));
	const most = values.reduce((a, b) => Math.max(a, b), 0);
	const light = values.reduce((sum, value) => sum + (8 * value > most ? 1 : 0), 0);
	const bright = values.reduce((sum, value) => sum + (8 * value > 7 * most ? 1 : 0), 0);
	if (different > 2 && bright < LEAST_BRIGHT * light) {
		return `it is no mask: it has ${different} different values, and few of them are black or white`;
	}
	return Uint8Array.from(values, (value) => (2 * value > most ? 1 : 0));
}

/** Nothing, everything, or everything but something in the middle: nobody marks a defect so. */
function doubtOf(marks: Uint8Array, width: number, height: number): string | undefined {
	const marked = marks.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
	if (marked === 0) return 'it marks nothing';
	if (marked === marks.length) return 'it marks the whole picture';
	const isEdge = (i: number) =>
		i < width || i >= width * (height - 1) || i % width === 0 || (i + 1) % width === 0;
	const edge = marks.filter((_, i) => isEdge(i));
	const share = marked / marks.length;
	if (share <= 0.5 || edge.filter((value) => value > 0).length < 0.95 * edge.length) return undefined;
	return `it marks ${Math.floor(100 * share)} % of the picture and its edges, as if black and white were swapped`;
}

/** Whether one is the other at another scale, as far as whole pixels allow. */
export function sameShape(
	one: { readonly width: number; readonly height: number },
	other: { readonly width: number; readonly height: number },
): boolean {
	return (
		Math.abs(one.width * other.height - one.height * other.width) <=
		Math.max(other.width, other.height, one.width, one.height)
	);
}
