import type { Rect, Size } from './image.js';

/** A connected region of the map above the threshold: `box` in map pixels, `peak` the highest value in it. */
export type MapRegion = { readonly box: Rect; readonly peak: number };

/**
 * Regions of a map that lie above the threshold, 8-connected, the highest first; boxes grow by `pad`
 * pixels, those that then overlap become one, and at most `most` are returned.
 */
export function regionsAbove(
	map: Float32Array,
	{ width, height }: Size,
	threshold: number,
	{ most, pad }: { readonly most: number; readonly pad: number },
): MapRegion[] {
	const seen = new Uint8Array(width * height);
	const regions: MapRegion[] = [];
	for (let start = 0; start < map.length; start += 1) {
		if (seen[start] || !(map[start]! > threshold)) continue;
		regions.push(flood(map, width, height, threshold, start, seen, pad));
	}
	return merge(regions)
		.sort((a, b) => b.peak - a.peak)
		.slice(0, most);
}

/** A box of map pixels as a box of frame pixels, where the map covers `area` of the frame. */
export function toFrameBox(box: Rect, mapSize: Size, area: Rect): Rect {
	const [scaleX, scaleY] = [area.width / mapSize.width, area.height / mapSize.height];
	const left = Math.floor(box.x * scaleX);
	const top = Math.floor(box.y * scaleY);
	const right = Math.min(area.width, Math.ceil((box.x + box.width) * scaleX));
	const bottom = Math.min(area.height, Math.ceil((box.y + box.height) * scaleY));
	return { x: area.x + left, y: area.y + top, width: right - left, height: bottom - top };
}

function flood(
	map: Float32Array,
	width: number,
	height: number,
	threshold: number,
	start: number,
	seen: Uint8Array,
	pad: number,
): MapRegion {
	let [left, right, top, bottom] = [width, 0, height, 0];
	let peak = Number.NEGATIVE_INFINITY;
	const open = [start];
	seen[start] = 1;
	for (let at = open.pop(); at !== undefined; at = open.pop()) {
		const x = at % width;
		const y = (at - x) / width;
		left = Math.min(left, x);
		right = Math.max(right, x);
		top = Math.min(top, y);
		bottom = Math.max(bottom, y);
		peak = Math.max(peak, map[at]!);
		for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny += 1) {
			for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx += 1) {
				const next = ny * width + nx;
				if (seen[next] || !(map[next]! > threshold)) continue;
				seen[next] = 1;
				open.push(next);
			}
		}
	}
	const [x, y] = [Math.max(0, left - pad), Math.max(0, top - pad)];
	const box = {
		x,
		y,
		width: Math.min(width, right + 1 + pad) - x,
		height: Math.min(height, bottom + 1 + pad) - y,
	};
	return { box, peak };
}

function merge(regions: readonly MapRegion[]): MapRegion[] {
	const merged: MapRegion[] = [];
	for (const region of regions) {
		let grown = region;
		for (let i = 0; i < merged.length; ) {
			const other = merged[i]!;
			if (overlap(grown.box, other.box)) {
				grown = { box: union(grown.box, other.box), peak: Math.max(grown.peak, other.peak) };
				merged.splice(i, 1);
				// What grew may now meet those that it passed before.
				i = 0;
			} else i += 1;
		}
		merged.push(grown);
	}
	return merged;
}

function overlap(a: Rect, b: Rect): boolean {
	return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function union(a: Rect, b: Rect): Rect {
	const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
	const width = Math.max(a.x + a.width, b.x + b.width) - x;
	return { x, y, width, height: Math.max(a.y + a.height, b.y + b.height) - y };
}
