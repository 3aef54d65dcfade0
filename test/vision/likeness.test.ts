import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { drawPart } from '../../src/sim/line.js';
import { areSiblings, LIKENESS_BYTES, likenessOf, siblingGroups } from '../../src/vision/likeness.js';
import { valueNoise } from '../../src/vision/noise.js';

const likeness = suite('pictures of one part');

const SIDE = 96;
const size = { width: SIDE, height: SIDE };

type Exposure = {
	readonly gain?: number;
	readonly offset?: number;
	readonly shift?: number;
	readonly grain?: number;
};

/** A plate with a rim, like all others but for its own marks. */
function plate(marks: number, { gain = 1, offset = 0, shift = 0, grain = 3 }: Exposure = {}): Int8Array {
	const random = randomFrom(marks + 1000 * gain + offset);
	const picture = new Uint8Array(SIDE * SIDE * 3);
	for (let i = 0; i < SIDE * SIDE; i += 1) {
		const [x, y] = [(i % SIDE) + shift, Math.floor(i / SIDE) - shift];
		const isRim = Math.min(x, y, SIDE - x, SIDE - y) < 8;
		const own = marks === 0 ? 0 : 40 * (valueNoise(x / 7, y / 7, marks) - 0.5);
		const light = (isRim ? 60 : 110 + 40 * Math.sin(x / 11)) + own;
		picture.fill(gain * light + offset + grain * random.normal(), 3 * i, 3 * i + 3);
	}
	return likenessOf(picture, size);
}

const others = Array.from({ length: 12 }, (_, i) => plate(i + 1));

likeness(
	'are found among other parts, whatever their exposure, gain, noise and a shift of some pixels',
	() => {
		const again = [
			plate(3, { gain: 0.6 }),
			plate(7, { gain: 1.3, offset: -20, shift: 1 }),
			plate(3, { offset: 30, shift: -1 }),
		];
		assert.equal(siblingGroups([...others, ...again]), [
			[2, 12, 14],
			[6, 13],
		]);
		assert.equal(areSiblings(others, [...again, plate(40), plate(41, { gain: 0.6 })]), [
			true,
			true,
			true,
			false,
			false,
		]);
	},
);

likeness('are not pictures of parts that look the same but for noise', () => {
	const same = Array.from({ length: 24 }, (_, i) => plate(0, { offset: i / 100, grain: 4 }));
	assert.equal(siblingGroups(same), []);
});

for (const [what, count, turn] of [
	['that lie straight', 40, 2],
	['that are turned', 40, 180],
	['of which there are few', 12, 2],
] as const) {
	likeness(`are not pictures of different simulated parts ${what}`, () => {
		const parts = Array.from({ length: count }, (_, i) => {
			const { image } = drawPart(5, i, undefined, 128, turn);
			return likenessOf(image.data, image);
		});
		assert.equal(siblingGroups(parts), []);
	});
}

likeness('are told from few pictures and small ones, and from none', () => {
	assert.equal(siblingGroups([]), []);
	assert.equal(siblingGroups([plate(1)]), []);
	assert.equal(areSiblings([], [plate(1)]), [false]);
	for (const [width, height] of [
		[1, 1],
		[5, 31],
		[33, 7],
	] as const)
		assert.is(likenessOf(new Uint8Array(width * height * 3), { width, height }).length, LIKENESS_BYTES);
	const blank = likenessOf(new Uint8Array(SIDE * SIDE * 3).fill(9), size);
	assert.equal(siblingGroups([blank, blank, plate(1), plate(2)]), []);
});

likeness.run();
