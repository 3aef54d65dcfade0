import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { survey } from '../../src/learn/survey.js';

const surveys = suite('the survey of good pictures');

type Shown = {
	readonly name: string;
	readonly width: number;
	readonly height: number;
	readonly rgb: readonly number[];
};

const shown = (name: string, width: number, height: number, ...rgb: number[]): Shown => ({
	name,
	width,
	height,
	rgb,
});

const surveyOf = (pictures: readonly Shown[]) =>
	survey(
		{
			count: pictures.length,
			name: (i) => pictures[i]!.name,
			image: async (i) => {
				const { rgb, width, height } = pictures[i]!;
				return { input: Uint8Array.from(rgb), size: { width, height } };
			},
		},
		{ width: 1, height: 1 },
		new AbortController().signal,
	);

const usual = [
	shown('a', 640, 480, 0, 50, 200),
	shown('b', 600, 500, 9, 60, 200),
	shown('c', 620, 470, 1, 1, 90),
];

surveys('tells the least and the most of their widths and heights, each for itself', async () => {
	const { picture } = await surveyOf(usual);
	assert.equal(picture, {
		smallest: { width: 600, height: 470 },
		largest: { width: 640, height: 500 },
		grey: false,
	});
});

surveys('tells whether all of them are grey', async () => {
	const grey = [shown('a', 9, 9, 1, 1, 1, 90, 90, 90), shown('b', 9, 9, 3, 3, 3, 70, 70, 70)];
	assert.is((await surveyOf(grey)).picture.grey, true);
	assert.is((await surveyOf([...grey, ...usual])).picture.grey, false);
});

for (const [what, pictures] of [
	['one byte of one of them', [usual[0]!, usual[1]!, { ...usual[2]!, rgb: [1, 2, 90] }]],
	['a name', [usual[0]!, usual[1]!, { ...usual[2]!, name: 'd' }]],
	['their order', [usual[1]!, usual[0]!, usual[2]!]],
	['their number', usual.slice(1)],
	['which name has which content', [{ ...usual[0]!, name: 'b' }, { ...usual[1]!, name: 'a' }, usual[2]!]],
] as const) {
	surveys(`knows the same pictures again, and sees when another is ${what}`, async () => {
		const { sha256 } = await surveyOf(usual);
		assert.match(sha256, /^[0-9a-f]{64}$/);
		assert.is((await surveyOf([...usual])).sha256, sha256);
		assert.is.not((await surveyOf(pictures)).sha256, sha256);
	});
}

surveys('tells which pictures are of one part, and of copies of one file only that they are', async () => {
	const random = randomFrom(4);
	const size = { width: 64, height: 64 };
	const part = () => Uint8Array.from({ length: 64 * 64 }, () => 40 + random.below(160)).map((v) => v);
	const coloured = (grey: Uint8Array, gain = 1) =>
		Uint8Array.from({ length: grey.length * 3 }, (_, i) => gain * grey[Math.floor(i / 3)]! + (i % 3));
	const parts = Array.from({ length: 6 }, part);
	const inputs = [...parts.map((one) => coloured(one)), coloured(parts[1]!, 0.7)];
	const surveyed = (all: readonly Uint8Array[]) =>
		survey(
			{ count: all.length, name: (i) => `p${i}`, image: async (i) => ({ input: all[i]!, size }) },
			size,
			new AbortController().signal,
		);
	const found = await surveyed(inputs);
	assert.equal(found.groups, [[1, 6]]);
	assert.is(found.likenesses.length, 7);
	assert.is(found.warnings.length, 1);
	assert.match(
		found.warnings[0]!,
		'2 pictures are of one part that was photographed more than once, like "p1" and "p6"',
	);
	const copied = await surveyed([...inputs.slice(0, 6), inputs[2]!]);
	assert.equal(copied.groups, [[2, 6]]);
	assert.equal(
		copied.warnings.map((one) => one.slice(0, 18)),
		['1 picture is twice'],
	);
});

surveys.run();
