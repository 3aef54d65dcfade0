import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { colourAt, overlay } from '../../src/vision/heatmap.js';
import { regionsAbove, toFrameBox, viewsOf } from '../../src/vision/regions.js';

const regions = suite('regions of a map');

/** Rows of digits, each a map value. */
const mapOf = (...rows: string[]) => Float32Array.from(rows.join(''), Number);

regions('are connected across corners, the highest first, each with its pixels', () => {
	const map = mapOf('100000', '010000', '000002', '000000');
	assert.equal(regionsAbove(map, { width: 6, height: 4 }, 0.5), [
		{ box: { x: 5, y: 2, width: 1, height: 1 }, peak: 2, area: 1 },
		{ box: { x: 0, y: 0, width: 2, height: 2 }, peak: 1, area: 2 },
	]);
});

regions('are shown with their surroundings, which stay in the map, and as one where those overlap', () => {
	const map = mapOf('1000', '0000', '0020', '0000');
	const size = { width: 4, height: 4 };
	const found = regionsAbove(map, size, 0.5);
	assert.equal(viewsOf(found, size, { most: 9, pad: 1 }), [
		{ box: { x: 0, y: 0, width: 4, height: 4 }, peak: 2 },
	]);
	assert.equal(viewsOf(found, size, { most: 1, pad: 0 }), [
		{ box: { x: 2, y: 2, width: 1, height: 1 }, peak: 2 },
	]);
	assert.equal(viewsOf(found, size, { most: 0, pad: 0 }), []);
});

regions('do not hold what is at the threshold, nor what is no number', () => {
	assert.equal(regionsAbove(Float32Array.of(1, Number.NaN, 0.5, 1), { width: 2, height: 2 }, 1), []);
});

regions('are found in the frame where the map covers a part of it', () => {
	const mapSize = { width: 256, height: 256 };
	const area = { x: 100, y: 50, width: 512, height: 128 };
	assert.equal(toFrameBox({ x: 0, y: 0, width: 256, height: 256 }, mapSize, area), area);
	assert.equal(toFrameBox({ x: 128, y: 64, width: 2, height: 4 }, mapSize, area), {
		x: 356,
		y: 82,
		width: 4,
		height: 2,
	});
});

regions('are painted on a fixed scale: the threshold has one colour, whatever the picture', () => {
	const [below, at] = [colourAt(0.998), colourAt(1)];
	assert.ok(below.rgb[2] > below.rgb[0], 'bluish below');
	assert.ok(at.rgb[0] > 200 && at.rgb[2] < 60, 'yellow from the threshold on');
	const paint = (...values: number[]) => {
		const picture = { width: 2, height: 2, channels: 3, data: new Uint8Array(12).fill(100) } as const;
		return [
			...overlay(
				picture,
				Float32Array.from(values),
				{ width: 2, height: 2 },
				{ x: 0, y: 0, width: 2, height: 2 },
				{ low: 1, threshold: 2 },
			).data.slice(0, 3),
		];
	};
	assert.equal(paint(2, 2, 2, 2), paint(2, 9, 9, 9));
	assert.equal(paint(1, 1, 1, 1), [100, 100, 100], 'what is usual leaves the picture as it is');
});

regions.run();
