import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { watchBy } from '../../src/inspect/watch.js';
import { drawPart } from '../../src/sim/line.js';
import { learnQuality, lookAt } from '../../src/vision/quality.js';
import { recipeWith } from './inspection.js';

const watching = suite('the watch');

const SIDE = 64;
const size = { width: SIDE, height: SIDE };
const good = (i: number) => drawPart(1, i, undefined, SIDE).image.data;
const quality = learnQuality(Array.from({ length: 20 }, (_, i) => lookAt(good(i), size)));
const black = new Uint8Array(SIDE * SIDE * 3);

const wanted = (more: Readonly<Record<string, unknown>> = {}) => recipeWith({ quality: more }).quality;
const frameAt = (monotonicMs: number, unchangedSinceMs?: number) => ({
	...size,
	taken: { wallMs: 0, monotonicMs },
	name: undefined,
	...(unchangedSinceMs !== undefined && { unchangedSinceMs }),
});

for (const [title, takenMs, sinceMs, frozenMs, expected] of [
	['a new picture', 1000, 1000, 300, undefined],
	['one that was said twice in a moment', 1000, 960, 300, undefined],
	['one that stands still', 1000, 700, 300, 'frame-frozen'],
	['one that may stand still', 1000, 0, 0, undefined],
	['one of a source that is not live', 1000, undefined, 300, undefined],
] as const) {
	for (const [known, by] of [
		['a bundle', quality],
		['an old bundle', null],
	] as const) {
		watching(`with ${known} says of ${title}: ${expected ?? 'nothing'}`, () => {
			const { failure } = watchBy(by, size).look(good(1), frameAt(takenMs, sinceMs), wanted({ frozenMs }));
			assert.is(failure?.code, expected);
		});
	}
}

watching('tells a fault with what to do, by the name of its setting', () => {
	const { failure, measures } = watchBy(quality, size).look(
		black,
		{ ...frameAt(0), name: 'a.png' },
		wanted(),
	);
	assert.is(failure?.code, 'picture-dark');
	assert.match(failure!.message, /^Cannot inspect "a.png": it is too dark: its mean light is 0 of 255, /);
	assert.match(failure!.advice!, /`quality\.dark: false`/);
	assert.is(measures?.light, 0);
});

watching('looks for nothing that the recipe leaves out, or that an old bundle does not know', () => {
	const off = { dark: false, overexposed: false, colour: false, blurred: false, absent: false, moved: false };
	assert.is(watchBy(quality, size).look(black, frameAt(0), wanted(off)).failure, undefined);
	assert.equal(watchBy(null, size).look(black, frameAt(0), wanted()), { measures: null, failure: undefined });
});

watching('holds a live camera to the size and pixel format of its first picture', () => {
	const watch = watchBy(quality, size);
	const found = (format: string | undefined, width = SIDE, more = {}) =>
		watch.look(good(1), { ...frameAt(0), width, ...(format && { format }) }, wanted(more)).failure;
	assert.is(found(undefined, 7), undefined);
	assert.is(found('YUYV'), undefined);
	assert.is(found('YUYV'), undefined);
	const failure = found('JPEG');
	assert.is(failure?.code, 'frame-changed');
	assert.match(failure!.message, /the camera gives 64x64 \(JPEG\), and gave 64x64 \(YUYV\) when/);
	assert.match(failure!.advice!, /`quality\.changed: false`/);
	assert.match(found('YUYV', 2 * SIDE)!.message, /gives 128x64 \(YUYV\)/);
	assert.is(found('JPEG', SIDE, { changed: false }), undefined);
	assert.is(found('YUYV'), undefined);
});

watching.run();
