import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { misfit } from '../../src/vision/fit.js';

const fit = suite('the size of a picture');

const square = { smallest: { width: 256, height: 256 }, largest: { width: 256, height: 256 } };
const varied = { smallest: { width: 600, height: 400 }, largest: { width: 660, height: 440 } };

/** `undefined`: it fits. */
const cases: readonly (readonly [
	width: number,
	height: number,
	taught: typeof square,
	said: RegExp | undefined,
])[] = [
	[256, 256, square, undefined],
	[512, 512, square, undefined],
	[128, 128, square, undefined],
	[258, 256, square, undefined],
	[320, 180, square, /320x180, another shape: taught were 256x256/],
	[256, 250, square, /another shape/],
	[7, 5, square, /another shape/],
	[127, 127, square, /127x127, too small/],
	[513, 513, square, /513x513, too large/],
	[640, 427, varied, undefined],
	[600, 440, varied, undefined],
	[400, 600, varied, /another shape: taught were 600x400 to 660x440/],
];

for (const [width, height, taught, said] of cases) {
	const of = `${taught.smallest.width}x${taught.smallest.height}`;
	fit(`${width}x${height} ${said ? 'does not fit' : 'fits'} what was taught with ${of}`, () => {
		const state = misfit({ width, height }, taught);
		if (said) assert.match(state ?? '', said);
		else assert.is(state, undefined);
	});
}

fit.run();
