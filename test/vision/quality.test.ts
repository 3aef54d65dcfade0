import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { drawPart } from '../../src/sim/line.js';
import { boxBlurred } from '../../src/vision/blur.js';
import {
	comparisonWith,
	type Fault,
	faultIn,
	type Look,
	learnQuality,
	lookAt,
	type Measures,
	type Quality,
} from '../../src/vision/quality.js';

const quality = suite('the quality of a picture');

const SIDE = 64;
const size = { width: SIDE, height: SIDE };

const good = (i: number) => drawPart(1, i, undefined, SIDE).image.data;
const learnt = (count: number): Quality =>
	learnQuality(Array.from({ length: count }, (_, i) => lookAt(good(i), size)))!;

/** What is found in a picture, of all faults or of those that are looked for. */
function found(by: Quality, picture: Uint8Array, lookedFor: (fault: Fault) => boolean = () => true) {
	const { own, cells } = lookAt(picture, size);
	return faultIn({ ...own, ...comparisonWith(by.common)(cells) }, by, lookedFor);
}

const clamped = (picture: Uint8Array | Float32Array, of: (v: number, channel: number) => number) =>
	Uint8Array.from(picture, (v, i) => Math.min(255, Math.max(0, Math.round(of(v, i % 3)))));
const noise = (level: number) => {
	const random = randomFrom(1);
	return clamped(new Uint8Array(SIDE * SIDE * 3), () => level + 2 * random.normal());
};
const movedRight = (picture: Uint8Array, by: number) =>
	picture.map((_, i) => {
		const pixel = Math.floor(i / 3);
		const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
		return picture[(y * SIDE + Math.max(0, x - by)) * 3 + (i % 3)]!;
	});

const faults: readonly (readonly [
	name: string,
	fault: Fault | undefined,
	make: (part: Uint8Array) => Uint8Array,
])[] = [
	['as it is', undefined, (part) => part],
	['a little darker', undefined, (part) => clamped(part, (v) => 0.9 * v)],
	['black', 'dark', () => noise(2)],
	['black without any noise', 'dark', (part) => part.map(() => 0)],
	['under half the light', 'dark', (part) => clamped(part, (v) => 0.45 * v)],
	['under four times the light', 'overexposed', (part) => clamped(part, (v) => 4 * v)],
	['without red', 'colour', (part) => clamped(part, (v, channel) => (channel === 0 ? 0.6 * v : v))],
	['blurred', 'blurred', (part) => clamped(boxBlurred(part, size, { x: 0, y: 0, ...size }, 2), (v) => v)],
	['of another part', 'absent', (part) => part.map((_, i) => part[(i + part.length / 2) % part.length]!)],
	['moved', 'moved', (part) => movedRight(part, 2)],
];

const thirty = learnt(30);

for (const [name, fault, make] of faults) {
	quality(`${name}: ${fault ?? 'nothing'} is found, in every part`, () => {
		for (let i = 100; i < 110; i += 1) assert.is(found(thirty, make(good(i)))?.fault, fault);
	});
}

quality('that nobody looks for is not found, another one is', () => {
	assert.is(found(thirty, noise(2), (fault) => fault === 'absent')?.fault, 'absent');
	assert.is(
		found(thirty, noise(2), () => false),
		undefined,
	);
});

quality('is told with its number and the limit of good pictures', () => {
	assert.match(
		found(thirty, noise(2))!.words,
		/^it is too dark: its mean light is [0-4] of 255, allowed at least \d+ of 255 by the good pictures$/,
	);
});

quality('of none of the good pictures is a fault, and few of them say less than many', () => {
	const few = learnt(8);
	for (let i = 0; i < 8; i += 1) assert.is(found(few, good(i)), undefined);
	const width = ({ low, high }: { readonly low: number | null; readonly high: number | null }) =>
		high! - low!;
	const values = [0, 1, 2, 3, 4, 5, 6, 7].map((v) => v / 2);
	const light = (repeated: number) => {
		const { own, cells } = lookAt(good(0), size);
		const looks = Array.from({ length: repeated }, () => values).flat();
		return learnQuality(looks.map((v) => ({ own: { ...own, light: v }, cells })))!.limits.light;
	};
	assert.equal(light(1), { low: -3.5, high: 7 });
	assert.ok(width(light(10)) < width(light(1)));
	assert.is(learnQuality([lookAt(good(0), size)]), null);
});

quality('whose measure is no number is a fault', () => {
	const { own, cells } = lookAt(good(0), size);
	const measures: Measures = { ...own, ...comparisonWith(thirty.common)(cells), light: Number.NaN };
	assert.is(faultIn(measures, thirty, () => true)?.fault, 'dark');
});

quality('has no limit where one good picture is unlike all others in it', () => {
	const looks: Look[] = Array.from({ length: 20 }, (_, i) => lookAt(good(i), size));
	const odd = { ...looks[0]!, own: { ...looks[0]!.own, sharpness: -60 } };
	assert.equal(learnQuality([...looks, odd])!.limits.sharpness, { low: null, high: null });
});

quality('that is black is a fault, however unlike in light good pictures are', () => {
	const looks: Look[] = Array.from({ length: 20 }, (_, i) => lookAt(good(i), size));
	const dim = { ...looks[0]!, own: { ...looks[0]!.own, light: 4, brightest: 5 } };
	const by = learnQuality([...looks, dim])!;
	assert.is(by.limits.light.low, null);
	assert.is(found(by, noise(16), (fault) => fault === 'dark')?.measure, 'brightest');
});

/** Pictures of one value each, and what is known of them beforehand. */
const plain: readonly (readonly [value: number, measures: Partial<Measures>])[] = [
	[0, { light: 0, brightest: 0, burnt: 0, red: 0, blue: 0, saturation: 0, sharpness: 0 }],
	[255, { light: 8, brightest: 8, burnt: 1, red: 0, blue: 0, saturation: 0, sharpness: 0 }],
];

for (const [value, measures] of plain) {
	quality(`is measured: all ${value}`, () => {
		const { own } = lookAt(new Uint8Array(SIDE * SIDE * 3).fill(value), size);
		for (const [measure, known] of Object.entries(measures))
			assert.is(own[measure as keyof typeof own], known, measure);
	});
}

quality('is measured in pictures of any shape that a model may see', () => {
	for (const [width, height] of [
		[32, 32],
		[33, 700],
		[640, 96],
	] as const) {
		const { own, cells } = lookAt(new Uint8Array(width * height * 3).fill(100), { width, height });
		assert.is(Math.round(2 ** own.light - 1), 100);
		assert.ok(cells.every((v) => v === 0));
	}
});

quality.run();
