import { randomFrom } from '../base/random.js';
import type { Size } from './image.js';

/** Cells a side of what is kept of a picture, by which it is known again. */
const SIDE = 32;
const CELLS = SIDE * SIDE;

/** Bytes that are kept of a picture. */
export const LIKENESS_BYTES = CELLS;

/** Cells to each side over which light is compared: what is left is neither the lamp's nor the shutter's doing. */
const NEAR = 2;
/** Deviation below which light is noise, in steps of 8 bits. */
const NOISE = 1;
/** Steps of a byte for each deviation. */
const STEPS = 40;

/** What all pictures of a set have in common is more than their mean: so many directions in which most of them differ (where parts lie, how light falls). */
const MOST_COMMON = 8;
/** Fewer pictures than this for each tell none. */
const PICTURES_EACH = 16;
const ITERATIONS = 12;
/** A direction is common when its participation ratio is this share of all pictures; one in which all differ alike at chance has a third. */
const LEAST_SHARED = 0.2;

/** How far the edges of two pictures of one part may lie apart, in cells of 32: it lay elsewhere, or was cut out otherwise. */
const MOST_APART = 2;
/** Correlations from which a pair is looked at closely: on half as many cells, and before edges are fitted. */
const WORTH_A_LOOK = 0.3;
const WORTH_FITTING = 0.4;

/** Correlation of what is individual from which two pictures are of one part. */
const OF_ONE_PART = 0.77;

/**
 * What a picture (interleaved RGB `[height, width, 3]`) is known again by, whatever the exposure and gain: the light of each of 32 x 32
 * cells against those around it, in deviations of theirs.
 */
export function likenessOf(picture: Uint8Array, { width, height }: Size): Int8Array {
	const light = new Float32Array(CELLS);
	for (let row = 0; row < SIDE; row += 1) {
		const [top, bottom] = bounds(row, height);
		for (let column = 0; column < SIDE; column += 1) {
			const [left, right] = bounds(column, width);
			let sum = 0;
			for (let y = top; y < bottom; y += 1) {
				for (let i = (y * width + left) * 3; i < (y * width + right) * 3; i += 3)
					sum += 0.299 * picture[i]! + 0.587 * picture[i + 1]! + 0.114 * picture[i + 2]!;
			}
			light[row * SIDE + column] = sum / ((right - left) * (bottom - top));
		}
	}
	const mean = meansAround(light);
	const above = light.map((v, k) => v - mean[k]!);
	const variance = meansAround(above.map((v) => v * v));
	return Int8Array.from(above, (v, k) =>
		Math.max(-127, Math.min(127, Math.round((STEPS * v) / Math.sqrt(variance[k]! + NOISE * NOISE)))),
	);
}

/** The pixels of a cell: at least one. */
function bounds(cell: number, length: number): readonly [from: number, to: number] {
	const from = Math.min(length - 1, Math.floor((cell * length) / SIDE));
	return [from, Math.max(from + 1, Math.floor(((cell + 1) * length) / SIDE))];
}

function meansAround(cells: Float32Array): Float32Array {
	return cells.map((_, k) => {
		const [column, row] = [k % SIDE, Math.floor(k / SIDE)];
		let [sum, count] = [0, 0];
		for (let y = Math.max(0, row - NEAR); y <= Math.min(SIDE - 1, row + NEAR); y += 1) {
			for (let x = Math.max(0, column - NEAR); x <= Math.min(SIDE - 1, column + NEAR); x += 1) {
				sum += cells[y * SIDE + x]!;
				count += 1;
			}
		}
		return sum / count;
	});
}

