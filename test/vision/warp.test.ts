import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { wobbled } from '../../src/vision/warp.js';

const warp = suite('augmentation');

const size = { width: 9, height: 9 };
/** White but for one black pixel. */
function dotted(x: number, y: number): Uint8Array {
	const picture = new Uint8Array(9 * 9 * 3).fill(255);
	picture.fill(0, (y * 9 + x) * 3, (y * 9 + x) * 3 + 3);
	return picture;
}
/** A chance that gives these numbers in turn. */
const chances = (...values: number[]) => ({ ...randomFrom(1), uniform: () => values.shift()! });

warp('leaves a picture as it is when nothing may change', () => {
	const picture = dotted(2, 7);
	assert.equal(wobbled(picture, size, { degrees: 0, shift: 0 }, randomFrom(1)), picture);
});

warp('turns about the middle and repeats the edge', () => {
	// The middle of each range but for the turn: 90 degrees of at most 90.
	const turned = wobbled(dotted(4, 1), size, { degrees: 90, shift: 0 }, chances(1, 0.5, 0.5));
	assert.equal(turned, dotted(7, 4));
	const moved = wobbled(dotted(4, 4), size, { degrees: 0, shift: 1 / 9 }, chances(0.5, 1, 0.5));
	assert.equal(moved, dotted(3, 4));
});

warp('stays within what is allowed', () => {
	for (let seed = 0; seed < 50; seed += 1) {
		const moved = wobbled(dotted(4, 4), size, { degrees: 0, shift: 2 / 9 }, randomFrom(seed));
		const dark = [...moved.keys()].filter((i) => moved[i]! < 250).map((i) => Math.floor(i / 3));
		assert.ok(
			dark.length > 0 &&
				dark.every((p) => Math.abs((p % 9) - 4) <= 2 && Math.abs(Math.floor(p / 9) - 4) <= 2),
		);
	}
});

warp.run();
