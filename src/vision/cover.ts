import type { Point, Rect, Size } from './image.js';
import { hash, smoothstep, valueNoise } from './noise.js';

/** How much of each pixel something covers, 0 to 1, `[height, width]` of a rectangle that lies within a picture. */
export type Cover = Rect & { readonly share: Float32Array };

/** The rectangle of `reach` pixels around a place, or what of it lies within the picture: the place's own pixel at least. */
export function around(size: Size, { x, y }: Point, reachX: number, reachY: number): Rect {
	const [left, top] = [Math.max(0, Math.ceil(x - reachX)), Math.max(0, Math.ceil(y - reachY))];
	const right = Math.min(size.width - 1, Math.floor(x + reachX));
	const bottom = Math.min(size.height - 1, Math.floor(y + reachY));
	return {
		x: Math.min(left, Math.floor(x)),
		y: Math.min(top, Math.floor(y)),
		width: Math.max(right - left, 0) + 1,
		height: Math.max(bottom - top, 0) + 1,
	};
}

function covering(rect: Rect, at: (x: number, y: number) => number): Cover {
	const share = new Float32Array(rect.width * rect.height);
	for (let y = 0; y < rect.height; y += 1) {
		for (let x = 0; x < rect.width; x += 1) share[y * rect.width + x] = at(rect.x + x, rect.y + y);
	}
	return { ...rect, share };
}

/** Two sides of `halfWidth` and `halfHeight` either way, the outermost pixel half covered. */
export function rectangle(size: Size, centre: Point, halfWidth: number, halfHeight: number): Cover {
	const rect = around(size, centre, halfWidth, halfHeight);
	const inside = (v: number, half: number) => Math.min(1, Math.max(half - Math.abs(v), 0) + 0.5);
	return covering(
		rect,
		(x, y) => inside(x - centre.x, halfWidth - 0.5) * inside(y - centre.y, halfHeight - 0.5),
	);
}

export type BlobShape = {
	/** Its length to either side, in pixels. */
	readonly reach: number;
	/** Width as a share of length. */
	readonly slender: number;
	/** Radians. */
	readonly angle: number;
	/** How far the outline strays, as a share of the radius, 0 to 1. */
	readonly ragged: number;
	/** The share of the radius over which it fades out. */
	readonly soft: number;
	readonly seed: number;
};

/** An irregular spot: an ellipse whose outline is moved in and out by noise; nothing of it lies beyond `reach`. */
export function blob(size: Size, centre: Point, shape: BlobShape): Cover {
	const { reach, slender, angle, ragged, soft, seed } = shape;
	const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
	const across = Math.max(reach * slender, 1);
	// Noise moves the outline out as far as in.
	const most = 1 / (1 + ragged / 2);
	const coarse = 2.2 / across;
	const fine = 3 * coarse;
	return covering(around(size, centre, reach, reach), (x, y) => {
		const [dx, dy] = [x - centre.x, y - centre.y];
		const [u, v] = [(dx * cos + dy * sin) / reach, (dy * cos - dx * sin) / across];
		const radius = Math.sqrt(u * u + v * v);
		if (radius >= 1) return 0;
		const stray =
			0.7 * valueNoise(dx * coarse, dy * coarse, seed) + 0.3 * valueNoise(dx * fine, dy * fine, seed);
		return smoothstep(most, most * (1 - soft), radius + ragged * (stray - 0.5));
	});
}

export type StrokeShape = {
	/** Ends, and the point that bends it (a quadratic Bézier curve). */
	readonly curve: readonly [Point, Point, Point];
	readonly halfWidthPx: number;
	/** How strong the raised edge beside the furrow is, 0 to 1: its share is negative. */
	readonly lip: number;
	readonly seed: number;
};

const STEP_PX = 0.5;

/** A thin curve that is stronger here and weaker there and runs out at both ends. */
export function stroke(
	size: Size,
	centre: Point,
	reach: number,
	{ curve, halfWidthPx, lip, seed }: StrokeShape,
): Cover {
	const margin = Math.ceil(3 * halfWidthPx + 1);
	const rect = around(size, centre, reach + margin, reach + margin);
	const { width, height } = rect;
	const share = new Float32Array(width * height);
	const nearest = new Float32Array(width * height).fill(Number.POSITIVE_INFINITY);
	const [from, bend, to] = curve;
	const steps = Math.max(2, Math.ceil((2.5 * reach) / STEP_PX));
	for (let k = 0; k <= steps; k += 1) {
		const t = k / steps;
		const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
		const x = a * from.x + b * bend.x + c * to.x - rect.x;
		const y = a * from.y + b * bend.y + c * to.y - rect.y;
		const [tx, ty] = [
			(1 - t) * (bend.x - from.x) + t * (to.x - bend.x),
			(1 - t) * (bend.y - from.y) + t * (to.y - bend.y),
		];
		const length = Math.sqrt(tx * tx + ty * ty) || 1;
		const pressure =
			smoothstep(0, 0.15, t) * smoothstep(1, 0.85, t) * (0.55 + 0.45 * valueNoise(7 * t, 0, seed));
		const [x0, x1] = [Math.max(0, Math.ceil(x - margin)), Math.min(width - 1, Math.floor(x + margin))];
		const [y0, y1] = [Math.max(0, Math.ceil(y - margin)), Math.min(height - 1, Math.floor(y + margin))];
		for (let py = y0; py <= y1; py += 1) {
			for (let px = x0; px <= x1; px += 1) {
				const [dx, dy] = [px - x, py - y];
				const distance = dx * dx + dy * dy;
				const at = py * width + px;
				if (distance >= nearest[at]!) continue;
				nearest[at] = distance;
				const side = (dy * tx - dx * ty) / length;
				const furrow = Math.max(0, Math.min(1, halfWidthPx + 0.5 - Math.sqrt(distance)));
				const edge = Math.max(0, Math.min(1, halfWidthPx + 0.5 - Math.abs(side - 2 * halfWidthPx)));
				const beyond = distance > side * side + 1 ? 0 : 1;
				share[at] = pressure * (furrow - lip * beyond * edge * (1 - furrow));
			}
		}
	}
	return { ...rect, share };
}

/** A number in [-1, 1) for each pixel: grain of the size of a pixel. */
export function grain(x: number, y: number, seed: number): number {
	return 2 * hash(x, y, seed) - 1;
}