/** Groups of pictures (by their index, each at least two) that are of one part each: who is like one of a group belongs to it. */
export function siblingGroups(likenesses: readonly Int8Array[]): number[][] {
	const shown = likenesses.map(individualOf(likenesses));
	const group = likenesses.map((_, i) => i);
	const rootOf = (i: number): number => (group[i] === i ? i : rootOf(group[i]!));
	for (let i = 0; i < shown.length; i += 1) {
		for (let k = 0; k < i; k += 1) {
			const [a, b] = [rootOf(i), rootOf(k)];
			if (a !== b && areOfOnePart(shown[i]!, shown[k]!)) group[Math.max(a, b)] = Math.min(a, b);
		}
	}
	const members = new Map<number, number[]>();
	for (let i = 0; i < group.length; i += 1) {
		const root = rootOf(i);
		members.set(root, [...(members.get(root) ?? []), i]);
	}
	return [...members.values()].filter(({ length }) => length > 1);
}

/** For each of other pictures whether it is of a part that was taught, too. */
export function areSiblings(taught: readonly Int8Array[], others: readonly Int8Array[]): boolean[] {
	const individual = individualOf(taught);
	const shown = taught.map(individual);
	return others.map((other) => {
		const it = individual(other);
		return shown.some((one) => areOfOnePart(one, it));
	});
}

/** What one picture shows and others do not, at 32 x 32 cells and at half as many. */
type Individual = { readonly fine: Float32Array; readonly coarse: Float32Array };

/** Takes away what pictures have in common: their mean, and the directions in which most of them differ. */
function individualOf(all: readonly Int8Array[]): (one: Int8Array) => Individual {
	const mean = new Float32Array(CELLS);
	for (const one of all) for (let k = 0; k < CELLS; k += 1) mean[k]! += one[k]! / all.length;
	const centred = (one: Int8Array) => Float32Array.from(one, (v, k) => v - mean[k]!);
	const count = Math.min(MOST_COMMON, Math.floor(all.length / PICTURES_EACH));
	const vectors = all.map(centred);
	const common = principal(vectors, count).filter((direction) => isShared(direction, vectors));
	return (one) => {
		// A picture without contrast is like no other.
		const fine = one.some((v) => v !== 0) ? centred(one) : new Float32Array(CELLS);
		for (const direction of common) subtract(fine, direction, dot(fine, direction));
		return { fine, coarse: halved(fine) };
	};
}

/** The directions of the greatest variance, of length 1 (orthogonal iteration). */
function principal(vectors: readonly Float32Array[], count: number): Float32Array[] {
	const random = randomFrom(1);
	let found = Array.from({ length: count }, () =>
		Float32Array.from({ length: CELLS }, () => random.normal()),
	);
	for (let n = 0; n < ITERATIONS; n += 1) {
		found = found.map((direction) => {
			const next = new Float32Array(CELLS);
			for (const vector of vectors) subtract(next, vector, -dot(vector, direction));
			return next;
		});
		for (const [k, direction] of found.entries()) {
			for (const before of found.slice(0, k)) subtract(direction, before, dot(direction, before));
			const length = Math.sqrt(dot(direction, direction));
			// Fewer pictures than directions that differ.
			for (let i = 0; i < CELLS; i += 1) direction[i] = length > 0 ? direction[i]! / length : 0;
		}
	}
	return found;
}

/** Not when a few pictures alone make it up: several of one part do. */
function isShared(direction: Float32Array, vectors: readonly Float32Array[]): boolean {
	let [squares, fourths] = [0, 0];
	for (const vector of vectors) {
		const share = dot(vector, direction) ** 2;
		squares += share;
		fourths += share * share;
	}
	return squares * squares >= LEAST_SHARED * vectors.length * fourths;
}

function dot(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let k = 0; k < a.length; k += 1) sum += a[k]! * b[k]!;
	return sum;
}

function subtract(from: Float32Array, vector: Float32Array, times: number): void {
	for (let k = 0; k < from.length; k += 1) from[k]! -= times * vector[k]!;
}

function halved(fine: Float32Array): Float32Array {
	const half = SIDE / 2;
	return Float32Array.from({ length: half * half }, (_, k) => {
		const i = 2 * Math.floor(k / half) * SIDE + 2 * (k % half);
		return fine[i]! + fine[i + 1]! + fine[i + SIDE]! + fine[i + SIDE + 1]!;
	});
}

