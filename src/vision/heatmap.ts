import { between, bilinear } from './bilinear.js';
import type { Image, Rect, Size } from './image.js';

/**
 * The fixed scale of a bundle's heatmaps: `low` is what the map of a good part usually shows, `threshold` where rejecting
 * begins. The same value has the same colour in every picture.
 */
export type Scale = { readonly low: number; readonly threshold: number };

/** Colour and opacity along the scale; 0 is `low`, 1 the threshold. Dark blue to yellow to red stays readable to colour-blind eyes. */
const stops: readonly {
	readonly at: number;
	readonly rgb: readonly [number, number, number];
	readonly opacity: number;
}[] = [
	{ at: 0, rgb: [40, 40, 160], opacity: 0 },
	{ at: 0.6, rgb: [60, 90, 200], opacity: 0.12 },
	{ at: 0.999, rgb: [110, 150, 220], opacity: 0.3 },
	{ at: 1, rgb: [255, 225, 0], opacity: 0.45 },
	{ at: 1.5, rgb: [255, 130, 0], opacity: 0.55 },
	{ at: 2.2, rgb: [225, 0, 30], opacity: 0.65 },
];

/**
 * A picture with the map blended over it. `picture` shows `box` of the map (map pixels, fractions allowed);
 * the map is interpolated between its values. The picture is changed in place and returned.
 */
export function overlay(picture: Image, map: Float32Array, mapSize: Size, box: Rect, scale: Scale): Image {
	if (picture.channels !== 3) throw new Error('a heatmap is drawn over a colour picture');
	const { width, height, data } = picture;
	const span = Math.max(scale.threshold - scale.low, 1e-9);
	for (let y = 0; y < height; y += 1) {
		const v = box.y + ((y + 0.5) / height) * box.height - 0.5;
		for (let x = 0; x < width; x += 1) {
			const u = box.x + ((x + 0.5) / width) * box.width - 0.5;
			const place = (bilinear(map, between(mapSize, 1, u, v), 0) - scale.low) / span;
			blend(data, (y * width + x) * 3, place);
		}
	}
	return picture;
}

/** Colour and opacity of a place on the scale. */
export function colourAt(place: number): { rgb: [number, number, number]; opacity: number } {
	const above = stops.findIndex(({ at }) => at > place);
	if (above === 0) return { rgb: [...stops[0]!.rgb], opacity: stops[0]!.opacity };
	const to = stops[above === -1 ? stops.length - 1 : above]!;
	const from = stops[above === -1 ? stops.length - 1 : above - 1]!;
	const share = to === from ? 0 : (place - from.at) / (to.at - from.at);
	const mix = (a: number, b: number) => a + (b - a) * share;
	return {
		rgb: [mix(from.rgb[0], to.rgb[0]), mix(from.rgb[1], to.rgb[1]), mix(from.rgb[2], to.rgb[2])],
		opacity: mix(from.opacity, to.opacity),
	};
}

function blend(data: Uint8Array, at: number, place: number): void {
	if (!(place > 0)) return;
	const { rgb, opacity } = colourAt(place);
	for (let c = 0; c < 3; c += 1) data[at + c] = Math.round(data[at + c]! * (1 - opacity) + rgb[c]! * opacity);
}
