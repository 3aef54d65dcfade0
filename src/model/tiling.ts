import type { Size } from '../vision/image.js';

/**
 * How the network sees a picture: resized to `width` × `height`, then cut into `rows` × `columns` overlapping squares of `side`. More
 * than one are joined by an overview, the whole shrunk to one square: squares find what is fine, the overview what is large.
 */
export type Tiling = Size & { readonly side: number; readonly rows: number; readonly columns: number };

/** What may be asked for: so many squares, or as many as the picture's own resolution needs. */
export type Grid = { readonly rows: number; readonly columns: number } | 'auto';

/** Neighbours overlap by at least this share of their side, which hides what zero padding does at their edges; and at most by half. */
const LEAST_OVERLAP = 1 / 8;
const MOST_OVERLAP = 1 / 2;

/** More squares than this are not chosen by themselves: each costs a run of the network. */
const MOST_TILES = 12;

/** `auto` keeps this much of the picture's resolution, and stretches one axis this much more than the other at most. */
const LEAST_SCALE = 0.75;
const MOST_STRETCH = 1.15;

/** One square for the whole picture, as published. */
export function oneTile(side: number): Tiling {
	return { side, rows: 1, columns: 1, width: side, height: side };
}

/** The tiling of pictures of a size; the canvas keeps their aspect as far as the overlaps allow. */
export function tilingFor(side: number, grid: Grid, picture: Size): Tiling {
	if (grid !== 'auto') return gridded(side, grid.rows, grid.columns, picture);
	const candidates: Tiling[] = [];
	for (let rows = 1; rows <= MOST_TILES; rows += 1) {
		for (let columns = 1; rows * columns <= MOST_TILES; columns += 1) {
			candidates.push(gridded(side, rows, columns, picture));
		}
	}
	const scales = (t: Tiling) => [t.width / picture.width, t.height / picture.height] as const;
	const stretch = (t: Tiling) => Math.max(...scales(t)) / Math.min(...scales(t));
	const straight = candidates.filter((t) => stretch(t) <= MOST_STRETCH);
	const sharp = straight.filter((t) => Math.min(...scales(t)) >= LEAST_SCALE);
	const best = (among: readonly Tiling[], cost: (t: Tiling) => number) =>
		among.reduce((a, b) => (cost(b) < cost(a) ? b : a));
	if (sharp.length > 0) return best(sharp, (t) => t.rows * t.columns);
	if (straight.length > 0) return best(straight, (t) => -Math.min(...scales(t)));
	return best(candidates, stretch);
}

function gridded(side: number, rows: number, columns: number, { width, height }: Size): Tiling {
	const span = (count: number, overlap: number) => Math.round(side * (1 + (count - 1) * (1 - overlap)));
	const scale = Math.min(span(columns, LEAST_OVERLAP) / width, span(rows, LEAST_OVERLAP) / height);
	const fit = (length: number, count: number) =>
		Math.min(Math.max(Math.round(length * scale), span(count, MOST_OVERLAP)), span(count, LEAST_OVERLAP));
	return { side, rows, columns, width: fit(width, columns), height: fit(height, rows) };
}

export function tileCount({ rows, columns }: Tiling): number {
	return rows * columns;
}

/** Pictures that the network sees of one: the squares, row by row, then the overview. */
export function viewCount(tiling: Tiling): number {
	const count = tileCount(tiling);
	return count === 1 ? 1 : count + 1;
}

/** Where the squares begin along an axis of `length`: evenly, the first at 0 and the last at the far edge. */
export function offsets(length: number, side: number, count: number): number[] {
	return Array.from({ length: count }, (_, i) =>
		count === 1 ? 0 : Math.round((i * (length - side)) / (count - 1)),
	);
}

/** Top left corners of the squares, row by row. */
export function tileCorners({ side, rows, columns, width, height }: Tiling): { x: number; y: number }[] {
	return offsets(height, side, rows).flatMap((y) => offsets(width, side, columns).map((x) => ({ x, y })));
}

/** View `index` of a canvas of interleaved RGB `[height, width, 3]` → `[side, side, 3]`. */
export function viewOf(canvas: Uint8Array, tiling: Tiling, index: number): Uint8Array {
	const count = tileCount(tiling);
	if (count === 1) return canvas;
	if (index === count) return shrunk(canvas, tiling);
	const { side, width } = tiling;
	const { x, y } = tileCorners(tiling)[index]!;
	const tile = new Uint8Array(side * side * 3);
	for (let row = 0; row < side; row += 1) {
		const from = ((y + row) * width + x) * 3;
		tile.set(canvas.subarray(from, from + side * 3), row * side * 3);
	}
	return tile;
}

/** The matrix [to, from] that averages an axis of `from` pixels over `to` equal parts. */
export function areaMatrix(from: number, to: number): Float32Array {
	const matrix = new Float32Array(to * from);
	for (const [row, { first, shares }] of areas(from, to).entries()) matrix.set(shares, row * from + first);
	return matrix;
}

/** The shares of neighbouring pixels in each of `to` equal parts of an axis of `from`, and which is the first. */
function areas(from: number, to: number): { readonly first: number; readonly shares: Float32Array }[] {
	return Array.from({ length: to }, (_, row) => {
		const [start, end] = [(row * from) / to, ((row + 1) * from) / to];
		const first = Math.floor(start);
		const count = Math.min(from, Math.ceil(end)) - first;
		const share = (p: number) => ((Math.min(end, p + 1) - Math.max(start, p)) * to) / from;
		return { first, shares: Float32Array.from({ length: count }, (_, i) => share(first + i)) };
	});
}

function shrunk(canvas: Uint8Array, { side, width, height }: Tiling): Uint8Array {
	const across = areas(width, side);
	const row = new Float32Array(width * 3);
	const result = new Uint8Array(side * side * 3);
	for (const [y, { first, shares }] of areas(height, side).entries()) {
		row.fill(0);
		for (let p = 0; p < shares.length; p += 1) {
			const [share, at] = [shares[p]!, (first + p) * width * 3];
			for (let i = 0; i < row.length; i += 1) row[i]! += share * canvas[at + i]!;
		}
		for (let x = 0; x < side; x += 1) {
			const { first: left, shares: parts } = across[x]!;
			for (let c = 0; c < 3; c += 1) {
				let sum = 0;
				for (let p = 0; p < parts.length; p += 1) sum += parts[p]! * row[(left + p) * 3 + c]!;
				result[(y * side + x) * 3 + c] = Math.round(sum);
			}
		}
	}
	return result;
}

/**
 * How much each square counts along an axis of `length`: [count][length], falling off linearly where it overlaps its neighbour,
 * zero outside; at each place they sum to 1, so that a map that agrees with itself is not changed.
 */
export function blendWeights(length: number, side: number, count: number): Float64Array[] {
	const starts = offsets(length, side, count);
	const weights = starts.map((start, i) => {
		const before = i === 0 ? 0 : starts[i - 1]! + side - start;
		const after = i === count - 1 ? 0 : start + side - starts[i + 1]!;
		return Float64Array.from({ length }, (_, p) => {
			if (p < start || p >= start + side) return 0;
			const rise = before === 0 ? 1 : (p - start + 0.5) / before;
			const fall = after === 0 ? 1 : (start + side - p - 0.5) / after;
			return Math.min(1, rise, fall);
		});
	});
	for (let p = 0; p < length; p += 1) {
		const total = weights.reduce((sum, w) => sum + w[p]!, 0);
		for (const w of weights) w[p]! /= total;
	}
	return weights;
}
