import type { Rect, Size } from './image.js';

/** A connected region of the map above the threshold: `box` in map pixels, `peak` the highest value in it, `area` its map pixels. */
export type MapRegion = { readonly box: Rect; readonly peak: number; readonly area: number };

/** What a picture of regions shows: `box` in map pixels, `peak` the highest value of the regions in it. */
export type View = Omit<MapRegion, 'area'>;

/** Regions of a map that lie above the threshold, 8-connected, the highest first. */
export function regionsAbove(map: Float32Array, size: Size, threshold: number): MapRegion[] {
	const found: Growing[] = [];
	const above = new Uint8Array(map.length);
	for (let i = 0; i < map.length; i += 1) if (map[i]! > threshold) above[i] = 1;
	flood(above, size, (at, number) => {
		const x = at % size.width;
		const y = (at - x) / size.width;
		const value = map[at]!;
		const region = found[number];
		if (!region) {
			found.push({ left: x, right: x, top: y, bottom: y, peak: value, area: 1 });
			return;
		}
		region.left = Math.min(region.left, x);
		region.right = Math.max(region.right, x);
		region.top = Math.min(region.top, y);
		region.bottom = Math.max(region.bottom, y);
		region.peak = Math.max(region.peak, value);
		region.area += 1;
	});
	return found
		.map(({ left, right, top, bottom, peak, area }) => ({
			box: { x: left, y: top, width: right + 1 - left, height: bottom + 1 - top },
			peak,
			area,
		}))
		.sort((a, b) => b.peak - a.peak);
}

/** Regions with `pad` map pixels around them; those that then overlap are shown as one, and at most `most`, the highest first. */
export function viewsOf(
	regions: readonly MapRegion[],
	size: Size,
	{ most, pad }: { readonly most: number; readonly pad: number },
): View[] {
	return merge(regions.map((region) => padded(region, size, pad)))
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

/** A region that grows pixel by pixel; `right` and `bottom` belong to it. */
type Growing = {
	left: number;
	right: number;
	top: number;
	bottom: number;
	peak: number;
	area: number;
};

function padded({ box, peak }: MapRegion, { width, height }: Size, pad: number): View {
	const [x, y] = [Math.max(0, box.x - pad), Math.max(0, box.y - pad)];
	const shown = {
		x,
		y,
		width: Math.min(width, box.x + box.width + pad) - x,
		height: Math.min(height, box.y + box.height + pad) - y,
	};
	return { box: shown, peak };
}

/**
 * The 8-connected regions of the nonzero pixels of a mask, in scan order: `visit` sees each of their pixels once, with the
 * number of its region from 0.
 */
export function flood(
	mask: Uint8Array,
	{ width, height }: Size,
	visit: (at: number, region: number) => void,
): void {
	const seen = new Uint8Array(width * height);
	const open = new Int32Array(width * height);
	let region = 0;
	for (let start = 0; start < seen.length; start += 1) {
		if (seen[start] || mask[start] === 0) continue;
		let depth = 1;
		open[0] = start;
		seen[start] = 1;
		while (depth > 0) {
			depth -= 1;
			const at = open[depth]!;
			visit(at, region);
			const x = at % width;
			const y = (at - x) / width;
			for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny += 1) {
				for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx += 1) {
					const next = ny * width + nx;
					if (seen[next] || mask[next] === 0) continue;
					seen[next] = 1;
					open[depth] = next;
					depth += 1;
				}
			}
		}
		region += 1;
	}
}

function merge(views: readonly View[]): View[] {
	const merged: View[] = [];
	for (const view of views) {
		let grown = view;
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