function areOfOnePart(a: Individual, b: Individual): boolean {
	const rough = bestShift(a.coarse, b.coarse);
	return rough.correlation >= WORTH_A_LOOK && fitted(a.fine, b.fine, rough) >= OF_ONE_PART;
}

type Shift = { readonly correlation: number; readonly x: number; readonly y: number };

/** Over shifts of whole coarse cells. */
function bestShift(a: Float32Array, b: Float32Array): Shift {
	const half = SIDE / 2;
	const most = MOST_APART / 2;
	let best: Shift = { correlation: -1, x: 0, y: 0 };
	for (let dy = -most; dy <= most; dy += 1) {
		for (let dx = -most; dx <= most; dx += 1) {
			let [ab, aa, bb] = [0, 0, 0];
			for (let y = Math.max(0, -dy); y < Math.min(half, half - dy); y += 1) {
				const end = y * half + Math.min(half, half - dx);
				for (let i = y * half + Math.max(0, -dx), k = i + dy * half + dx; i < end; i += 1, k += 1) {
					const [p, q] = [a[i]!, b[k]!];
					ab += p * q;
					aa += p * p;
					bb += q * q;
				}
			}
			const correlation = ab / Math.sqrt(aa * bb + Number.MIN_VALUE);
			if (correlation > best.correlation) best = { correlation, x: 2 * dx, y: 2 * dy };
		}
	}
	return best;
}

/** How far the left, right, upper and lower edge of the second picture are moved, in cells. */
type Edges = readonly [left: number, right: number, top: number, bottom: number];

/** The highest correlation when the second picture is moved and stretched, edge by edge, by halves and then quarters of a cell. */
function fitted(a: Float32Array, b: Float32Array, { x, y }: Shift): number {
	let edges: Edges = [x, x, y, y];
	let best = correlationAt(a, b, edges);
	const attempt = (next: Edges): boolean => {
		if (next.some((edge) => Math.abs(edge) > MOST_APART)) return false;
		const found = correlationAt(a, b, next);
		if (found <= best) return false;
		[best, edges] = [found, next];
		return true;
	};
	for (const [dx, dy] of NEIGHBOURS) attempt([x + dx, x + dx, y + dy, y + dy]);
	if (best < WORTH_FITTING) return best;
	for (const step of [0.5, 0.25]) {
		for (let round = 0, moved = true; moved && round < 4; round += 1) {
			moved = false;
			for (let k = 0; k < 4; k += 1) {
				for (const by of [-step, step])
					moved = attempt(edges.map((v, i) => (i === k ? v + by : v)) as unknown as Edges) || moved;
			}
		}
	}
	return best;
}

const NEIGHBOURS = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy] as const));

/** Over the cells that both show. */
function correlationAt(a: Float32Array, b: Float32Array, [left, right, top, bottom]: Edges): number {
	let [ab, aa, bb] = [0, 0, 0];
	const last = SIDE - 1;
	for (let y = 0; y < SIDE; y += 1) {
		const v = y + top + ((bottom - top) * y) / last;
		if (v < 0 || v > last) continue;
		const row = Math.min(last - 1, Math.floor(v));
		const fy = v - row;
		for (let x = 0; x < SIDE; x += 1) {
			const u = x + left + ((right - left) * x) / last;
			if (u < 0 || u > last) continue;
			const column = Math.min(last - 1, Math.floor(u));
			const fx = u - column;
			const k = row * SIDE + column;
			const upper = b[k]! * (1 - fx) + b[k + 1]! * fx;
			const lower = b[k + SIDE]! * (1 - fx) + b[k + SIDE + 1]! * fx;
			const [p, q] = [a[y * SIDE + x]!, upper * (1 - fy) + lower * fy];
			ab += p * q;
			aa += p * p;
			bb += q * q;
		}
	}
	return ab / Math.sqrt(aa * bb + Number.MIN_VALUE);
}
