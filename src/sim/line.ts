import { oneOf, type Random, randomFrom } from '../base/random.js';
import type { Image } from '../vision/image.js';
import { DEFECTS, type Defect, drawDefect } from './defects.js';
import { type Flange, goodFlange, HELD_DEGREES, HOLES, renderFlange } from './flange.js';

/** A part of the simulated line; `mask` is 255 where the defect can be seen, absent for good parts. */
export type SimulatedPart = {
	readonly image: Image;
	readonly mask?: Image;
	readonly defect?: Defect;
	readonly name: string;
};

/** A change of light that a mask counts, summed over the channels. */
const VISIBLE = 18;

/** Deviation of the sensor's noise. */
const SENSOR_NOISE = 2.2;

/** Part `index` of the line with this seed: good, or with one of the defects at the given rate. The same call, the same pixels. */
export function simulatedPart(seed: number, index: number, defectRate: number): SimulatedPart {
	const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b) ^ 0x5bd1e995);
	const defect = random.uniform() < defectRate ? oneOf(DEFECTS, random) : undefined;
	return drawPart(seed, index, defect);
}

/** A part with a chosen defect (or none), 512 pixels square by default, turned by up to `turnDegrees` to either side. */
export function drawPart(
	seed: number,
	index: number,
	defect?: Defect,
	size = 512,
	turnDegrees = HELD_DEGREES,
): SimulatedPart {
	const random = randomFrom(Math.imul(seed, 0x27d4eb2d) ^ Math.imul(index + 1, 0x165667b1));
	const flange = goodFlange(random, index, turnDegrees);
	const good = renderFlange(flange, size);
	const name = `part-${index}${defect ? `-${defect}` : ''}`;
	if (!defect) return { image: expose(good, size, random), name };
	const shown = withDefect(defect, flange, good, size, random);
	return { image: expose(shown, size, random), mask: difference(good, shown, size), defect, name };
}

function withDefect(
	defect: Defect,
	flange: Flange,
	good: Float32Array,
	size: number,
	random: Random,
): Float32Array {
	if (defect === 'missing_hole') return renderFlange({ ...flange, undrilled: random.below(HOLES) }, size);
	const shown = good.slice();
	drawDefect(defect, shown, size, flange, random);
	return shown;
}

/** The camera: noise that grows with the light, 8 bits. */
function expose(light: Float32Array, size: number, random: Random): Image {
	const data = new Uint8Array(light.length);
	for (let i = 0; i < light.length; i += 3) {
		const luminance = SENSOR_NOISE * noise(random);
		for (let c = 0; c < 3; c += 1) {
			data[i + c] = Math.min(255, Math.max(0, Math.round(light[i + c]! + luminance + 0.8 * noise(random))));
		}
	}
	return { width: size, height: size, channels: 3, data };
}

/** About normal, from the sum of three uniform numbers: no logarithm for a million pixels. */
function noise(random: Random): number {
	return 2 * (random.uniform() + random.uniform() + random.uniform() - 1.5);
}

function difference(good: Float32Array, shown: Float32Array, size: number): Image {
	const data = new Uint8Array(size * size);
	for (let i = 0; i < data.length; i += 1) {
		let change = 0;
		for (let c = 0; c < 3; c += 1) change += Math.abs(good[3 * i + c]! - shown[3 * i + c]!);
		if (change >= VISIBLE) data[i] = 255;
	}
	return { width: size, height: size, channels: 1, data };
}
