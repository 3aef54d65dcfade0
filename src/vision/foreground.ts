import type { Random } from '../base/random.js';
import type { Point, Size } from './image.js';

/** Side of the cells by which the part is told from what lies around it, in pixels. */
const CELL = 16;

/** Over so many pixels light is compared: more of what a lens shows and no more of a sensor's noise than over one. */
const APART = 2;

/** A cell's chance, as a share of the mean cell's: where nothing is to be seen, and where most is. */
const LEAST_CHANCE = 0.05;
const MOST_CHANCE = 3;

/** Of what a cell shows, the share of the least shown anywhere (the tenth lowest of a hundred cells) that says nothing of a part. */
const BACKGROUND = 0.8;

/** A plain cell's chance, as a share of that of the edges around it. */
const ENCLOSED = 0.5;

/** Where a picture shows something: its cells, row by row, and how much each does, about 1 in the mean. */
export type Foreground = { readonly size: Size; readonly columns: number; readonly weights: Float64Array };

/** How much each cell shows, as a share of the mean: 1 everywhere on an even surface, LEAST_CHANCE beside a part. */
export function foregroundOf(picture: Uint8Array, size: Size): Foreground {
	const { width, height } = size;
	const columns = Math.ceil(width / CELL);
	const rows = Math.ceil(height / CELL);
	const shown = new Float64Array(columns * rows);
	for (let y = 0; y < height; y += 1) {
		const below = y + APART < height ? APART * width * 3 : 0;
		const row = Math.floor(y / CELL) * columns;
		for (let x = 0; x < width; x += 1) {
			const i = (y * width + x) * 3;
			const right = x + APART < width ? APART * 3 : 0;
			let change = 0;
			for (let c = i; c < i + 3; c += 1) {
				const v = picture[c]!;
				change += Math.abs(picture[c + right]! - v) + Math.abs(picture[c + below]! - v);
			}
			shown[row + Math.floor(x / CELL)]! += change;
		}
	}
	for (let k = 0; k < shown.length; k += 1) {
		const [x, y] = [(k % columns) * CELL, Math.floor(k / columns) * CELL];
		shown[k]! /= Math.min(CELL, width - x) * Math.min(CELL, height - y);
	}
	// A sensor's noise and the belt's grain are everywhere.
	const everywhere = BACKGROUND * shown.slice().sort()[Math.floor(shown.length / 10)]!;
	const above = shown.map((v) => Math.max(0, v - everywhere));
	const mean = above.reduce((a, b) => a + b, 0) / above.length;
	const chances = above.map((v) => (mean === 0 ? 1 : Math.min(v / mean, MOST_CHANCE)));
	const enclosed = enclosedBy(chances, columns);
	const weights = chances.map((chance, k) => Math.max(chance, ENCLOSED * enclosed[k]!) + LEAST_CHANCE);
	return { size, columns, weights };
}

/** For each cell the least of what is the most to its left, to its right, above and below: a part's plain face lies between edges. */
function enclosedBy(cells: Float64Array, columns: number): Float64Array {
	const rows = cells.length / columns;
	const least = new Float64Array(cells.length).fill(Number.POSITIVE_INFINITY);
	const walk = (first: number, step: number, count: number) => {
		let most = 0;
		for (let n = 0; n < count; n += 1) {
			const k = first + n * step;
			most = Math.max(most, cells[k]!);
			least[k] = Math.min(least[k]!, most);
		}
	};
	for (let y = 0; y < rows; y += 1) {
		walk(y * columns, 1, columns);
		walk((y + 1) * columns - 1, -1, columns);
	}
	for (let x = 0; x < columns; x += 1) {
		walk(x, columns, rows);
		walk((rows - 1) * columns + x, -columns, rows);
	}
	return least;
}

/** A chance place, by what its cell shows raised to a power. */
export function placeOn({ size, columns, weights }: Foreground, power: number, random: Random): Point {
	const chances = weights.map((weight) => weight ** power);
	let left = random.uniform() * chances.reduce((a, b) => a + b, 0);
	let cell = 0;
	while (cell < chances.length - 1 && left >= chances[cell]!) {
		left -= chances[cell]!;
		cell += 1;
	}
	const within = (from: number, end: number) =>
		Math.floor(from + Math.min(CELL, end - from) * random.uniform());
	return {
		x: within((cell % columns) * CELL, size.width),
		y: within(Math.floor(cell / columns) * CELL, size.height),
	};
}
