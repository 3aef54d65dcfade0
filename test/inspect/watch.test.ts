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
const frameAt = (monotonicMs: number, live = true) => ({
	taken: { wallMs: 0, monotonicMs },
	name: undefined,
	...(live && { live: true as const }),
});

/** Pictures by their numbers, and when they were taken. */
const sequences: readonly (readonly [
	title: string,
	frames: readonly (readonly [picture: number, atMs: number])[],
	frozenMs: number,
	live: boolean,
	expected: readonly boolean[],
])[] = [
	[
		'changes',
		[
			[1, 0],
			[2, 500],
			[1, 1000],
		],
		300,
		true,
		[false, false, false],
	],
	[
		'says a picture twice in a moment',
		[
			[1, 0],
			[1, 33],
			[2, 500],
		],
		300,
		true,
		[false, false, false],
	],
	[
		'stands still',
		[
			[1, 0],
			[1, 200],
			[1, 400],
			[1, 600],
			[2, 800],
		],
		300,
		true,
		[false, false, true, true, false],
	],
	[
		'shows two parts alike',
		[
			[1, 0],
			[1, 1000],
		],
		300,
		true,
		[false, true],
	],
	[
		'may stand still',
		[
			[1, 0],
			[1, 1000],
		],
		0,
		true,
		[false, false],
	],
	[
		'is a folder',
		[
			[1, 0],
			[1, 1000],
		],
		300,
		false,
		[false, false],
	],
];

for (const [title, frames, frozenMs, live, expected] of sequences) {
	for (const [known, by] of [
		['a bundle', quality],
		['an old bundle', null],
	] as const) {
		watching(`knows a frozen camera by ${known}: one that ${title}`, () => {
			const { look } = watchBy(by, size);
			const found = frames.map(
				([picture, atMs]) => look(good(picture), frameAt(atMs, live), wanted({ frozenMs })).failure?.code,
			);
			assert.equal(
				found,
				expected.map((frozen) => (frozen ? 'frame-frozen' : undefined)),
			);
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

watching.run();
